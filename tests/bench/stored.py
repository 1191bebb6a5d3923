"""Whether a heal costs more when many Remediations of the past are stored beside it."""

from tests.bench import contenders, heals
from tests.bench.contenders import Bench
from tests.bench.heals import Heals
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Result
from tests.cluster.manifests import Json

_IDLE = 5.0  # seconds


def measure(bench: Bench, sizes: Sizes) -> Result:
    """The same heals before and after so many closed Remediations were put into platelet's namespace."""
    number = sizes.heals_among_stored
    with bench.both("stored", heals.policy()) as both:
        pods = both.map(lambda contender: heals.prepare(contender, 2 * number))
        taken: list[Heals] = []
        for which in (range(number), range(number, 2 * number)):
            for contender in both:
                bench.log.until_quiet(contender.user, seconds=sizes.patience)
            idle = contenders.idle_share(both, _IDLE)
            taken.append(heals.by_turns(bench, both, pods, idle, which))
            if len(taken) == 1:
                ground = both.platelet.ground
                ground.store(_copies(ground.remediations("w0")[0], sizes.stored))
    none, many = (heals.p50(some, lambda heal: heal.seconds) for some in taken)
    cpu_of_none, cpu_of_many = (heals.mean_cpu(some) for some in taken)
    among = f"among {sizes.stored:,} stored Remediations (the issue: 500 and 5,000)"
    seconds_by = f"platelet's {many.platelet / none.platelet:.1f}x of that"
    cpu_by = f"platelet's {cpu_of_many.platelet / max(cpu_of_none.platelet, 0.01):.1f}x of that"
    return Result(
        [
            Line(f"a heal among none stored, p50 of {number}", none, "-"),
            Line(f"a heal {among}, p50: {seconds_by}", many, "as among none"),
            Line("CPU of a heal among none stored, mean", cpu_of_none, "-"),
            Line(f"CPU of a heal {among}, mean: {cpu_by}", cpu_of_many, "as among none"),
        ]
    )


def _copies(closed: Json, number: int) -> list[Json]:
    """As many incidents of other Deployments as that, closed in the same way."""
    metadata, target = closed["metadata"], closed["spec"]["targetRef"]
    kept = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}

    def copy(name: str) -> Json:
        renamed = {**kept, "name": metadata["name"].replace(target["name"], name)}
        return {**closed, "metadata": renamed, "spec": {**closed["spec"], "targetRef": {**target, "name": name}}}

    return [copy(f"old{index}") for index in range(number)]
