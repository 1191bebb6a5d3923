"""Each file of changes.d becomes a line of the changelog: its name says what it is, and it is short."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAGMENTS = sorted(path for path in (ROOT / "changes.d").iterdir() if path.name != "README.md")
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
KINDS = [kind["directory"] for kind in CONFIG["type"]]


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_says_what_kind_of_change_it_is(path: Path) -> None:
    """Another name would be left out without a word."""
    assert re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(KINDS)})\.md", path.name)


def test_every_kind_of_change_is_explained() -> None:
    """Whoever writes one looks it up there."""
    written = re.findall(r"^\| `(\w+)` \|", (ROOT / "changes.d" / "README.md").read_text(), re.MULTILINE)
    assert written == KINDS


def test_the_next_release_tells_every_fragment() -> None:
    """As `make changelog` shows it."""
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "unreleased"]
    draft = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
    text = " ".join(draft.split())
    assert [path.name for path in FRAGMENTS if " ".join(path.read_text().split()) not in text] == []
