"""A step whose proof failed and that says `onFailure: Revert` is reverted before the next one is tried.

Where it cannot be done (others have changed the target, or the end would be worse than this) the record says why, and
the next step follows.
"""

from dataclasses import replace
from datetime import datetime

from platelet import actions, guards
from platelet.core import record, revert_attempts, target_state
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Settle
from platelet.model.intent import PinnedChange
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.rules import Moment
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

_TRIES = 3  # that were superseded


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Reserve, or record the intent, or go on. Waits while people have suspended us, or the time is not known."""
    failed = next((attempt for attempt in status.attempts if attempt.id == status.reverting), None)
    workload, policy = situation.snapshot.workload, situation.policy
    if failed is None or workload is None or policy is None:
        return Decision(status=replace(status, reverting=""))
    step = situation.ladder.steps[failed.step].name if failed.step < len(situation.ladder.steps) else ""
    tried, identity = revert_attempts.tries(status, failed.id)
    if tried and (tried[-1].phase != "Superseded" or len(tried) >= _TRIES):
        return _go_on(situation, status, tried[-1], now)
    denial = guards.first_denial(situation, now, Moment.REVERT_STEP)
    if denial is not None:
        by, no = denial
        waiting = record.wait(status, now, step=step, by=by, reason=no.reason, message=no.message, until=no.retry_at)
        return Decision(status=waiting, again_at=no.retry_at)
    planned = _plan(failed, policy.key, situation, now)
    if isinstance(planned, Refusal):
        noted = record.note(status, now, step=step, by="onFailure", reason=planned.reason, message=planned.message)
        return Decision(status=replace(noted, reverting=""))
    if missing := revert_attempts.reservation(situation, identity, policy.key, now):
        return Decision(status=status, effects=(missing,))
    attempt = Attempt(
        id=identity,
        kind="Revert",
        step=failed.step,
        action=failed.action,
        summary=record.clip(f"revert, since it did not help: {failed.summary}"),
        intended_at=now,
        pre=target_state.pin(workload),
        changes=planned,
    )
    return Decision(status=revert_attempts.intend(status, attempt, step, "onFailure"))


def _plan(failed: Attempt, policy: str, situation: Situation, now: datetime) -> tuple[PinnedChange, ...] | Refusal:
    """The changes that put back what the step has changed, the last one first; what is not ours any more stays."""
    action = actions.BY_KEY.get(failed.action)
    if action is None or not action.is_reversible:
        return Refusal(reason=reasons.NOT_REVERSIBLE, message=f"{failed.action} cannot be reverted")
    return revert_attempts.plan(failed.landed, policy, situation, now)


def _go_on(situation: Situation, status: RemediationStatus, last: Attempt, now: datetime) -> Decision:
    """It is over, whatever came of it. What was to be reverted later is so already."""
    entries = situation.budget.status.entries if situation.budget else ()
    lent = [entry for entry in entries if entry.id == status.reverting and entry.revert and not entry.revert.done]
    over = replace(status, reverting="")
    if last.phase != "Done" or not lent:
        return Decision(status=over)
    return Decision(status=over, effects=(Settle(attempt=status.reverting, at=now, reverted=True),))
