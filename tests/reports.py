"""What pytest's JUnit report says of a run: how each test ended, and which only waited in vain."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Ending = Literal["passed", "failed", "skipped"]

# A wait of ours or of kubectl's that ended without what it was for; anything else is a wrong answer.
_IN_VAIN: Final = ("TimeoutError: waited", "timed out waiting for the condition")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The tests of a run by their node ids."""

    endings: Mapping[str, Ending]
    in_vain: frozenset[str] = frozenset()  # those that failed, and in nothing but a wait

    def count(self, ending: Ending) -> int:
        """How many tests ended so."""
        return sum(1 for seen in self.endings.values() if seen == ending)


def read(path: Path) -> Report:
    """Read a report; an empty one where pytest has left none. A test that fails in its teardown too has failed once."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - written by our own pytest
    except (OSError, ET.ParseError):
        return Report(endings={})
    endings: dict[str, Ending] = {}
    wrong: set[str] = set()
    for case in root.iter("testcase"):
        test = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"
        faults = [*case.iter("failure"), *case.iter("error")]
        if faults:
            endings[test] = "failed"
            wrong |= {test for fault in faults if not any(words in fault.get("message", "") for words in _IN_VAIN)}
        elif endings.get(test) != "failed":
            endings[test] = "passed" if case.find("skipped") is None else "skipped"
    failed = {test for test, ending in endings.items() if ending == "failed"}
    return Report(endings=endings, in_vain=frozenset(failed - wrong))
