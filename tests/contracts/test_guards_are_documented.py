"""docs/guards.md is what `make crds` writes from the list of guards, and it explains every moment."""

from pathlib import Path

import pytest

from platelet.api.generation import guards_table
from platelet.model.rules import Moment

DOCUMENT = (Path(__file__).parents[2] / "docs" / "guards.md").read_text()


def test_the_document_is_what_the_generator_writes() -> None:
    """Nobody edited it by hand, and nobody forgot `make crds`."""
    assert guards_table.build_guards_table() == DOCUMENT, "run: make crds"


@pytest.mark.parametrize("moment", Moment)
def test_every_moment_is_explained(moment: Moment) -> None:
    assert f"\n| `{moment}` | " in DOCUMENT
