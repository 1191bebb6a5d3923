"""How long a closed Remediation is kept. Deleting it frees nothing: limits count on the ActionBudget (I27).

Never dropped is one without which something would be forgotten: what it lent and has not given back, what the budget
has not settled yet, and what an open one continues.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from platelet.core import obligations, record
from platelet.model import windows
from platelet.model.budget import Budget
from platelet.model.remediation import Remediation

KEPT_FOR: Final = timedelta(days=30)  # after it was closed
KEPT_PER_TARGET: Final = 10
KEPT_PER_NAMESPACE: Final = 200
_KEPT_AT_LEAST: Final = timedelta(days=1)  # as long as the budget remembers, and as attempts carry over
PINNED_WITHIN: Final = timedelta(hours=1)  # what is kept for a plan, and not pinned by then, is for none
GONE_FOR: Final = timedelta(days=2)  # a workload that is created again meanwhile finds its history
KEPT_OF_GONE: Final = 10  # per namespace, of all workloads that are gone
_NEVER = datetime.min.replace(tzinfo=UTC)


def outdated(remediations: Sequence[Remediation], budget: Budget | None, now: datetime) -> list[Remediation]:
    """Closed ones that are too old, or too many of one target (by mode) or of one namespace; the oldest go first.

    `remediations` are all that there are. Without a budget it is not known what must be kept, so nothing goes.
    """
    if budget is None:
        return []
    closed = droppable(remediations, budget)
    old = [remediation for remediation in closed if now - _closed_at(remediation, now) > KEPT_FOR]
    done_with = [remediation for remediation in closed if not _tells_where_to_go_on(remediation, now)]
    of_target = beyond(done_with, KEPT_PER_TARGET, lambda remediation: (remediation.target, remediation.spec.mode))
    settled = beyond(closed, KEPT_PER_NAMESPACE, lambda remediation: remediation.namespace)
    of_namespace = [remediation for remediation in settled if now - _closed_at(remediation, now) > _KEPT_AT_LEAST]
    return list({remediation.uid: remediation for remediation in (*old, *of_target, *of_namespace)}.values())


def droppable(remediations: Sequence[Remediation], budget: Budget) -> list[Remediation]:
    """The closed Remediations that nothing relies on any more."""
    pending = {windows.remediation_of(entry) for entry in budget.status.entries if entry.settled_at is None}
    kept = obligations.still_owe(remediations) | pending
    continued = {
        (remediation.namespace, remediation.spec.continues)
        for remediation in remediations
        if remediation.status.state != "Closed"
    }
    return [
        remediation
        for remediation in remediations
        if remediation.status.state == "Closed"
        and remediation.uid not in kept
        and (remediation.namespace, remediation.name) not in continued
    ]


def pinned_records(remediations: Iterable[Remediation], budget: Budget) -> frozenset[tuple[str, str]]:
    """The records that attempts on record, or what is still owed, need to be put back: namespaces and names."""
    attempts = {
        (remediation.namespace, record)
        for remediation in remediations
        for attempt in remediation.status.attempts
        for change in attempt.changes
        for record in change.records
    }
    lent = {
        (entry.target.namespace, record)
        for entry in budget.status.entries
        if entry.revert is not None and not entry.revert.done
        for change in entry.revert.changes
        for record in change.records
    }
    return frozenset(attempts | lent)


def of_gone(closed: Iterable[Remediation], gone: Collection[Hashable], now: datetime) -> list[Remediation]:
    """Those of workloads that are gone, once they are closed for days; the newest few of a namespace stay."""
    left = [remediation for remediation in closed if remediation.target in gone]
    return [
        remediation
        for remediation in beyond(left, KEPT_OF_GONE, lambda remediation: remediation.namespace)
        if has_been_closed(remediation, now)
    ]


def has_been_closed(remediation: Remediation, now: datetime) -> bool:
    """Whether it is closed for so long that its workload, if it is gone, will hardly come again."""
    return now - _closed_at(remediation, now) > GONE_FOR


def beyond(
    remediations: Iterable[Remediation], most: int, group: Callable[[Remediation], Hashable]
) -> list[Remediation]:
    """All but the newest `most` of each group."""
    groups: dict[Hashable, list[Remediation]] = defaultdict(list)
    for remediation in remediations:
        groups[group(remediation)].append(remediation)
    newest_first = [
        sorted(members, key=lambda member: member.status.closed_at or _NEVER, reverse=True)
        for members in groups.values()
    ]
    return [remediation for members in newest_first for remediation in members[most:]]


def _tells_where_to_go_on(remediation: Remediation, now: datetime) -> bool:
    """Whether a new one may have to go on after its steps (`core.earlier_incidents`); limits bound them."""
    return record.has_acted(remediation.status) and now - _closed_at(remediation, now) <= _KEPT_AT_LEAST


def _closed_at(remediation: Remediation, now: datetime) -> datetime:
    return remediation.status.closed_at or now
