"""The house keeps its own rules: rooms and their lists, charters, clocks, words, paths that the README names."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from platelet import actions, callbacks, changes, checks, guards, sinks, triggers
from platelet.explain import timeline
from platelet.model import reasons
from platelet.model.change import Change
from platelet.model.rules import Action
from platelet.model.signal import SHOWN, TOLD, Source

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "platelet"
IMPURE_ROOMS = {"shell", "cli"}
PURE_ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py") if path.parent.name not in IMPURE_ROOMS)
GROWING_ROOMS = {
    "guards": {guard.judge.__module__ for guard in guards.GUARDS},
    "actions": {action.plan.__module__ for action in actions.ACTIONS},
    "checks": {check.check.__module__ for check in checks.CHECKS},
    "sinks": {sink.render.__module__ for sink in sinks.SINKS},
    "callbacks": {callback.read.__module__ for callback in callbacks.CALLBACKS},
}
SAMPLES = sorted((ROOT / "deploy" / "samples").glob("*.yaml"))
LONGEST_MODULE = 300  # lines; the aim is 80 to 250


def modules(folder: Path) -> list[Path]:
    """All modules below a folder."""
    return sorted(folder.rglob("*.py"))


def identify(path: Path) -> str:
    """A module's name for the test's id."""
    return str(path.relative_to(PACKAGE))


def imported(path: Path) -> set[str]:
    """All modules, and names in modules, that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def documents() -> Iterator[dict[str, object]]:
    """Everything that the samples hold."""
    for path in SAMPLES:
        yield from (document for document in yaml.safe_load_all(path.read_text()) if document)


@pytest.mark.parametrize("room", GROWING_ROOMS)
def test_every_file_of_a_growing_room_is_in_its_list(room: str) -> None:
    """A brake that nobody lists would never be asked."""
    files = {f"platelet.{room}.{path.stem}" for path in (PACKAGE / room).glob("*.py") if path.stem != "__init__"}
    assert files == GROWING_ROOMS[room]


@pytest.mark.parametrize(
    ("room", "name", "listed"),
    [
        ("triggers", "TRIGGER", {trigger.settings.__module__ for trigger in triggers.TRIGGERS}),
        ("changes", "CHANGE", {type(change).__module__ for change in changes.CHANGES}),
    ],
)
def test_what_a_room_with_more_than_its_list_offers_is_in_the_list(room: str, name: str, listed: set[str]) -> None:
    """Beside triggers there is what alerts mean; beside changes, what those of one object have in common."""
    offers = re.compile(rf"^{name}\b.* = ", re.MULTILINE)
    files = {
        f"platelet.{room}.{path.stem}" for path in (PACKAGE / room).glob("*.py") if offers.search(path.read_text())
    }
    assert files == listed


def test_no_module_outside_of_its_room_names_a_kind_of_trigger() -> None:
    """A new trigger is one file and one name in the list: whoever looks for signals goes through the list."""
    kinds = re.compile(rf"\b({'|'.join(trigger.settings.__name__ for trigger in triggers.TRIGGERS)})\b")
    others = [path for path in modules(PACKAGE) if path.parent.name != "triggers"]
    assert [identify(path) for path in others if kinds.search(path.read_text())] == []


def test_the_source_of_each_trigger_shows_or_tells_and_has_a_place_in_timelines() -> None:
    """A new source is a word, and what is to be believed of it; what tells of no workload has none."""
    assert {trigger.source for trigger in triggers.TRIGGERS if trigger.source} == SHOWN | TOLD
    assert set(timeline.KINDS) == set(get_args(Source))


def test_no_module_outside_of_its_room_names_a_kind_of_check() -> None:
    """What a check waits for, asks, and means when it fails stands in its entry of the list."""
    kinds = {check.check.__module__ for check in checks.CHECKS}
    others = [path for path in modules(PACKAGE) if path.parent.name != "checks"]
    assert [identify(path) for path in others if imported(path) & kinds] == []


def test_whoever_tells_people_goes_through_the_list_of_sinks() -> None:
    """A new sink is one file and one name in the list."""
    names = "|".join(sink.name for sink in sinks.SINKS)
    named = re.compile(rf"platelet\.sinks import ({names})|platelet\.sinks\.({names}) import|[\"']({names})[\"']")
    tellers = [*modules(PACKAGE / "core"), *modules(PACKAGE / "api")]
    tellers += [path for room in ("act", "outbound", "run") for path in modules(PACKAGE / "shell" / room)]
    assert [identify(path) for path in tellers if named.search(path.read_text())] == []


