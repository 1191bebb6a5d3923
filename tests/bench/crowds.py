"""Many at once: Deployments that crash together, and incidents that wait for a limit."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench import heals, table
from tests.bench.contenders import Bench, Contender
from tests.bench.pair import Pair
from tests.bench.requests import CRASH, by_kind
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Result
from tests.cluster import installation, patience

_WATCHED = 30.0  # seconds: a whole turn of the resync
_SETTLING = 10.0


@dataclass(frozen=True, slots=True)
class Burst:
    """From the first crash to the last patch: seconds, requests, seconds of CPU."""

    seconds: float
    requests: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Requests a second, by what they ask for, and the share of a core."""

    rates: Mapping[str, float]
    share: float


def crashing(bench: Bench, sizes: Sizes) -> Result:
    """So many Deployments crash at once, with limits wide open: when the last one is acted on, and at what cost."""
    with bench.both("burst", heals.policy()) as both:
        bursts = both.map(lambda contender: _burst(bench, contender, sizes))
    what = f"{sizes.crashing} Deployments crash at once (the issue: 200)"
    per_deployment = bursts.map(lambda burst: burst.requests / sizes.crashing)
    return Result(
        [
            Line(f"{what}: last one acted on", bursts.map(lambda burst: burst.seconds), "<= 2x"),
            Line(f"{what}: requests until then, for each", per_deployment, "linear", table.count),
            Line(f"{what}: CPU until then", bursts.map(lambda burst: burst.cpu), "-"),
        ]
    )


def _burst(bench: Bench, contender: Contender, sizes: Sizes) -> Burst:
    pods = heals.prepare(contender, sizes.crashing)
    bench.log.until_quiet(contender.user, seconds=sizes.patience)
    mark, used = bench.log.mark(), contender.cpu()
    contender.ground.crash(*pods.values())
    who = f"all of {contender.name}'s undos"
    patches = bench.log.until_all(who, mark, contender.acts, sizes.crashing, sizes.patience)
    used = contender.cpu() - used
    events = bench.log.since(mark)
    crashed = next(event for event in events if event.user_agent == CRASH)
    last = max(patches, key=lambda event: event.answered)
    asked = by_kind(event for event in events[: events.index(last) + 1] if event.user == contender.user)
    return Burst((last.answered - crashed.answered).total_seconds(), asked.total(), used)


def waiting(bench: Bench, sizes: Sizes) -> Result:
    """All crash, and the operator-wide limit lets one act: what the others cost while they wait."""
    with bench.both("limit", heals.policy()) as both:
        budget = json.dumps({"spec": {"limits": [{"maxActions": 1, "per": "1h"}]}})
        bench.plane.kubectl("patch", "budget", "platelet", "-n", installation.NAMESPACE, "--type=merge", "-p", budget)
        pods = heals.prepare(both.platelet, sizes.waiting + 1)
        bench.log.until_quiet(both.platelet.user, seconds=sizes.patience)
        ground = both.platelet.ground
        ground.crash(*pods.values())

        def all_wait() -> bool:
            waits = [remediation for remediation in ground.remediations() if "waiting" in remediation["status"]]
            return len(waits) >= sizes.waiting

        patience.until(f"{sizes.waiting} incidents to wait", all_wait, sizes.patience, every=0.5)
        time.sleep(_SETTLING)
        waits = _watch(bench, both)
    what = f"{sizes.waiting} incidents wait for a limit (the issue: 190; in Go nothing waits)"
    return Result(
        [
            Line(f"{what}: requests", waits.map(lambda wait: sum(wait.rates.values())), "<= 1/s", table.per_second),
            Line(f"{what}: CPU", waits.map(lambda wait: wait.share), "<= 2 %", table.share),
        ],
        {f"Requests a second while {sizes.waiting} wait": table.breakdown(waits.map(lambda wait: wait.rates))},
    )


def _watch(bench: Bench, both: Pair[Contender]) -> Pair[Wait]:
    mark, used = bench.log.mark(), both.map(Contender.cpu)
    time.sleep(_WATCHED)
    now = both.map(Contender.cpu)

    def rates_of(contender: Contender) -> dict[str, float]:
        asked = by_kind(bench.log.since(mark, contender.user))
        return {kind: number / _WATCHED for kind, number in asked.items()}

    rates = both.map(rates_of)
    return Pair(
        Wait(rates.go, (now.go - used.go) / _WATCHED),
        Wait(rates.platelet, (now.platelet - used.platelet) / _WATCHED),
    )
