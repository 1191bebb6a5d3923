"""The arrow VERIFY: recovery is proven, not assumed. An unknown outcome never leads to a further action by itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from platelet import checks
from platelet.core import escalating, record, stuck_pods
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.policy import ActionTraits, Step
from platelet.model.reading import Question
from platelet.model.remediation import Attempt, Remediation, RemediationStatus, VerdictName
from platelet.model.rules import Trial
from platelet.model.signal import SHOWN, Evidence
from platelet.model.situation import Situation
from platelet.model.verdict import Verdict
from platelet.model.workload import WorkloadRef


def questions(remediation: Remediation, steps: Sequence[Step], target: WorkloadRef) -> frozenset[Question]:
    """What must be asked of others to judge it now: only once the rollout is complete, and while it is verified."""
    status, attempt = remediation.status, _attempt(remediation.status)
    if status.state != "Verifying" or status.verifying is None or attempt is None or attempt.step >= len(steps):
        return frozenset()
    return checks.questions(steps[attempt.step].verify, status.verifying, target)


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Ask the checks; on an outcome go to Monitoring, or where the step says: to the next one, or to people."""
    attempt = _attempt(status)
    if attempt is None or status.verifying is None or situation.snapshot.workload is None:
        return Decision(status=record.enter(status, "Waiting", reasons.UNKNOWN_OUTCOME, "no attempt to verify"))
    if situation.budget is not None and situation.budget.leaving(now):
        return _break_off(status, attempt, now)
    seen = replace(situation, remediation=replace(situation.remediation, status=status))
    verification = _step(situation, attempt).verify
    trial = Trial(situation=seen, verification=verification, verifying=status.verifying, attempt=attempt)
    trial = checks.keep_time(trial, now)
    status = replace(status, verifying=trial.verifying)
    verdict = checks.judge(trial, now)
    if verdict.outcome == "Pending":
        waiting = replace(status, reason=verdict.reason, message=record.clip(verdict.message))
        return stuck_pods.decide(situation, Decision(status=waiting, again_at=verdict.retry_at), attempt, now)
    status = _conclude(status, attempt, verdict, now)
    if verdict.outcome == "Recovered":
        return _recovered(status, attempt, verdict, now)
    return _unproven(situation, status, attempt, verdict, now)


def _break_off(status: RemediationStatus, attempt: Attempt, now: datetime) -> Decision:
    """People remove platelet: what it lent goes back at once, so there is nothing left to be proven."""
    verdict = Verdict(outcome="Inconclusive", reason=reasons.SUSPENDED, message="platelet is about to be removed")
    concluded = _conclude(status, attempt, verdict, now)
    return Decision(status=record.enter(concluded, "Waiting", verdict.reason, verdict.message))


def _unproven(
    situation: Situation, status: RemediationStatus, attempt: Attempt, verdict: Verdict, now: datetime
) -> Decision:
    """Where a step without a proof leads. What others have changed back is for people, whatever the step says."""
    step = _step(situation, attempt)
    if verdict.reason == reasons.REVERTED_BY_OTHERS:
        return escalating.escalate(situation, status, verdict.reason, verdict.message, now)
    if verdict.outcome == "Inconclusive":
        if step.on_inconclusive == "Escalate":
            return escalating.escalate(situation, status, reasons.INCONCLUSIVE, verdict.message, now)
        return _go_on(status, attempt, verdict, now)
    match step.on_failure:
        case "Escalate":
            return escalating.escalate(situation, status, verdict.reason, verdict.message, now)
        case "Stop":
            return escalating.stop(situation, status, verdict.message, now)
        case _ if verdict.may_still_happen or step.on_failure == "Revert":
            return _go_on(replace(status, reverting=attempt.id), attempt, verdict, now)
        case _:
            return _go_on(status, attempt, verdict, now)


def _go_on(status: RemediationStatus, attempt: Attempt, verdict: Verdict, now: datetime) -> Decision:
    """To the next step. A check that has failed is a fact of ill health, which no pod and no alert may show."""
    if verdict.is_fact:
        fact = Evidence(
            source="check",
            reason=verdict.reason,
            fingerprint=f"check/{attempt.id}",
            message=record.clip(verdict.message),
            first_seen=now,
            last_seen=now,
            holds_at=now,
        )
        status = record.merge_evidence(status, fact)
    following = record.enter(replace(status, step=status.step + 1), "Waiting", verdict.reason, verdict.message)
    return Decision(status=following)


def _step(situation: Situation, attempt: Attempt) -> Step:
    steps = situation.ladder.steps
    if attempt.step < len(steps):
        return steps[attempt.step]
    return Step(name="", action=attempt.action, settings=None, traits=ActionTraits(name=attempt.action))


def _attempt(status: RemediationStatus) -> Attempt | None:
    return next((attempt for attempt in reversed(status.attempts) if attempt.kind == "Act"), None)


def _conclude(status: RemediationStatus, attempt: Attempt, verdict: Verdict, now: datetime) -> RemediationStatus:
    name: VerdictName = "Failed"
    if verdict.outcome in ("Recovered", "Inconclusive"):
        name = "Recovered" if verdict.outcome == "Recovered" else "Inconclusive"
    text = record.clip(verdict.message)
    judged = replace(attempt, verdict=name, verdict_at=now, verdict_message=text)
    status = record.put_attempt(status, judged)
    return record.note(status, now, step=status.step_name, by="verification", reason=verdict.reason, message=text)


def _recovered(status: RemediationStatus, attempt: Attempt, verdict: Verdict, now: datetime) -> Decision:
    status = record.enter(status, "Monitoring", reasons.RECOVERED, f"{attempt.summary}: {verdict.message}")
    status = record.set_condition(status, "Recovered", reasons.RECOVERED, attempt.summary, now)
    status = record.resolve(replace(status, recovered_at=now), now, *SHOWN, "check", "request")
    return Decision(status=status)
