"""One explained Remediation in words for people."""

from collections.abc import Iterable
from datetime import datetime

from platelet import changes
from platelet.core.conditions import Answer
from platelet.explain import lines
from platelet.explain.incident import Incident, Judgement, LadderStep
from platelet.explain.outlook import Next
from platelet.model import log_tail, recent_change
from platelet.model.budget import Entry
from platelet.model.notification import NoticeKind, Notification
from platelet.model.remediation import Attempt, DecisionRecord, RemediationStatus
from platelet.model.signal import Evidence
from platelet.model.verdict import Deny, Refusal

_PLACES = {"behind": "behind us", "current": "current", "ahead": "if it comes to that"}


def text(incident: Incident) -> list[str]:
    """All that is known of it, with what comes next at the end, where the eye rests."""
    remediation, now = incident.remediation, incident.now
    status, ref, runbook = remediation.status, remediation.spec.policy_ref, remediation.spec.runbook_ref
    return [
        f"Remediation {remediation.namespace}/{remediation.name}",
        *_indented(
            lines.fields(
                {
                    "target": f"{incident.target}" + ("" if incident.target_exists else " (does not exist any more)"),
                    "policy": f"{ref.namespace}/{ref.name} ({incident.policy})",
                    "runbook": f"{runbook.name}, as of its generation {runbook.generation}",
                    "opened": _opened(incident),
                    "state": _state(status),
                    "waiting": _waiting(status, now),
                    "closed": lines.moment(status.closed_at, now) if status.closed_at else "",
                }
            )
        ),
        *lines.section("Signals now", signals(incident)),
        *lines.section("Evidence", _evidence(status, now)),
        *lines.section("What changed before", recent_change.say(status.recent_change)),
        *lines.section("Log", log_tail.say(status.log_tail)),
        *lines.section(
            "Steps",
            (line for number, rung in enumerate(incident.ladder, 1) for line in _ladder_step(number, rung, now)),
        ),
        *lines.section("Attempts", (line for attempt in status.attempts for line in _attempt(attempt, now))),
        *lines.section("Approval", _approval(status, now)),
        *lines.section("To be reverted", (_revert(revert, now) for revert in incident.reverts)),
        *lines.section("Other decisions", _other_decisions(incident)),
        *lines.section("Escalation", _escalation(status, now)),
        *lines.section("Next", following(incident.following, now)),
    ]


def signals(incident: Incident) -> list[str]:
    """What is wrong at this moment."""
    if incident.remediation.status.state == "Closed":
        return []
    if not incident.signals:
        return ["none: nothing is wrong that the policy's triggers look for"]
    return [
        f"{signal.reason} since {lines.moment(signal.since, incident.now)}: {signal.message}"
        + (
            f"; old enough to act on {lines.moment(signal.holds_at, incident.now)}"
            if signal.holds_at > incident.now
            else ""
        )
        for signal in incident.signals
    ]


def following(steps: Iterable[Next], now: datetime) -> list[str]:
    """What comes next: `at TIME (in ...): ...`."""
    return [f"{_when(step, now)}{step.text}" for step in steps]


def _when(step: Next, now: datetime) -> str:
    if step.at is None:
        return ""
    return "now: " if abs((step.at - now).total_seconds()) < 1 else f"at {lines.moment(step.at, now)}: "


def _opened(incident: Incident) -> str:
    status = incident.remediation.status
    if not incident.looked_at or status.opened_at is None:
        return "not looked at by an operator yet"
    return lines.moment(status.opened_at, incident.now)


def _state(status: RemediationStatus) -> str:
    why = ": ".join(part for part in (status.reason, status.message) if part)
    return f"{status.state} ({why})" if why else status.state


def _waiting(status: RemediationStatus, now: datetime) -> str:
    waiting = status.waiting
    if waiting is None:
        return ""
    until = f", until {lines.moment(waiting.until, now)}" if waiting.until else ""
    return f"for {waiting.by}: {waiting.reason}{until}"


