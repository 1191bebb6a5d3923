"""What a kubelet says of time, held against what is known of it: nodes have clocks of their own.

Nothing in a pod's status is later than the moment at which it was first seen, nor earlier than the pod. What was seen
to come happened just before: if its time is much older, the node's clock lags. So a node's clock can neither end a
trigger's `for` at once, nor make pods that are well look as if they were not yet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from platelet.model.workload import Container, Pod

Moved = Mapping[datetime, datetime]
"""Times as a kubelet told them -> the times that are taken for them."""

NOTHING_MOVED: Final[Moved] = {}
REPORTED_WITHIN = timedelta(seconds=30)  # from when something happens to when its status has come here


def settle(pod: Pod, before: Pod | None, moved: Moved, now: datetime) -> tuple[Pod, Moved]:
    """The pod with times that can be true, and which of them had to be moved.

    `before` is what this gave for the same pod when it was last seen, `moved` what it gave beside it; None: the pod was
    not seen before, so when its status came about is not known.
    """
    known = {moment for moment in _times(before) if moment <= now} if before is not None else set()
    settled = {moment: moved.get(moment, moment) for moment in _times(pod) if moment in moved or moment in known}
    for moment in _times(pod):
        if moment not in settled:
            settled[moment] = _first_seen(moment, pod, now, came=before is not None)
    changed = {moment: taken for moment, taken in settled.items() if taken != moment}
    return (_with(pod, changed) if changed else pod), changed


def _first_seen(moment: datetime, pod: Pod, now: datetime, *, came: bool) -> datetime:
    if moment > now or (came and moment < now - REPORTED_WITHIN):
        return now
    return max(moment, min(pod.created_at, now))


def _times(pod: Pod) -> Iterator[datetime]:
    every = (
        moment
        for container in pod.containers
        for moment in (
            container.started_at,
            container.finished_at,
            container.last_started_at,
            container.last_finished_at,
        )
    )
    yield from (moment for moment in (pod.ready_changed_at, *every) if moment is not None)


def _with(pod: Pod, changed: Moved) -> Pod:
    def taken(moment: datetime | None) -> datetime | None:
        return None if moment is None else changed.get(moment, moment)

    def container(status: Container) -> Container:
        return replace(
            status,
            started_at=taken(status.started_at),
            finished_at=taken(status.finished_at),
            last_started_at=taken(status.last_started_at),
            last_finished_at=taken(status.last_finished_at),
        )

    containers = tuple(container(status) for status in pod.containers)
    leads = any(reported - kept > REPORTED_WITHIN for reported, kept in changed.items())
    return replace(pod, ready_changed_at=taken(pod.ready_changed_at), containers=containers, clock_leads=leads)
