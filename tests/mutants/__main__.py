"""`python -m tests.mutants [WORDS]`: every mutant, or those whose name holds the words; exit code 1 if one survives."""

# ruff: noqa: T201 - a command line prints

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.mutants.planting import Mutant, Outcome, run
from tests.mutants.table import MUTANTS

_AT_ONCE = 2


def main(words: str) -> int:
    """Run them, and tell each as it ends."""
    chosen = [mutant for mutant in MUTANTS if words in mutant.name]
    started = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        outcomes = list(workers.map(_run, chosen))
    caught = sum(outcome.fate == "caught" for outcome in outcomes)
    print(f"{caught} of {len(chosen)} caught, in {time.monotonic() - started:.0f} s")
    return 0 if chosen and caught == len(chosen) else 1


def _run(mutant: Mutant) -> Outcome:
    outcome = run(mutant)
    print(f"{outcome.fate:<9} {mutant.file}: {mutant.name}", flush=True)
    if outcome.fate == "broken":
        print(outcome.output, flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
