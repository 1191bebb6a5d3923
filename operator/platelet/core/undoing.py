"""A step whose proof failed and that says `onFailure: Undo` is taken back before the next one is tried.

It is an attempt of kind TakeBack, `<attempt id>/back`, under the same protocol as any other: reserved but not counted,
intended, preconditioned. Where it cannot be done (others have changed the target, or the end would be worse than this)
the record says why, and the next step follows.
"""

from dataclasses import replace
from datetime import datetime

from platelet import actions, guards
from platelet.core import belonging, meaning, record, taking_back
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Settle
from platelet.model.intent import PostState
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

_TRIES = 3  # that were superseded


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Reserve, or record the intent, or go on. Waits while people have suspended us, or the time is not known."""
    undone = next((each for each in status.attempts if each.id == status.undoing), None)
    workload, policy = situation.workload, situation.policy
    if undone is None or workload is None or policy is None:
        return Decision(status=replace(status, undoing=""))
    step = situation.steps[undone.step].name if undone.step < len(situation.steps) else ""
    tried, identity = taking_back.tries(status, undone.id)
    if tried and (tried[-1].phase != "Superseded" or len(tried) >= _TRIES):
        return _go_on(situation, status, tried[-1], now)
    denial = guards.first_denial(situation, now, guards.FOR_UNDOING)
    if denial is not None:
        by, no = denial
        waiting = record.wait(status, now, step=step, by=by, reason=no.reason, message=no.message, until=no.retry_at)
        return Decision(status=waiting, again_at=no.retry_at)
    post = _plan(undone, situation)
    if isinstance(post, Refusal):
        noted = record.note(status, now, step=step, by="onFailure", reason=post.reason, message=post.message)
        return Decision(status=replace(noted, undoing=""))
    if missing := taking_back.reservation(situation, identity, policy.key, now):
        return Decision(status=status, effects=(missing,))
    attempt = Attempt(
        id=identity,
        kind="TakeBack",
        step=undone.step,
        action=undone.action,
        summary=record.clip(f"undo, since it did not help: {undone.summary}"),
        intended_at=now,
        pre=meaning.pin(workload, meaning.written_autoscaler(situation, post)),
        post=post,
    )
    noted = record.note(status, now, step=step, by="onFailure", reason=reasons.INTENDED, message=attempt.summary)
    return Decision(status=record.put_attempt(noted, attempt))


def _plan(undone: Attempt, situation: Situation) -> PostState | Refusal:
    action = actions.BY_KEY.get(undone.action)
    if action is None or action.undo is None:
        return Refusal(reason=reasons.NOT_UNDONE, message=f"{undone.action} cannot be taken back")
    forced = situation.policy is not None and situation.policy.force
    owner = belonging.new_owner(situation, undone.post, forced=forced)
    if owner:
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=f"{owner} owns it by now")
    return action.undo(undone, situation)


def _go_on(situation: Situation, status: RemediationStatus, last: Attempt, now: datetime) -> Decision:
    """It is over, whatever came of it. What was to be taken back later is so already."""
    entries = situation.budget.status.entries if situation.budget else ()
    lent = [each for each in entries if each.id == status.undoing and each.take_back and not each.take_back.done]
    over = replace(status, undoing="")
    if last.phase != "Done" or not lent:
        return Decision(status=over)
    return Decision(status=over, effects=(Settle(attempt=status.undoing, at=now, taken_back=True),))