def _evidence(status: RemediationStatus, now: datetime) -> list[str]:
    facts = [_fact(fact, now) for fact in status.evidence]
    return facts + _dropped(status.evidence_dropped)


def _fact(fact: Evidence, now: datetime) -> str:
    times = "once" if fact.count == 1 else f"{fact.count} times"
    resolved = f", resolved {lines.moment(fact.resolved_at, now)}" if fact.resolved_at else ""
    if fact.suppressed_at and not fact.resolved_at:
        resolved = f", silenced, inhibited or muted since {lines.moment(fact.suppressed_at, now)}"
    return (
        f"{fact.source} {fact.reason}: {fact.message}; first {lines.moment(fact.first_seen, now)},"
        f" last {lines.moment(fact.last_seen, now)}, seen {times}{resolved}"
    )


def _ladder_step(number: int, rung: LadderStep, now: datetime) -> list[str]:
    body = [*_decisions(rung.decisions, now)]
    if rung.judgement is not None:
        outlook = rung.place == "ahead"
        body += _outlook(rung.judgement, rung.step.when) if outlook else _judgement(rung.judgement, rung.step.when, now)
    return [f"{number}. {rung.step.name}: {rung.step.action} ({_PLACES[rung.place]})", *_indented(body)]


def _outlook(judgement: Judgement, when: str) -> list[str]:
    """A step that is still to come: nothing of it is denied yet."""
    answer = [f"if        {when}" + ("" if judgement.condition.holds else ", which is not so now")] if when else []
    if isinstance(judgement.plan, Refusal):
        return [*answer, f"then      passed over, as things are: {judgement.plan.message}"]
    return [*answer, f"then      {judgement.plan.summary}"]


def _judgement(judgement: Judgement, when: str, now: datetime) -> list[str]:
    answer = [] if not when else [_condition(judgement.condition, when)]
    if isinstance(judgement.plan, Refusal):
        answer.append(f"refused   {judgement.plan.reason}: {judgement.plan.message}")
    else:
        answer.append(f"plan      {judgement.plan.summary}")
    return answer + _verdicts(judgement.verdicts, now)


def _condition(answer: Answer, when: str) -> str:
    return f"ok        when {when}" if answer.holds else f"no        {answer.reason}: {answer.message}"


def _verdicts(verdicts: Iterable[tuple[str, Deny | None]], now: datetime) -> list[str]:
    """Every guard in the order of asking; those that allow share lines."""
    answer: list[str] = []
    allowing: list[str] = []
    for name, denial in verdicts:
        if denial is None:
            allowing.append(name)
            continue
        answer += [f"ok        {', '.join(allowing)}"] if allowing else []
        answer.append(_denial(name, denial, now))
        allowing = []
    return answer + ([f"ok        {', '.join(allowing)}"] if allowing else [])


def _denial(name: str, denial: Deny, now: datetime) -> str:
    if denial.escalate:
        then = "; waiting cannot help: people are told"
    else:
        then = f"; asked again at {lines.moment(denial.retry_at, now)}" if denial.retry_at else ""
    return f"DENY      {name}: {denial.reason}: {denial.message}{then}"


def _attempt(attempt: Attempt, now: datetime) -> list[str]:
    ended = f"{attempt.phase} {lines.moment(attempt.outcome_at, now)}" if attempt.outcome_at else attempt.phase
    pre, verdict = attempt.pre, ""
    if attempt.verdict:
        at = f" {lines.moment(attempt.verdict_at, now)}" if attempt.verdict_at else ""
        verdict = f"{attempt.verdict}{at}: {attempt.verdict_message}"
    values = {
        "planned": lines.moment(attempt.intended_at, now),
        "approved": _approved(attempt, now),
        "before": f"template {pre.template_hash}, {pre.replicas} replicas, generation {pre.generation}",
        "after": changes.say_all(attempt.changes),
        "write": f"{ended}" + (f": {attempt.message}" if attempt.message else ""),
        "verdict": verdict,
    }
    log = log_tail.say(attempt.log_tail)
    return [f"{attempt.id} {attempt.action}: {attempt.summary}", *_indented([*lines.fields(values), *log])]


