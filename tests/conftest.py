"""What all tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

_LIVE = ("cluster", "faults", "e2e")
_SLOW = ("faults", "mutants", "scenarios")  # folders of few files that take minutes

# The same examples every time, so that a change is judged by its own effect; PLATELET_EXPLORE=1 draws new ones.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("explore" if os.environ.get("PLATELET_EXPLORE") else "steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is slow, so that in the end no process waits for another one's last file.

    In the live tiers a connection over TLS may outlive its loop: as garbage it is found in whatever test comes next.

    The pure tier, whose loops speak to no real server, stays strict.
    """
    items.sort(key=lambda item: not _is_in(item, _SLOW))
    for item in items:
        if _is_in(item, _LIVE):
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


def _is_in(item: pytest.Item, folders: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(Path(__file__).parent / folder) for folder in folders)
