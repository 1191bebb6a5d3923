"""The arrow VERIFY: recovery is proven, not assumed. An unknown outcome never leads to a further action by itself."""

from dataclasses import replace
from datetime import datetime

from platelet import checks, sinks
from platelet.core import escalating, record
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.remediation import Attempt, RemediationStatus, VerdictName
from platelet.model.situation import Situation
from platelet.model.verdict import Verdict


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Ask the checks; on an outcome go to Monitoring, to the next step, or to people."""
    attempt = next((each for each in reversed(status.attempts) if each.kind == "Act"), None)
    if attempt is None or status.verifying is None or situation.workload is None:
        return Decision(status=record.enter(status, "Waiting", reasons.UNKNOWN_OUTCOME, "no attempt to verify"))
    if status.verifying.complete_at is None and checks.is_complete(situation.workload, situation.revisions):
        status = replace(status, verifying=replace(status.verifying, complete_at=now))
    verdict = _judge(situation, status, attempt, now)
    if verdict.outcome == "Pending":
        waiting = replace(status, reason=verdict.reason, message=record.clip(verdict.message))
        return Decision(status=waiting, again_at=verdict.retry_at)
    status = _conclude(status, attempt, verdict, now)
    if verdict.outcome == "Recovered":
        return _recovered(situation, status, attempt, verdict, now)
    if verdict.outcome == "Inconclusive":
        return escalating.escalate(situation, status, reasons.INCONCLUSIVE, verdict.message, now)
    if verdict.reason == reasons.REVERTED_BY_OTHERS:
        return escalating.escalate(situation, status, verdict.reason, verdict.message, now)
    following = record.enter(replace(status, step=status.step + 1), "Waiting", verdict.reason, verdict.message)
    return Decision(status=following)


def _judge(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> Verdict:
    known = attempt.step < len(situation.steps)
    verification = situation.steps[attempt.step].verify if known else Verification()
    if status.verifying is None or situation.workload is None:
        return Verdict(outcome="Inconclusive", reason=reasons.UNKNOWN_OUTCOME, message="the target cannot be read")
    seen = replace(situation, remediation=replace(situation.remediation, status=status))
    return checks.judge(seen, verification, status.verifying, attempt, now)


def _conclude(status: RemediationStatus, attempt: Attempt, verdict: Verdict, now: datetime) -> RemediationStatus:
    name: VerdictName = "Failed"
    if verdict.outcome in ("Recovered", "Inconclusive"):
        name = "Recovered" if verdict.outcome == "Recovered" else "Inconclusive"
    text = record.clip(verdict.message)
    judged = replace(attempt, verdict=name, verdict_at=now, verdict_message=text)
    status = record.put_attempt(status, judged)
    return record.note(status, now, step=status.step_name, by="verification", reason=verdict.reason, message=text)


def _recovered(
    situation: Situation, status: RemediationStatus, attempt: Attempt, verdict: Verdict, now: datetime
) -> Decision:
    status = record.enter(status, "Monitoring", reasons.RECOVERED, f"{attempt.summary}: {verdict.message}")
    status = record.set_condition(status, "Recovered", reasons.RECOVERED, attempt.summary, now)
    status = record.resolve_pods(replace(status, recovered_at=now), now)
    notice = sinks.Notice(
        kind="Recovered",
        remediation=replace(situation.remediation, status=status),
        workload=situation.workload,
        policy=situation.policy,
        reason=reasons.RECOVERED,
        message=status.message,
        at=now,
    )
    return Decision(status=status, effects=sinks.publish(notice))
