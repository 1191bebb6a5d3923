"""A known name for one that is misspelt, and none for one that is not."""

import pytest

from platelet.model.near_names import nearest

KNOWN = ("triggers", "targets", "runbookRef", "minRestarts", "Europe/Vienna")
NEAR = {
    "a letter is missing": ("trigger", "triggers"),
    "two have changed places": ("tragets", "targets"),
    "in other letters": ("minrestarts", "minRestarts"),
    "a zone": ("europe/viena", "Europe/Vienna"),
    "nothing like it": ("cooldown", ""),
    "empty": ("", ""),
    "very long": ("x" * 100_000, ""),
}


@pytest.mark.parametrize("name", NEAR)
def test_the_nearest_name(name: str) -> None:
    written, meant = NEAR[name]
    assert nearest(written, KNOWN) == meant


def test_of_no_names_none_is_near() -> None:
    assert nearest("triggers", ()) == ""
