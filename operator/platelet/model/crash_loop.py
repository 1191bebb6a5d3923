"""A crash loop is a fact about the cycle, not about one status (TRAPS 40).

For most of a back-off the state is `terminated`, for a moment `running`, and only then `waiting`. So the cycle is read
from the restart count and from how long the runs lasted, and it ends only with a run that the back-off cannot explain.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.model.workload import Container

LONGEST_BACK_OFF = timedelta(minutes=5)
FORGOTTEN_AFTER = 2 * LONGEST_BACK_OFF  # after a run this long the kubelet starts its back-off anew
SLOWEST_LEAK = timedelta(hours=1)  # a container that runs out of memory less often, on average, is not sick of it
_FIRST_BACK_OFF = timedelta(seconds=10)
_SHORT_RUN = timedelta(minutes=1)  # as long as a run of a loop may take, with what the kubelet needs to begin it
_DOUBLINGS = 5  # 10 s doubled five times is beyond the longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A container that ends again and again.

    `restarts` is what the status allows for this cycle: those before a run of ten minutes belong to an older one.
    """

    restarts: int
    since: datetime | None  # the oldest end that the status still shows
    exit_code: int | None  # of the newest end; None when the status does not show it
    out_of_memory: bool  # the newest end was OOMKilled
    over_at: datetime | None  # when the present run proves that the loop is over; None while nothing runs

    def holds(self, now: datetime) -> bool:
        """Whether the loop is still on at `now`."""
        return self.over_at is None or now < self.over_at


def back_off(restarts: int) -> timedelta:
    """How long the kubelet waits after that many restarts: 10s, 20s, 40s, ... at most 5m."""
    return min(_FIRST_BACK_OFF * (1 << min(max(restarts, 1) - 1, _DOUBLINGS)), LONGEST_BACK_OFF)


def read(container: Container) -> Cycle | None:
    """Find the cycle that the status shows; None when the container never ended, or its end is not known."""
    if container.state == "terminated":
        return _ended(container)
    if container.state == "running":
        return _running(container)
    if container.state == "waiting":
        return _waiting(container)
    return None


def read_leak(container: Container, created_at: datetime) -> Cycle | None:
    """Find a leak whose runs are too long for a back-off: out of memory again and again, at least once an hour.

    The kubelet counts restarts for the life of the pod and tells why the last run ended. So that one end out of memory
    does not speak for restarts of long ago, the last run must have been about as long as they all were on average; and
    it is over when a run lasts for twice as long.
    """
    ended = container.state == "terminated"
    started_at, ended_at = _last_run(container)
    reason = container.reason if ended else container.last_reason
    ends = container.restarts + ended
    if reason != "OOMKilled" or started_at is None or ended_at is None or ends == 0:
        return None
    average = (ended_at - created_at) / ends
    if average > SLOWEST_LEAK or ended_at - started_at > 2 * average:
        return None
    return Cycle(
        restarts=container.restarts,
        since=ended_at,
        exit_code=container.exit_code if ended else container.last_exit_code,
        out_of_memory=True,
        over_at=ended_at + 2 * average if container.state == "running" else None,
    )


def has_ended(container: Container) -> bool:
    """Whether it has failed, or has been restarted, at least once."""
    return (container.state == "terminated" and not container.has_done_its_work) or container.restarts > 0


def may_date_from(created_at: datetime, container: Container) -> bool:
    """Whether its loop may be as old as its pod: its runs and back-offs leave no time for a run that was well."""
    ended = container.state == "terminated"
    started_at, ended_at = _last_run(container)
    if ended_at is None:
        return False
    ends = container.restarts + ended
    last_run = ended_at - started_at if started_at is not None else _SHORT_RUN
    waited = sum((back_off(end) for end in range(1, min(ends, _DOUBLINGS + 1))), timedelta())
    waited += LONGEST_BACK_OFF * max(0, ends - _DOUBLINGS - 1)
    return ended_at - created_at <= max(waited + ends * max(last_run, _SHORT_RUN), FORGOTTEN_AFTER)


def _last_run(container: Container) -> tuple[datetime | None, datetime | None]:
    """When the last run that is over began and ended, as far as the status tells."""
    if container.state == "terminated":
        return container.started_at, container.finished_at
    return container.last_started_at, container.last_finished_at


def _ended(container: Container) -> Cycle | None:
    if container.has_done_its_work:
        return None
    ends = [end for end in (container.last_finished_at, container.finished_at) if end is not None]
    restarts, since = container.restarts, min(ends, default=None)
    if _lasted(container.started_at, container.finished_at):
        restarts, since = 0, container.finished_at
    elif _last_run_lasted(container):
        restarts = min(restarts, 1)
    return Cycle(
        restarts=restarts,
        since=since,
        exit_code=container.exit_code,
        out_of_memory=container.reason == "OOMKilled",
        over_at=None,
    )


def _running(container: Container) -> Cycle | None:
    if container.started_at is None or not _has_ended_before(container):
        return None
    restarts = min(container.restarts, 1) if _last_run_lasted(container) else container.restarts
    return _after_last_end(container, restarts, container.started_at + back_off(restarts))


def _waiting(container: Container) -> Cycle | None:
    if container.reason != "CrashLoopBackOff" and not _has_ended_before(container):
        return None
    restarts = 0 if _last_run_lasted(container) else container.restarts
    return _after_last_end(container, restarts, None)


def _after_last_end(container: Container, restarts: int, over_at: datetime | None) -> Cycle:
    return Cycle(
        restarts=restarts,
        since=container.last_finished_at,
        exit_code=container.last_exit_code,
        out_of_memory=container.last_reason == "OOMKilled",
        over_at=over_at,
    )


def _has_ended_before(container: Container) -> bool:
    return container.last_exit_code is not None or container.last_finished_at is not None


def _last_run_lasted(container: Container) -> bool:
    return _lasted(container.last_started_at, container.last_finished_at)


def _lasted(started: datetime | None, finished: datetime | None) -> bool:
    return started is not None and finished is not None and finished - started >= FORGOTTEN_AFTER
