"""Reads the mutants from mutants.yaml."""

from pathlib import Path

import yaml

from tests.mutants.planting import Mutant

FILE = Path(__file__).with_name("mutants.yaml")


def read() -> tuple[Mutant, ...]:
    """All of them, in the order of the file."""
    return tuple(
        Mutant(tests=tuple(group["tests"]), **mutant)
        for group in yaml.safe_load(FILE.read_text(encoding="utf-8"))
        for mutant in group["mutants"]
    )


MUTANTS = read()
