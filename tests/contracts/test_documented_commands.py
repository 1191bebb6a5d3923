"""Each command that README and docs show is run by a test."""

from pathlib import Path

import pytest

from tests.cluster import documented

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("command", documented.commands())
def test_a_documented_command_is_run_by_a_test(command: str) -> None:
    """Add it to `tests/cluster/documented.py`, to be run as it stands or beside the test that does."""
    assert command in documented.SHOWN or any(command.startswith(start) for start in documented.ELSEWHERE)


@pytest.mark.parametrize("command", documented.SHOWN)
def test_what_is_run_is_documented(command: str) -> None:
    """What the docs no longer show goes from the table."""
    assert documented.is_shown(command)


@pytest.mark.parametrize("start", documented.ELSEWHERE)
def test_the_test_that_is_named_beside_a_command_exists(start: str) -> None:
    """And a document shows such a command."""
    assert (TESTS / documented.ELSEWHERE[start]).is_file()
    assert documented.is_shown(start)
