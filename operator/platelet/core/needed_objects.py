"""Which objects must be known because something was, or may be, written on them: read before anything is decided."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from platelet import actions, changes
from platelet.core import due_reverts
from platelet.model.autoscaler import Bounds
from platelet.model.intent import PinnedChange
from platelet.model.remediation import BEFORE_ACTING
from platelet.model.resource import Resource
from platelet.model.situation import Situation


def written_scalers(situation: Situation) -> frozenset[Bounds]:
    """The autoscalers that we wrote on: these must be known even if nothing is planned, and where they scale others."""
    scalers = (changes.of(change).scaler(change) for change in _written(situation))
    return frozenset(scaler for scaler in scalers if scaler is not None)


def asks_who_scales(situation: Situation, now: datetime) -> bool:
    """Whether something may be written in a moment that belongs to an autoscaler, if there is one."""
    status = situation.remediation.status
    under_way = (
        change
        for attempt in status.attempts
        if attempt.phase == "Intended" or attempt.id == status.reverting
        for change in attempt.changes
    )
    due = _lent(situation) if due_reverts.may_be_due(situation, now) else ()
    return any(changes.of(change).asks_who_scales for change in (*under_way, *due))


def written_objects(situation: Situation) -> frozenset[tuple[Resource, str]]:
    """What our changes are on, beside the target and its autoscalers: kinds and names, in the target's namespace."""
    return _objects_of(_written(situation))


def objects_at_work(situation: Situation) -> frozenset[tuple[Resource, str]]:
    """Those of them without which nothing can be decided: their write is under way, is verified, or is reverted."""
    status = situation.remediation.status
    last = next((attempt.id for attempt in reversed(status.attempts) if attempt.kind == "Act"), "")
    at_work = {status.reverting, last if status.state == "Verifying" else ""}
    return _objects_of(
        change
        for attempt in status.attempts
        if attempt.phase == "Intended" or attempt.id in at_work
        for change in attempt.changes
    )


def _objects_of(written: Iterable[PinnedChange]) -> frozenset[tuple[Resource, str]]:
    return frozenset(named for change in written for named in changes.of(change).objects(change))


def planned_objects(situation: Situation) -> frozenset[tuple[Resource, str]]:
    """What the plans of the steps to come are made by, likewise; nothing while no plan is made."""
    if situation.remediation.status.state not in BEFORE_ACTING:
        return frozenset()
    steps = situation.ladder.steps[situation.remediation.status.step :]
    return frozenset(named for step in steps for named in actions.BY_KEY[step.action].objects(step.settings, situation))


def planned_lists(situation: Situation) -> frozenset[Resource]:
    """The kinds of which all objects in the target's namespace must be known for the plans of the steps to come."""
    steps = situation.ladder.steps[situation.remediation.status.step :]
    return frozenset(resource for step in steps for resource in actions.BY_KEY[step.action].lists)


def _written(situation: Situation) -> Iterator[PinnedChange]:
    """What our attempts have written, or are to write, and what is still to be put back."""
    for attempt in situation.remediation.status.attempts:
        yield from attempt.changes
    yield from _lent(situation)


def _lent(situation: Situation) -> Iterator[PinnedChange]:
    """What is still to be put back on this target, by whichever Remediation."""
    entries = situation.budget.status.entries if situation.budget is not None else ()
    for entry in entries:
        if entry.revert is not None and not entry.revert.done and entry.target == situation.target:
            yield from entry.revert.changes
