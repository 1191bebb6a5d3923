"""A crash-looping container played moment by moment, as the kubelet shows it (TRAPS 40)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.model.workload import Container


@dataclass(frozen=True)
class Lap:
    """One run and the wait after it."""

    ran: timedelta
    waited: timedelta
    named: timedelta  # how much of the end of the wait is shown as waiting (CrashLoopBackOff)
    exit_code: int = 1


@dataclass(frozen=True)
class Run:
    """When a run began and ended."""

    started: datetime
    finished: datetime
    exit_code: int


def runs_of(laps: Sequence[Lap], start: datetime) -> list[Run]:
    """Lay the laps out in time."""
    runs = []
    for lap in laps:
        runs.append(Run(start, start + lap.ran, lap.exit_code))
        start += lap.ran + lap.waited
    return runs


def status_at(laps: Sequence[Lap], start: datetime, moment: datetime) -> Container:
    """Give the container's status at `moment`; after the last lap it runs for good."""
    runs = runs_of(laps, start)
    end = runs[-1].finished + laps[-1].waited
    begun = [run.started for run in runs] + [end]
    index = max(i for i, began in enumerate(begun) if began <= moment)
    previous = runs[index - 1] if index else None
    if index == len(runs) or moment < runs[index].finished:
        return _status(index, previous, state="running", ready=True, started_at=begun[index])
    run = runs[index]
    if moment < run.finished + laps[index].waited - laps[index].named:
        ended = {"started_at": run.started, "finished_at": run.finished, "exit_code": run.exit_code}
        return _status(index, previous, state="terminated", reason="Error", **ended)
    return _status(index, run, state="waiting", reason="CrashLoopBackOff")


def _status(restarts: int, last: Run | None, **state: object) -> Container:
    ended = {}
    if last is not None:
        ended = {
            "last_reason": "Error",
            "last_exit_code": last.exit_code,
            "last_started_at": last.started,
            "last_finished_at": last.finished,
        }
    return Container(name="app", restarts=restarts, **ended, **state)  # type: ignore[arg-type]
