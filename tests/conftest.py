"""What all tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

_LIVE = ("cluster", "faults", "e2e")

# The same examples every time, so that a change is judged by its own effect; PLATELET_EXPLORE=1 draws new ones.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("explore" if os.environ.get("PLATELET_EXPLORE") else "steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the live tiers a connection over TLS may outlive its loop: as garbage it is found in whatever test comes next.

    The pure tier, whose loops speak to no real server, stays strict.
    """
    for item in items:
        if any(item.path.is_relative_to(Path(__file__).parent / tier) for tier in _LIVE):
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
