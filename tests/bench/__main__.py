"""`make bench`: platelet and a Go operator with the same durable writes, on one API server, as a table of ratios."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from tests.bench import alerting, changes, contenders, crowds, heals, sizes, starting, stored, table
from tests.bench.contenders import Bench
from tests.bench.sizes import Sizes
from tests.bench.table import Result
from tests.cluster.control_plane import KubectlFailed

ROBUSTA = (
    "Robusta has no column: it is not installed here. In the run of issue 9 it took 178 ms from an alert to its\n"
    "patch, when the Go operator took 50 ms for an undo: 0.7 times the one is 2.5 times the other."
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement: the names by which its lines can be asked for, and how it is made."""

    names: Sequence[str]
    measure: Callable[[Bench, Sizes], Result]


MEASUREMENTS = (
    Measurement(("heal", "requests", "cpu", "idle"), heals.measure),
    Measurement(("alert",), alerting.one_by_one),
    Measurement(("burst",), crowds.crashing),
    Measurement(("limit",), crowds.waiting),
    Measurement(("during",), alerting.while_healing),
    Measurement(("changes",), changes.measure),
    Measurement(("stored",), stored.measure),
    Measurement(("start",), starting.measure),
    Measurement(("crowd",), alerting.crowd),
)


def main() -> int:
    """Measure what is asked for, and print it; 1 when something could not be measured."""
    wanted, size = _arguments()
    results, failures = [], []
    for measurement in wanted:
        names, begun = ", ".join(measurement.names), time.monotonic()
        try:
            with contenders.bench() as bench:
                results.append(measurement.measure(bench, size))
        except (TimeoutError, KubectlFailed, httpx.HTTPError) as error:
            failures.append(f"not measured: {names}: {error}")
        _say(f"{names}: {time.monotonic() - begun:.0f} s")
    _print(results, failures)
    return 1 if failures else 0


def _arguments() -> tuple[list[Measurement], Sizes]:
    names = [name for measurement in MEASUREMENTS for name in measurement.names]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME,...", help=f"some of {', '.join(names)} (and what is measured with it)")
    parser.add_argument("--full", action="store_true", help="the sizes of issue 9: hours, while platelet is slow")
    given = parser.parse_args()
    asked = names if given.only is None else given.only.split(",")
    if unknown := set(asked) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    wanted = [measurement for measurement in MEASUREMENTS if set(measurement.names) & set(asked)]
    return wanted, sizes.FULL if given.full else sizes.SCALED


def _print(results: Sequence[Result], failures: Sequence[str]) -> None:
    lines = [line for result in results for line in result.lines]
    parts = [table.render(lines)] if lines else []
    for result in results:
        parts.extend(f"{title}:\n{text}" for title, text in result.breakdowns.items())
    parts.extend((*failures, ROBUSTA, f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"))
    sys.stdout.write("\n\n".join(parts) + "\n")


def _say(line: str) -> None:
    sys.stderr.write(f"[bench] {line}\n")


if __name__ == "__main__":
    sys.exit(main())
