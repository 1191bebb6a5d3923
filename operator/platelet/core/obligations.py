"""What Remediations say is still to be reverted: from it the budget's obligations are built anew when they are lost.

The obligation lives on the budget entry, so that deleting the Remediation does not lose it; here is the other half, so
that deleting the budget does not lose it either.
"""

from collections.abc import Iterable, Iterator

from platelet.model import windows
from platelet.model.budget import Entry, PendingRevert
from platelet.model.remediation import Attempt, Remediation

_MAY_HAVE_LENT = ("Intended", "Done", "Unknown")


def owed(remediations: Iterable[Remediation]) -> tuple[Entry, ...]:
    """The entries of all attempts, of open Remediations and of closed ones, whose temporary change is not settled."""
    known = [remediation for remediation in remediations if remediation.spec.mode != "Observe"]
    settled = {name for remediation in known for name in _settled(remediation)}
    return tuple(
        _entry(remediation, attempt)
        for remediation in known
        for attempt in remediation.status.attempts
        if attempt.revert is not None and attempt.phase in _MAY_HAVE_LENT and attempt.id not in settled
    )


def still_owe(remediations: Iterable[Remediation]) -> frozenset[str]:
    """The uids of the Remediations without which such a change could not be built anew."""
    return frozenset(windows.remediation_of(entry) for entry in owed(remediations))


def _settled(remediation: Remediation) -> Iterator[str]:
    """Attempts whose change this Remediation has reverted, or knows not to be owed; they may be another one's."""
    yield from remediation.status.let_go
    for attempt in remediation.status.attempts:
        if attempt.kind == "Revert" and attempt.phase == "Done":
            yield windows.origin_of(attempt.id)
        yield from attempt.put_back


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
        revert=_revert(attempt),
    )


def _revert(attempt: Attempt) -> PendingRevert | None:
    if attempt.revert is None:
        return None
    return PendingRevert(
        action=attempt.action,
        changes=attempt.changes,
        uid=attempt.pre.uid,
        due_at=attempt.revert.due_at,
        when_resolved=attempt.revert.when_resolved,
    )
