"""Whoever follows a link arrives at a file and a heading that are there; README leads to each page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A heading that is reworded takes the links to it with it."""
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {path}#{anchor}"


def test_the_readme_has_one_line_for_each_page() -> None:
    """A page that is not in the index is found by nobody."""
    linked = [path for path, _ in LINK.findall((ROOT / "README.md").read_text().partition("\n## Read on\n")[2])]
    assert {str(page.relative_to(ROOT)) for page in PAGES[1:]} <= set(linked)


def anchors(page: Path) -> set[str]:
    """The names by which GitHub knows the headings of a page, and those that the page gives itself."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    named = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return named | set(re.findall(r'<a id="([^"]+)"></a>', text))
