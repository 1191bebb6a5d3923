"""The start, with many workloads that were never seen before."""

import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.bench import heals, table
from tests.bench.contenders import Bench, Contender
from tests.bench.pair import Pair
from tests.bench.requests import by_kind
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Result
from tests.cluster import installation

_QUIET = 3.0  # seconds without a request
_HEALTHY_FOR = "10m"  # as shipped: what is proven later is no part of the start


@dataclass(frozen=True, slots=True)
class Start:
    """What one start took: seconds until ready and until the last request, CPU and requests until then."""

    ready: float
    quiet: float
    cpu: float
    requests: Counter[str]


def measure(bench: Bench, sizes: Sizes) -> Result:
    """Each starts among so many new workloads of its own, one after the other."""
    names = [f"w{number}" for number in range(sizes.starting)]
    with bench.grounds("start") as grounds:
        installation.install(bench.plane)
        for ground in grounds:
            ground.deploy(names, "undo")
        grounds.platelet.apply(heals.policy())
        go = _start(bench, bench.baseline(grounds.go), sizes)
        starts = Pair(go, _start(bench, bench.platelet(grounds.platelet, _HEALTHY_FOR), sizes))
    what = f"start with {sizes.starting} new workloads (the issue: 2,000)"
    return Result(
        [
            Line(f"{what}: until ready", starts.map(lambda start: start.ready), "<= 2 s"),
            Line(f"{what}: until quiet", starts.map(lambda start: start.quiet), "<= 15 s"),
            Line(f"{what}: CPU until quiet", starts.map(lambda start: start.cpu), "-"),
            Line(f"{what}: requests until quiet", starts.map(lambda start: start.requests.total()), "-", table.count),
        ],
        {f"Requests of a start with {sizes.starting} new workloads": table.breakdown(starts.map(_requests))},
    )


def _start(bench: Bench, starting: AbstractContextManager[Contender], sizes: Sizes) -> Start:
    mark = bench.log.mark()
    with starting as contender:
        contender.until_ready()
        ready = time.monotonic() - contender.started
        rest = bench.log.until_quiet(contender.user, _QUIET, sizes.patience)
        quiet = time.monotonic() - contender.started - rest
        asked = by_kind(bench.log.since(mark, contender.user))
        return Start(ready, quiet, contender.cpu(), asked)


def _requests(start: Start) -> Counter[str]:
    return start.requests
