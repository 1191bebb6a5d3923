"""On what a decision must rest before it is carried out: memory may lag, and what is done may not.

A look from memory costs nothing, and mostly there is nothing to do. A decision that would change anything is made anew
on fresh reads, as many as its meaning calls for; what comes of it then is carried out. So a memory that lags can only
delay (docs/adr/0021).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import DeletePod, Deliver, Effect, Publish, Settle, Write
from platelet.model.notification import Notification
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import DeliveryResult, Situation

Grounds = Literal["memory", "target", "everything"]
"""What is remembered; the target with its revisions and pods by quorum; and all that people may stop it by, too."""

_ORDER: tuple[Grounds, ...] = ("memory", "target", "everything")


def suffice(have: Grounds, need: Grounds) -> bool:
    """Whether what was read is enough."""
    return _ORDER.index(have) >= _ORDER.index(need)


def expected(status: RemediationStatus) -> Grounds:
    """With what to begin: the opening is always stored, and most looks after it find nothing to do."""
    return "target" if status.opened_at is None else "memory"


def needed(situation: Situation, decision: Decision) -> Grounds:
    """What the decision must rest on.

    A place on the budget and an intent are compared and swapped, and before anything is sent all is asked again, so for
    them the target is enough. What ends an incident, or hands it to people, may come from a policy or a budget.
    """
    before, after = situation.remediation.status, decision.status
    if any(isinstance(effect, Write | DeletePod) for effect in decision.effects):
        return "everything"
    if _is_told_by_an_answer(situation, after):
        return "memory"
    heard = _with_answers_of_sinks(before, after, situation.own_writes.results)
    if (after == before or _is_progress(heard, after)) and all(map(_is_bookkeeping, decision.effects)):
        return "memory"
    ends = after.state in ("Escalated", "Closed") and after.state != before.state
    return "everything" if ends and after.reason != reasons.RECOVERED else "target"


def _is_told_by_an_answer(situation: Situation, after: RemediationStatus) -> bool:
    """Whether it records what the API server has just answered to our own write."""
    answer = situation.own_writes.stored or situation.own_writes.failure
    before = _to_be_sent(situation.remediation.status)
    return answer is not None and answer.attempt in before - _to_be_sent(after)


def _to_be_sent(status: RemediationStatus) -> frozenset[str]:
    return frozenset(attempt.write_id for attempt in status.attempts if attempt.phase == "Intended")


def _with_answers_of_sinks(
    before: RemediationStatus, after: RemediationStatus, results: Sequence[DeliveryResult]
) -> RemediationStatus:
    """What was stored, with what became of each try that a sink has answered: that follows from the answer alone."""
    if len(before.notifications) != len(after.notifications):
        return before
    numbers = {(result.id, result.sink): result.number for result in results}

    def heard(old: Notification, new: Notification) -> Notification:
        is_tried = numbers.get((old.id, old.sink)) == new.tries == old.tries + 1
        return new if is_tried and (new.id, new.sink) == (old.id, old.sink) and new.state != "Withdrawn" else old

    return replace(before, notifications=tuple(map(heard, before.notifications, after.notifications)))


def _is_bookkeeping(effect: Effect) -> bool:
    """Whether it only says what is on record already: an outcome to the budget, or words to people."""
    return isinstance(effect, Settle | Publish | Deliver)


def is_in_words_only(before: RemediationStatus, after: RemediationStatus) -> bool:
    """Whether nothing but the words for how far it is are others."""
    return after == replace(before, reason=after.reason, message=after.message)


def _is_progress(before: RemediationStatus, after: RemediationStatus) -> bool:
    """Whether only the words for how far it is are others, the clocks of what is watched, and who tells of it."""
    told_elsewhere = after.held is not None and after.held.by_another
    return before.opened_at is not None and after == replace(
        before,
        reason=after.reason,
        message=after.message,
        verifying=after.verifying,
        healthy_since=after.healthy_since,
        quiet_since=after.quiet_since,
        held=after.held if told_elsewhere else before.held,
    )
