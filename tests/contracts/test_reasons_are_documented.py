"""docs/reasons.md says what each reason means."""

from pathlib import Path

import pytest

from platelet.model import reasons

TEXT = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text()
REASONS = sorted(value for name, value in vars(reasons).items() if name.isupper())


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_that_people_read_is_explained(reason: str) -> None:
    """Somebody searches for this very word at night."""
    assert f"`{reason}`" in TEXT
