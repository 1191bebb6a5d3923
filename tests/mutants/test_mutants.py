"""The table of mutants is up to date, and a sample of them is caught; `make mutants` runs all."""

import os
import random

import pytest

from tests import tiers
from tests.mutants.planting import Mutant, occurrences, run
from tests.mutants.table import FILE, MUTANTS

SAMPLE = 5
SEED = os.environ.get("PLATELET_SEED", tiers.SEED)


def sampled() -> list[Mutant]:
    """Always the same ones for one seed."""
    return random.Random(SEED).sample(MUTANTS, SAMPLE)  # noqa: S311 - no secret


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    """A table that shrinks would prove less and less."""
    assert len(MUTANTS) >= 80
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_none_is_lost_from_the_file() -> None:
    """Where a group lacks its line `- tests:`, YAML takes the next one's mutants for its own and drops these."""
    assert FILE.read_text(encoding="utf-8").count("- name: ") == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_line_to_be_changed_stands_once_in_its_file(mutant: Mutant) -> None:
    """When code changes, its mutants change with it, or go because nothing needs the line any more."""
    assert occurrences(mutant) == 1
    assert mutant.before != mutant.after


@pytest.mark.parametrize("mutant", sampled(), ids=lambda mutant: mutant.name)
def test_a_planted_defect_is_caught(mutant: Mutant) -> None:
    """By the tests that are named beside it."""
    outcome = run(mutant)
    assert outcome.fate == "caught", outcome.output