@pytest.mark.parametrize("change", changes.CHANGES, ids=lambda change: change.kind)
def test_no_module_outside_of_its_room_names_a_kind_of_change(change: Change) -> None:
    """But actions, which make them, and `api`, which reads what earlier versions have stored. The flow asks."""
    rooms = {PACKAGE / room for room in ("changes", "actions", "api")}
    others = [path for path in modules(PACKAGE) if rooms.isdisjoint(path.parents)]
    module = type(change).__module__
    guilty = [path for path in others if module in imported(path) or f'"{change.kind}"' in path.read_text()]
    assert [identify(path) for path in guilty] == []


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.key)
def test_an_action_declares_the_rights_of_its_changes(action: Action) -> None:
    """Whatever its plans may hold is what its author must be allowed; and nothing more."""
    declared = {(right.group, right.path, right.verb) for right in action.rights}
    needed = {(right.group, right.path, right.verb) for change in action.changes for right in change.rights}
    assert declared == needed


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


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_pure_rooms_open_no_file(room: str) -> None:
    """A path is a value there and a text can be read from memory; import-linter forbids the modules that do more."""
    allowed = {"pathlib.PurePath", "io.StringIO"}
    guilty = []
    for path in modules(PACKAGE / room):
        names = {name for name in imported(path) if re.match(r"(io|pathlib|os)\b", name)} - {"io", "pathlib"}
        calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        opens = {call.id for call in calls if isinstance(call, ast.Name)} & {"open", "input", "print", "__import__"}
        if (names - allowed) | opens or re.search(r"^import (io|pathlib)\b", path.read_text(), re.MULTILINE):
            guilty.append(identify(path))
    assert not guilty


def test_who_reads_a_situation_has_no_writes() -> None:
    """A look that changes what it looks at would change the next one: readers get `Reads`, never `Kube` or a writer."""
    shell = PACKAGE / "shell"
    readers = [*modules(shell / "read"), shell / "store" / "budget_reader.py"]
    writers = ("platelet.shell.kube.Kube", "platelet.shell.store.budget.BudgetWriter")
    assert [identify(path) for path in readers if not imported(path).isdisjoint(writers)] == []


def test_a_rule_on_what_people_write_is_said_once() -> None:
    """In a `Rule`, which the schema has and the constructor holds: what two places say, one of them forgets."""
    guilty = []
    for path in (path for room in PURE_ROOMS for path in modules(PACKAGE / room)):
        for node in ast.walk(ast.parse(path.read_text())):
            is_hook = isinstance(node, ast.FunctionDef) and node.name == "__post_init__"
            if is_hook and any(isinstance(part, ast.Raise) for part in ast.walk(node)):
                guilty.append(identify(path))
    assert guilty == []


def test_no_module_is_named_like_a_bag_or_like_the_standard_library() -> None:
    """A bag takes everything; a namesake of the standard library breaks imports."""
    bags = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    names = {path.stem for path in modules(PACKAGE)} - {"__init__", "__main__"}
    assert not names & bags
    top_level = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert not top_level & set(sys.stdlib_module_names)


def test_what_puts_a_change_back_is_called_a_revert() -> None:
    """One word in code, objects and texts; *undo* is the action alone. Only what earlier versions stored has others."""
    others = re.compile(r"tak(e|es|en|ing)[ _-]?backs?\b|takenBackAt|\bundoing\b", re.IGNORECASE)
    earlier = {PACKAGE / "api" / "kinds" / name for name in ("earlier_words.py", "earlier_intents.py")}
    texts = {*modules(PACKAGE), *SAMPLES, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"} - earlier
    assert sorted(str(path.relative_to(ROOT)) for path in texts if others.search(path.read_text())) == []


def bound(tree: ast.Module) -> Iterator[str]:
    """The names of variables and parameters; a field of a class is no variable."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    fields = {id(part.target) for kind in classes for part in kind.body if isinstance(part, ast.AnnAssign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields:
            yield node.id


def test_a_variable_is_named_by_what_it_holds() -> None:
    """A pod, a policy, a denial: these words hold anything."""
    anything = {"each", "said", "told", "found"}
    read = [*modules(PACKAGE), *modules(ROOT / "tests")]
    assert [str(path.relative_to(ROOT)) for path in read if anything & set(bound(ast.parse(path.read_text())))] == []


def test_the_folder_named_operator_does_not_shadow_the_standard_library() -> None:
    """TRAPS 36: without the third line of defence, `import collections` would fail from the root."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    children = (path.name for path in (ROOT / "operator").iterdir())
    assert [name for name in children if not name.startswith((".", "__"))] == ["platelet"]
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
    rooms = "|".join(path.name for path in PACKAGE.iterdir() if path.is_dir())
    named |= {f"operator/platelet/{path}" for path in re.findall(rf"`((?:{rooms})/(?!your_)[\w./-]+)`", text)}
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_no_file_names_a_package_registry() -> None:
    """Machines have their own mirrors: an address in a file would go around them."""
    parts = (("py", "pi.org"), ("python", "hosted.org"), ("proxy.", "golang.org"), ("npm", "js.org"))
    hosts = re.compile("|".join(re.escape("".join(part)) for part in parts))
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
