"""Who follows a reference in the code arrives: at a section of the design, a trap, an invariant, a recorded decision.

`DESIGN 3.2` is docs/design.md#3.2, `TRAPS 41` is docs/traps.md#41, `I23` is docs/invariants.md#I23, `ADR 9` is the file
in docs/adr with that number. Several are written as `TRAPS 12, 13`, `TRAPS 1 to 5` or `TRAPS 42 and 47`.
"""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXTS = {".py", ".md", ".yaml", ".toml", ""}
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
NUMBER = r"\d+(?:\.\d+)?"
POINTER = re.compile(rf"\b(DESIGN|TRAPS|ADR) (?:({NUMBER}(?:(?:, | and | to ){NUMBER})*)|(\S+))")
INVARIANT = re.compile(r"\bI[1-9][0-9]?\b")
DOCUMENT = re.compile(r"\b[A-Z]{2,}\.md\b")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
TEST = re.compile(r"`((?:unit|properties|scenarios|cluster|faults|e2e|contracts)/[\w/]+\.py)(?:::(\w+))?`")


def sources() -> Iterator[Path]:
    """Every text that is in the repository."""
    git = shutil.which("git") or "git"
    listing = subprocess.run([git, "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    paths = (ROOT / name for name in listing.stdout.split())
    yield from (path for path in paths if path.suffix in TEXTS and path.is_file() and path != Path(__file__))


def read(path: Path) -> str:
    """A text without the breaks of its lines: a reference may be wrapped."""
    return re.sub(r"\n\s*(?:# )?", " ", path.read_text(errors="ignore"))


def anchors(page: str) -> list[str]:
    """The anchors of a page of docs, in order."""
    return ANCHOR.findall((DOCS / page).read_text())


def expand(numbers: str) -> Iterator[str]:
    """`1 to 3, 8` -> 1, 2, 3, 8."""
    for part in re.split(r", | and ", numbers):
        first, _, last = part.partition(" to ")
        yield from (str(number) for number in range(int(first), int(last) + 1)) if last else (first,)


def references(text: str) -> set[str]:
    """All references in a text, each as it would stand alone. One without a number is given as it stands."""
    pointed = {
        f"{page} {number}"
        for page, numbers, other in POINTER.findall(text)
        for number in (expand(numbers) if numbers else (other,))
    }
    return pointed | set(INVARIANT.findall(text)) | set(DOCUMENT.findall(text))


TARGETS = {
    *(f"DESIGN {anchor}" for anchor in anchors("design.md")),
    *(f"TRAPS {anchor}" for anchor in anchors("traps.md")),
    *(f"ADR {int(path.name.partition('-')[0])}" for path in (DOCS / "adr").glob("*.md")),
    *anchors("invariants.md"),
    *(path.name for path in (*ROOT.glob("*.md"), *DOCS.glob("*.md"))),
}
REFERRING = {str(path.relative_to(ROOT)): places for path in sources() if (places := references(read(path)))}
INVARIANTS = dict(re.findall(r'<a id="(I\d+)"></a>(.*?)(?=<a id=|\Z)', (DOCS / "invariants.md").read_text(), re.DOTALL))


@pytest.mark.parametrize("path", sorted(REFERRING))
def test_every_reference_leads_to_an_anchor(path: str) -> None:
    """Give the section, trap or invariant an anchor, or correct the number."""
    assert sorted(REFERRING[path] - TARGETS) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(TRAPS 1 to 3, 8)", {"TRAPS 1", "TRAPS 2", "TRAPS 3", "TRAPS 8"}),
        ("(DESIGN 3.5, TRAPS 11, 39; I11)", {"DESIGN 3.5", "TRAPS 11", "TRAPS 39", "I11"}),
        ("TRAPS 42 and 47, ADR 9: see ALERTS.md", {"TRAPS 42", "TRAPS 47", "ADR 9", "ALERTS.md"}),
        ("DESIGN section 2", {"DESIGN section"}),
        ("(TRAPS 6, kubernetes#67250)", {"TRAPS 6"}),
    ],
)
def test_references_are_read_as_people_write_them(text: str, expected: set[str]) -> None:
    """A list and a range are several; what is no number is shown as what it is."""
    assert references(text) == expected


def test_the_numbers_of_traps_and_invariants_have_no_gap() -> None:
    """None is ever given away again: what is no longer true says so under its number."""
    traps, invariants = anchors("traps.md"), anchors("invariants.md")
    assert traps == [str(number) for number in range(1, len(traps) + 1)]
    assert invariants == [f"I{number}" for number in range(1, len(invariants) + 1)]
    written = re.findall(r"^(\d+)\. <a", (DOCS / "traps.md").read_text(), re.MULTILINE)
    assert written == traps


def test_a_section_of_the_design_is_called_as_its_anchor() -> None:
    """A section that is renumbered takes its references along, or nobody finds it."""
    headings = re.findall(r'^##+ <a id="([^"]+)"></a>(\S+) ', (DOCS / "design.md").read_text(), re.MULTILINE)
    assert [anchor for anchor, number in headings if anchor != number] == []
    assert [anchor for anchor, _ in headings] == anchors("design.md")


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_an_invariant_names_tests_that_exist(invariant: str) -> None:
    """A promise that no test holds is none; one whose test was renamed goes with it."""
    named = TEST.findall(INVARIANTS[invariant])
    assert named, f"{invariant} names no test"
    missing = [f"{path}::{name}" for path, name in named if not _exists(ROOT / "tests" / path, name)]
    assert missing == []


def _exists(path: Path, name: str) -> bool:
    if not path.is_file():
        return False
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTION))
    return not name or any(node.name == name for node in functions)
