"""A crash right after a burst of changes of other pods: a node restarts its containers once, or they loop."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench import heals, table
from tests.bench.contenders import Bench, Contender
from tests.bench.ground import CHANGES_OF_A_RESTART, Ground
from tests.bench.pair import Pair
from tests.bench.requests import CRASH, by_kind
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Result

_BYSTANDERS = "by"  # begins the names of all whose pods change


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst and the undo after it took: seconds, seconds of CPU, requests."""

    written: float
    undone: float
    quiet: float
    cpu: float
    requests: Counter[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """What happens to the bystanders, and which Deployment crashes then."""

    what: str
    target: str
    change: Callable[[Ground], None]


KINDS = (
    Kind("a node restarts containers", "w1", lambda ground: ground.restart_containers(_BYSTANDERS)),
    Kind(
        "containers loop, an incident each",
        "w2",
        lambda ground: ground.loop_containers(_BYSTANDERS, CHANGES_OF_A_RESTART),
    ),
)


def measure(bench: Bench, sizes: Sizes) -> Result:
    """From a crash to its undo, alone and right after such bursts; one contender after the other."""
    names = [f"{_BYSTANDERS}{number}" for number in range(sizes.bystanders)]

    def alone_and_after(contender: Contender) -> tuple[float, Sequence[Burst]]:
        ill = heals.prepare(contender, 1 + len(KINDS))
        contender.ground.deploy(names, "undo")
        if contender.user == "platelet":
            contender.ground.until_proven(*names)
        bench.log.until_quiet(contender.user, seconds=sizes.patience)
        alone = _undo(bench, contender, "w0", ill["w0"])
        bench.log.until_quiet(contender.user, seconds=sizes.patience)
        return alone, [_burst(bench, contender, kind, ill[kind.target], sizes) for kind in KINDS]

    with bench.both("changes", heals.policy()) as both:
        measured = both.map(alone_and_after)
    lines = [Line("a crash among many -> committed undo, nothing else happens", measured.map(lambda of: of[0]), "-")]
    breakdowns = {}
    for index, kind in enumerate(KINDS):
        bursts = Pair(measured.go[1][index], measured.platelet[1][index])
        changes = CHANGES_OF_A_RESTART * sizes.bystanders
        what = f"{kind.what}: {changes:,} changes of {sizes.bystanders} pods (the issue: 3,000)"
        lines += _lines(what, bursts)
        breakdowns[f"Requests until quiet, {what}"] = table.breakdown(bursts.map(lambda burst: burst.requests))
    return Result(lines, breakdowns)


def _lines(what: str, bursts: Pair[Burst]) -> Sequence[Line]:
    return (
        Line(f"{what}; then a crash -> committed undo", bursts.map(lambda burst: burst.undone), "<= 500 ms"),
        Line(f"{what}: written in", bursts.map(lambda burst: burst.written), "-"),
        Line(f"{what}: quiet, after the first change", bursts.map(lambda burst: burst.quiet), "-"),
        Line(f"{what}: CPU until quiet", bursts.map(lambda burst: burst.cpu), "-"),
        Line(f"{what}: requests until quiet", bursts.map(lambda burst: burst.requests.total()), "-", table.count),
    )


def _undo(bench: Bench, contender: Contender, target: str, pod: str) -> float:
    """Seconds from a pod's crash to the committed undo."""
    mark = bench.log.mark()
    contender.ground.crash(pod)
    who = f"{contender.name}'s undo of {target}"
    patch = bench.log.until(who, mark, lambda event: contender.acts(event, target))
    crash = next(event for event in bench.log.since(mark) if event.user_agent == CRASH)
    return (patch.answered - crash.answered).total_seconds()


def _burst(bench: Bench, contender: Contender, kind: Kind, pod: str, sizes: Sizes) -> Burst:
    mark, begun, used = bench.log.mark(), time.monotonic(), contender.cpu()
    kind.change(contender.ground)
    written = time.monotonic() - begun
    undone = _undo(bench, contender, kind.target, pod)
    rest = bench.log.until_quiet(contender.user, seconds=sizes.patience)
    quiet, cpu = time.monotonic() - begun - rest, contender.cpu() - used
    return Burst(written, undone, quiet, cpu, by_kind(bench.log.since(mark, contender.user)))
