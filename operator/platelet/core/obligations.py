"""What Remediations say is still to be taken back: from it the budget's obligations are built anew when they are lost.

The obligation lives on the budget entry, so that deleting the Remediation does not lose it; here is the other half, so
that deleting the budget does not lose it either.
"""

from collections.abc import Iterable, Iterator

from platelet.core import meaning
from platelet.model import windows
from platelet.model.budget import Entry, PendingTakeBack
from platelet.model.remediation import Attempt, Remediation

_MAY_HAVE_LENT = ("Intended", "Done", "Unknown")


def owed(remediations: Iterable[Remediation]) -> tuple[Entry, ...]:
    """The entries of all attempts, of open Remediations and of closed ones, whose temporary change is not settled."""
    known = [each for each in remediations if each.spec.mode != "Observe"]
    settled = {name for remediation in known for name in _settled(remediation)}
    return tuple(
        _entry(remediation, attempt)
        for remediation in known
        for attempt in remediation.status.attempts
        if attempt.take_back is not None and attempt.phase in _MAY_HAVE_LENT and attempt.id not in settled
    )


def still_owe(remediations: Iterable[Remediation]) -> frozenset[str]:
    """The uids of the Remediations without which such a change could not be built anew."""
    return frozenset(windows.remediation_of(entry) for entry in owed(remediations))


def _settled(remediation: Remediation) -> Iterator[str]:
    """Attempts whose change this Remediation has taken back, or knows not to be owed; they may be another one's."""
    yield from remediation.status.let_go
    for each in remediation.status.attempts:
        if each.kind == "TakeBack" and each.phase == "Done":
            yield windows.origin_of(each.id)


def _entry(remediation: Remediation, attempt: Attempt) -> Entry:
    over = attempt.verdict_at or (attempt.outcome_at if remediation.status.state == "Closed" else None)
    return Entry(
        id=attempt.id,
        target=remediation.target,
        policy=remediation.policy_key,
        epoch=0,  # of a budget that is gone
        reserved_at=attempt.intended_at,
        outcome="Done" if attempt.phase == "Done" else "Unknown" if attempt.phase == "Unknown" else None,
        outcome_at=attempt.outcome_at,
        settled_at=over,
        take_back=_take_back(attempt),
    )


def _take_back(attempt: Attempt) -> PendingTakeBack | None:
    if attempt.take_back is None:
        return None
    return PendingTakeBack(
        ours=attempt.post,
        before=meaning.as_before(attempt),
        uid=attempt.pre.uid,
        due_at=attempt.take_back.due_at,
        when_resolved=attempt.take_back.when_resolved,
    )
