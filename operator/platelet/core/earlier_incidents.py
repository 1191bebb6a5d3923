"""Which earlier Remediation of a target a new one continues, and at which step: attempts carry over (TRAPS 25).

Limits and the ladder are keyed by the target's name. What people have released since, and a Runbook that they have
changed, begin a ladder of their own. A fault that a step has mended three times within a day, each time for a while
only, goes on with the step after it; and at once, if that step may help but once a day.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from platelet import changes
from platelet.api.kinds.runbook import Runbook
from platelet.core import record, since_escalation
from platelet.model import reasons, windows
from platelet.model.policy import DAY, Policy
from platelet.model.remediation import Attempt, Remediation, RemediationStatus

OFTEN = 3  # recoveries of one target within a day: what comes back then is not mended by that step
_NEVER = datetime.min.replace(tzinfo=UTC)


def find(
    siblings: Sequence[Remediation], policy: Policy, runbook: Runbook, live_template: str | None, now: datetime
) -> tuple[Remediation | None, int]:
    """What a new Remediation of the target continues (None: nothing), and the step that it begins with.

    A step beyond the last means that the ladder is used up: people have it at once. `live_template` is the hash of the
    target's template now; None: not known, so nothing begins anew for its sake.
    """
    closed = [sibling for sibling in siblings if sibling.status.closed_at is not None]
    last = max(closed, key=_closed_at, default=None)
    given_up = next(
        (remediation for remediation in closed if _was_given_up(remediation, policy, runbook, live_template, now)), None
    )
    if given_up is not None:
        return given_up, len(runbook.steps)
    relapsed = [remediation for remediation in closed if _mended_for_a_while(remediation, runbook, live_template, now)]
    spent = [remediation for remediation in relapsed if _is_spent(remediation)]
    if spent or len(relapsed) >= OFTEN:
        latest = max(spent or relapsed, key=_closed_at)
        return latest, next_step(latest.status)
    gone = [
        remediation for remediation in closed if _is_gone(remediation, policy.limits.reopen_within, live_template, now)
    ]
    if gone:
        latest = max(gone, key=_closed_at)
        return latest, next_step(latest.status)
    return (last, 0) if last is not None and _is_indebted(last.status) else (None, 0)


def next_step(status: RemediationStatus) -> int:
    """The step that a fault which has come back goes on with: the one after the last that was tried, and no later.

    What was tried before people handed the incident back counts no more.
    """
    tried = any(attempt.step == status.step and attempt.may_have_landed for attempt in record.attempts_anew(status))
    return status.step + 1 if tried else status.step


def may_be_continued(remediation: Remediation) -> bool:
    """Whether a later one of the target may take over what this one, which is closed, holds as firing."""
    status = remediation.status
    return _target_is_gone(status) or _was_escalated(status) or _is_indebted(status)


def asks_for_template(siblings: Sequence[Remediation]) -> bool:
    """Whether the target's live template may matter to what becomes of a fact."""
    recovered = [sibling for sibling in siblings if sibling.status.reason == reasons.RECOVERED]
    if len(recovered) >= OFTEN or any(map(_is_spent, recovered)):
        return True
    return any(
        sibling.status.state in ("Monitoring", "Verifying")
        or (sibling.status.state == "Closed" and (_was_escalated(sibling.status) or _target_is_gone(sibling.status)))
        for sibling in siblings
    )


def _was_given_up(
    before: Remediation, policy: Policy, runbook: Runbook, live_template: str | None, now: datetime
) -> bool:
    """Whether its steps were tried for this very template in vain, and its escalation ended though nobody did anything.

    What people were told of once and what then came back within a day is for people again. So is what another policy
    took over meanwhile, where this one was the one that had tried.
    """
    status = before.status
    taken_over = status.reason == reasons.CANCELLED and before.spec.policy_ref.uid == policy.uid
    by_itself = status.reason == reasons.RESOLVED_BY_ITSELF or _target_is_gone(status) or taken_over
    return (
        by_itself
        and _was_escalated(status)
        and record.has_acted(status)
        and _is_of_today(before, runbook, live_template, now)
    )


def _mended_for_a_while(before: Remediation, runbook: Runbook, live_template: str | None, now: datetime) -> bool:
    """Whether it recovered by a step that was meant to last; a temporary change is meant to be needed again."""
    recovered = before.status.reason == reasons.RECOVERED and bool(_lasting(before))
    return recovered and _is_of_today(before, runbook, live_template, now)


def _lasting(before: Remediation) -> list[Attempt]:
    """The attempts that have helped and were meant to last."""
    return [
        attempt
        for attempt in before.status.attempts
        if attempt.kind == "Act" and attempt.verdict == "Recovered" and attempt.revert is None
    ]


def _is_spent(before: Remediation) -> bool:
    """Whether what helped is not done again within a day: each time it would take more."""
    return any(map(changes.is_for_once, _lasting(before)))


def _is_of_today(before: Remediation, runbook: Runbook, live_template: str | None, now: datetime) -> bool:
    """Whether it ended within a day, went by this very Runbook, and met the template that is live."""
    pinned = before.spec.runbook_ref
    same_ladder = (pinned.namespace, pinned.name, pinned.uid, pinned.generation) == (
        runbook.namespace,
        runbook.name,
        runbook.uid,
        runbook.generation,
    )
    return (
        same_ladder
        and not before.spec.by_hand
        and now - _closed_at(before) < DAY
        and (live_template is None or live_template in since_escalation.known_templates(before.status))
    )


def _is_gone(before: Remediation, reopen_within: timedelta, live_template: str | None, now: datetime) -> bool:
    """Whether its target was deleted a moment ago, and what is there now is the same: its ladder goes on."""
    status = before.status
    return (
        _target_is_gone(status)
        and not before.spec.by_hand  # its ladder was another one
        and not _was_escalated(status)
        and bool(status.attempts)
        and now - _closed_at(before) < reopen_within
        and (live_template is None or live_template in since_escalation.known_templates(status))
    )


def _is_indebted(status: RemediationStatus) -> bool:
    """Whether it was closed before its temporary change was reverted: its alerts tell when that is due."""
    lent = {attempt.id for attempt in status.attempts if attempt.revert is not None and attempt.phase == "Done"}
    ended = (attempt for attempt in status.attempts if attempt.kind == "Revert" and attempt.phase == "Done")
    return bool(lent - {windows.origin_of(attempt.id) for attempt in ended})


def _was_escalated(status: RemediationStatus) -> bool:
    """Whether people had it when it was closed."""
    return status.escalation is not None


def _target_is_gone(status: RemediationStatus) -> bool:
    return status.reason == reasons.TARGET_GONE


def _closed_at(remediation: Remediation) -> datetime:
    return remediation.status.closed_at or _NEVER
