"""One heal at a time, by turns: how soon, with how many requests, for how much CPU."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench import contenders, table
from tests.bench.contenders import Bench, Contender
from tests.bench.pair import Pair
from tests.bench.requests import CRASH, by_kind
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Result
from tests.cluster import manifests
from tests.cluster.manifests import Json

CRASHES: Json = {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 2, "for": "0s"}}
UNDO = manifests.step("undo", rolloutUndo={}, verify={"timeout": "1m", "stableFor": "1s"})
_IDLE = 10  # seconds
_SETTLED = 1.0  # seconds without a request


@dataclass(frozen=True, slots=True)
class Heal:
    """What one heal took."""

    seconds: float  # from the pod's status to the committed patch
    until_patch: Counter[str]
    until_closed: Counter[str]
    cpu: float


Heals = Pair[Sequence[Heal]]


def measure(bench: Bench, sizes: Sizes) -> Result:
    """Undo a bad release, so many times each."""
    with bench.both("heal", policy()) as both:
        pods = both.map(lambda contender: prepare(contender, sizes.heals))
        for contender in both:
            bench.log.until_quiet(contender.user)
        idle, memory = contenders.idle_share(both, _IDLE), both.map(Contender.memory)
        heals = by_turns(bench, both, pods, idle, range(sizes.heals))
    idlers = f"idle with {2 * sizes.heals} Deployments"
    seconds = p50(heals, lambda heal: heal.seconds)
    until_patch = p50(heals, lambda heal: heal.until_patch.total())
    until_closed = p50(heals, lambda heal: heal.until_closed.total())
    return Result(
        [
            Line(f"crash-loop status -> committed undo, p50 of {sizes.heals} (the issue: 60)", seconds, "<= 2x"),
            Line("API requests until the patch (undo)", until_patch, "<= 12", table.count),
            Line("API requests until Closed (undo)", until_closed, "<= 40", table.count),
            Line("CPU of a heal, mean, idling taken off", mean_cpu(heals), "<= 60 ms"),
            Line(f"{idlers}: CPU", idle, "-", table.share),
            Line(f"{idlers}: resident memory", memory, "-", table.mebibytes),
        ],
        {
            "Requests of an undo until its patch (mean)": _breakdown(heals, lambda heal: heal.until_patch),
            "Requests of an undo until Closed (mean)": _breakdown(heals, lambda heal: heal.until_closed),
        },
    )


def policy() -> str:
    """Undo what crashes, at once and without limits."""
    return manifests.policy("undo", [CRASHES], UNDO)


def prepare(contender: Contender, number: int) -> dict[str, str]:
    """Healthy Deployments `w0`, `w1`, ... with a bad release on top; the pod of each that can be made ill."""
    names = [f"w{index}" for index in range(number)]
    contender.ground.deploy(names, "undo")
    if contender.user == "platelet":
        contender.ground.until_proven(*names)
    return contender.ground.release_broken(names)


def by_turns(bench: Bench, both: Pair[Contender], pods: Pair[dict[str, str]], idle: Pair[float], which: range) -> Heals:
    """Heal these Deployments one at a time, first the baseline's, then platelet's."""
    healed: list[Pair[Heal]] = []
    for index in which:
        target = f"w{index}"
        go = _heal(bench, both.go, target, pods.go[target], idle.go)
        healed.append(Pair(go, _heal(bench, both.platelet, target, pods.platelet[target], idle.platelet)))
    return Pair([heals.go for heals in healed], [heals.platelet for heals in healed])


def _heal(bench: Bench, contender: Contender, target: str, pod: str, idle: float) -> Heal:
    """Make one pod ill, and follow what comes of it to the end; what it uses when idle is taken off its CPU."""
    mark, begun, used = bench.log.mark(), time.monotonic(), contender.cpu()
    contender.ground.crash(pod)
    who = f"{contender.name}'s heal of {target}"
    patch = bench.log.until(who, mark, lambda event: contender.acts(event, target))
    closing = bench.log.until(f"the end of {who}", mark, lambda event: contender.closes(event, target))
    bench.log.until_quiet(contender.user, _SETTLED)
    cpu = contender.cpu() - used - idle * (time.monotonic() - begun)
    crash = next(event for event in bench.log.since(mark) if event.user_agent == CRASH)
    asked = bench.log.since(mark, contender.user)
    return Heal(
        seconds=(patch.answered - crash.answered).total_seconds(),
        until_patch=by_kind(asked[: asked.index(patch) + 1]),
        until_closed=by_kind(asked[: asked.index(closing) + 1]),
        cpu=max(cpu, 0.0),
    )


def p50(heals: Heals, of: Callable[[Heal], float]) -> Pair[float]:
    """The median of something of both's heals."""
    return heals.map(lambda some: statistics.median(of(heal) for heal in some))


def mean_cpu(heals: Heals) -> Pair[float]:
    """The mean, since the kernel counts CPU in hundredths of a second."""
    return heals.map(lambda some: statistics.fmean(heal.cpu for heal in some))


def _breakdown(heals: Heals, of: Callable[[Heal], Counter[str]]) -> str:
    def mean(some: Sequence[Heal]) -> dict[str, float]:
        total = sum((of(heal) for heal in some), Counter[str]())
        return {kind: number / len(some) for kind, number in total.items()}

    return table.breakdown(heals.map(mean))