def _approved(attempt: Attempt, now: datetime) -> str:
    if attempt.approved_at is None:
        return ""
    return f"by {attempt.approved_by}, {lines.moment(attempt.approved_at, now)}"


def _approval(status: RemediationStatus, now: datetime) -> list[str]:
    """The last plan that people were asked about, and what they said."""
    asked = status.approval
    if asked is None:
        return []
    answer = f"{asked.answer or 'none yet'}" + (f", by {asked.by}" if asked.by else "")
    values = {
        "plan": f"{asked.step_name}: {asked.summary}",
        "because": asked.why,
        "token": asked.token,
        "asked": lines.moment(asked.asked_at, now),
        "expires": lines.moment(asked.expires_at, now),
        **_where_told(status, now, "ApprovalNeeded"),
        "looked at by": asked.acknowledged_by,
        "answer": answer + (f": {asked.message}" if asked.message else ""),
    }
    return lines.fields(values)


def _revert(entry: Entry, now: datetime) -> str:
    back = entry.revert
    if back is None:
        return entry.id
    due = [f"at {lines.moment(back.due_at, now)}"] if back.due_at else []
    due += ["when the alert has resolved"] if back.when_resolved else []
    when = " or ".join(due) or "never by itself"
    ours, before = changes.say_all(back.changes), changes.say_all(back.changes, before=True)
    return f"{ours} to {before} (attempt {entry.id}), {when}"


def _other_decisions(incident: Incident) -> list[str]:
    """Those of no step of this ladder, and how many were dropped."""
    status = incident.remediation.status
    names = {rung.step.name for rung in incident.ladder}
    others = tuple(decision for decision in status.decisions if decision.step not in names)
    return _decisions(others, incident.now) + _dropped(status.decisions_dropped)


def _decisions(decisions: Iterable[DecisionRecord], now: datetime) -> list[str]:
    return [
        f"recorded  {decision.by}: {decision.reason}: {decision.message}; {lines.moment(decision.last_at, now)}"
        + (f", {decision.count} times" if decision.count > 1 else "")
        for decision in decisions
    ]


def _escalation(status: RemediationStatus, now: datetime) -> list[str]:
    escalation = status.escalation
    if escalation is None:
        return []
    values = {
        "why": f"{escalation.reason}: {escalation.message}",
        "since": lines.moment(escalation.at, now),
        **_where_told(status, now, "Escalated"),
        "well since": lines.moment(status.healthy_since, now) if status.healthy_since else "",
    }
    return lines.fields(values)


def _where_told(status: RemediationStatus, now: datetime, kind: NoticeKind) -> dict[str, str]:
    """By level and sink: what has become of the last that it was to be told of the escalation, or the question."""
    calls = [notification for notification in status.notifications if notification.kind == kind]
    has_levels = any(call.level > 1 for call in calls)
    return {f"level {call.level}: {call.sink}" if has_levels else call.sink: _became(call, now) for call in calls}


def _became(notification: Notification, now: datetime) -> str:
    match notification.state:
        case "Acknowledged":
            return f"acknowledged by {notification.acknowledged_by}"
        case "Pending" if not notification.tries:
            return ""
        case "Pending" | "GivenUp":
            at = notification.next_try_at
            again = f", again at {lines.moment(at, now)}" if at else ""
            return f"not delivered after {notification.tries} tries: {notification.error}{again}"
        case "Delivered" if notification.told_at is not None:
            return f"delivered {lines.moment(notification.told_at, now)}"
        case _:
            return notification.state.lower()


def _dropped(count: int) -> list[str]:
    return [f"and {count} older ones that were dropped"] if count else []


def _indented(body: Iterable[str]) -> list[str]:
    return [lines.INDENT + line for line in body]
