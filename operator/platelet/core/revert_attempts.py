"""Attempts of kind Revert: `<attempt id>/back` puts back what that attempt has written, as far as it is still ours.

They follow the same protocol as any other: reserved, but not counted; intended; preconditioned.
"""

from collections.abc import Sequence
from datetime import datetime

from platelet import changes
from platelet.core import record
from platelet.model import reasons
from platelet.model.budget import Entry
from platelet.model.effects import Reserve
from platelet.model.intent import PinnedChange
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal


def tries(status: RemediationStatus, attempt: str) -> tuple[list[Attempt], str]:
    """The reverts of an attempt that this Remediation has tried, and the id of the next one."""
    tried = [known for known in status.attempts if known.id.startswith(f"{attempt}/back")]
    return tried, f"{attempt}/back" + (f"/{len(tried) + 1}" if tried else "")


def reservation(situation: Situation, back: str, policy: str, now: datetime) -> Reserve | None:
    """What puts the revert of this id on the budget; None when it is there already."""
    entries = situation.budget.status.entries if situation.budget else ()
    if any(entry.id == back for entry in entries):
        return None
    entry = Entry(
        id=back, kind="Revert", target=situation.target, policy=policy, epoch=situation.knowledge.epoch, reserved_at=now
    )
    return Reserve(entry=entry, situation=situation)


def plan(
    written: Sequence[PinnedChange], policy: str, situation: Situation, now: datetime
) -> tuple[PinnedChange, ...] | Refusal:
    """What puts back each change that is still ours, the last one first; or why nothing is to be put back.

    What is of the moment (a restart) only brings to pods what was put back: it comes after that, or not at all.
    When a step was planned nobody owned what it would write, or its policy (`namespace/name`) had set `force` (I17).
    What owns it since would revert it in turn, or be overridden by it.
    """
    forced = situation.policy is not None and situation.policy.force and situation.policy.key == policy
    back: list[PinnedChange] = []
    refusals: list[Refusal] = []
    for change in reversed(written):
        owner = changes.of(change).new_owner(change, situation, forced=forced)
        owned = Refusal(reason=reasons.NOT_OURS_ANYMORE, message=f"{owner} owns it by now")
        outcome = owned if owner else changes.of(change).revert(change, situation)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            back.append(outcome)
    lasting = [change for change in back if not changes.of(change).of_the_moment]
    following = [changes.at_the_moment(change, now) for change in back if change not in lasting] if lasting else []
    nothing = Refusal(reason=reasons.NOT_OURS_ANYMORE, message="nothing of it is there any more")
    return changes.pin([*lasting, *following], situation) or next(iter(refusals), nothing)


def intend(status: RemediationStatus, attempt: Attempt, step: str, by: str) -> RemediationStatus:
    """Put the attempt on record before anything is written, with a note for people of who wants it."""
    noted = record.note(status, attempt.intended_at, step=step, by=by, reason=reasons.INTENDED, message=attempt.summary)
    return record.put_attempt(noted, attempt)
