"""docs/cli.md holds the help of every command as it is, and every kind of timeline entry."""

from pathlib import Path
from typing import get_args

import pytest

from platelet.cli import reference
from platelet.explain import entry

DOCUMENT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def test_the_help_of_every_command_is_in_the_document() -> None:
    """If not: `make crds`."""
    assert DOCUMENT.partition(reference.MARK)[2] == reference.render()


@pytest.mark.parametrize("kind", get_args(entry.Kind))
def test_every_kind_of_timeline_entry_is_documented(kind: str) -> None:
    """Scripts rely on them."""
    assert f"`{kind}`" in DOCUMENT
