"""The house keeps its own rules: rooms and their lists, charters, clocks, words, paths that the README names."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from platelet import actions, checks, guards, sinks
from platelet.model import reasons

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "platelet"
PURE_ROOMS = ("model", "triggers", "guards", "actions", "checks", "sinks", "api", "core")
GROWING_ROOMS = {
    "guards": {each.deny.__module__ for each in guards.GUARDS},
    "actions": {each.plan.__module__ for each in actions.ACTIONS},
    "checks": {each.check.__module__ for each in checks.CHECKS},
    "sinks": {each.render.__module__ for each in sinks.SINKS},
}
SAMPLES = sorted((ROOT / "deploy" / "samples").glob("*.yaml"))
LONGEST_MODULE = 300  # lines; the aim is 80 to 250


def modules(folder: Path) -> list[Path]:
    """All modules below a folder."""
    return sorted(folder.rglob("*.py"))


def identify(path: Path) -> str:
    """A module's name for the test's id."""
    return str(path.relative_to(PACKAGE))


def documents() -> Iterator[dict[str, object]]:
    """Everything that the samples hold."""
    for path in SAMPLES:
        yield from (each for each in yaml.safe_load_all(path.read_text()) if each)


@pytest.mark.parametrize("room", GROWING_ROOMS)
def test_every_file_of_a_growing_room_is_in_its_list(room: str) -> None:
    """A brake that nobody lists would never be asked."""
    files = {f"platelet.{room}.{path.stem}" for path in (PACKAGE / room).glob("*.py") if path.stem != "__init__"}
    assert files == GROWING_ROOMS[room]


@pytest.mark.parametrize("path", modules(PACKAGE), ids=identify)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """The first line of a module is its charter, and no module is a long one."""
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
    assert len(text.splitlines()) <= LONGEST_MODULE, f"{path} is too long to read at once"


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_pure_rooms_never_ask_what_time_it_is(room: str) -> None:
    """Time is an argument there; a clock read inside would make decisions that no test can repeat."""
    clock = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.(time|monotonic|sleep))\b|\nimport time\b")
    guilty = [identify(path) for path in modules(PACKAGE / room) if clock.search(path.read_text())]
    assert not guilty


def test_no_module_is_named_like_a_bag_or_like_the_standard_library() -> None:
    """A bag takes everything; a namesake of the standard library breaks imports."""
    bags = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    names = {path.stem for path in modules(PACKAGE)} - {"__init__", "__main__"}
    assert not names & bags
    top_level = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert not top_level & set(sys.stdlib_module_names)


def test_the_folder_named_operator_does_not_shadow_the_standard_library() -> None:
    """TRAPS 36: without the third line of defence, `import collections` would fail from the root."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    children = (each.name for each in (ROOT / "operator").iterdir())
    assert [each for each in children if not each.startswith((".", "__"))] == ["platelet"]
    subprocess.run([sys.executable, "-S", "-c", "import operator, collections"], cwd=ROOT, check=True)


def test_every_reason_is_used() -> None:
    """A reason that nothing gives is a promise that nobody keeps."""
    words = {name for name in vars(reasons) if name.isupper()}
    code = "\n".join(path.read_text() for path in modules(PACKAGE) if path.name != "reasons.py")
    assert {name for name in words if not re.search(rf"\b{name}\b", code)} == set()


def test_reasons_are_camel_case_and_different() -> None:
    """Conditions and Events take CamelCase; two names for one reason would be two words for one thing."""
    values = [value for name, value in vars(reasons).items() if name.isupper()]
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", value) for value in values)
    assert len(values) == len(set(values))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_paths_that_a_document_names_exist(name: str) -> None:
    """A newcomer follows them."""
    text = (ROOT / name).read_text()
    named = set(re.findall(r"`((?:operator|tests|deploy|crds|docs)/[\w./-]*)`", text))
    named |= set(re.findall(r"\]\(((?!https?:)[\w./-]+)\)", text))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_no_file_names_a_package_registry() -> None:
    """Machines have their own mirrors: an address in a file would go around them."""
    parts = (("py", "pi.org"), ("python", "hosted.org"), ("proxy.", "golang.org"), ("npm", "js.org"))
    hosts = re.compile("|".join(re.escape("".join(each)) for each in parts))
    git = shutil.which("git") or "git"
    listing = subprocess.run([git, "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    files = [name for name in listing.stdout.split() if (ROOT / name).is_file()]
    texts = ((name, (ROOT / name).read_text(errors="ignore")) for name in files)
    assert [name for name, text in texts if hosts.search(text)] == []


def test_each_decision_on_record_has_a_number_of_its_own() -> None:
    """In its file's name as in its title, and none is left out."""
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(record.name.partition("-")[0]) for record in records]
    assert numbers == list(range(1, len(records) + 1))
    titles = [record.read_text(encoding="utf-8").partition(".")[0] for record in records]
    assert titles == [f"# {number}" for number in numbers]
