"""Plants one defect in a copy of the product and runs the tests that must catch it."""

# ruff: noqa: S603 - every command line is our own

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
_PACKAGE = "operator/platelet"
_SLOWEST = 600.0  # seconds; a defect may also make a test hang, which is caught, too
_FAILED, _PASSED = 1, 0  # pytest's exit codes

Fate = Literal["caught", "survived", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect. `before` stands exactly once in its file."""

    name: str  # what is wrong with it, as a sentence
    file: str  # below operator/platelet
    before: str
    after: str
    tests: tuple[str, ...]  # below tests; `file.py -k words` is understood


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a mutant, with the end of pytest's output where it is not what it should be."""

    fate: Fate
    output: str = ""


def occurrences(mutant: Mutant) -> int:
    """How often the line to be changed stands in its file: once, or the table is out of date."""
    return (ROOT / _PACKAGE / mutant.file).read_text(encoding="utf-8").count(mutant.before)


def run(mutant: Mutant) -> Outcome:
    """Run its tests against the changed copy. Caught: one of them failed, or hung."""
    with tempfile.TemporaryDirectory(prefix="platelet-mutant-") as folder:
        copy = Path(folder) / "operator"
        shutil.copytree(ROOT / "operator", copy, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / "platelet" / mutant.file
        path.write_text(path.read_text(encoding="utf-8").replace(mutant.before, mutant.after), encoding="utf-8")
        return _judge(mutant, copy)


def _judge(mutant: Mutant, operator: Path) -> Outcome:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += ["-o", f"pythonpath={operator} {ROOT}"]
    for test in mutant.tests:
        file, _, words = test.partition(" -k ")
        command += [f"tests/{file}", *(["-k", words] if words else [])]
    environment = {**os.environ, "PYTHONPATH": f"{operator}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_SLOWEST, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(fate="caught")
    if done.returncode == _FAILED:
        return Outcome(fate="caught")
    fate: Fate = "survived" if done.returncode == _PASSED else "broken"
    return Outcome(fate=fate, output=(done.stdout + done.stderr)[-2000:])
