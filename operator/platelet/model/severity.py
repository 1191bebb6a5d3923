"""How grave a severity is that people or their alert rules wrote: the words of the field, compared."""

from typing import Final, Literal

Grade = Literal["critical", "error", "warning", "info"]

_WARNING: Final = 2
_RANKS: Final = {
    "none": 0,
    "debug": 0,
    "info": 1,
    "information": 1,
    "informational": 1,
    "notice": 1,
    "low": 1,
    "minor": 1,
    "warning": _WARNING,
    "warn": _WARNING,
    "medium": _WARNING,
    "average": _WARNING,
    "error": 3,
    "major": 3,
    "high": 3,
    "critical": 4,
    "crit": 4,
    "page": 4,
    "fatal": 5,
    "emergency": 5,
    "disaster": 5,
    "blocker": 5,
}
_GRADES: Final = {"0": 5, "1": 4, "2": 3, "3": _WARNING, "4": 1, "5": 0}  # of P1, SEV-1, S1: one is the gravest
_PREFIXES: Final = ("severity", "sev", "p", "s")


def rank(severity: str) -> int:
    """How grave it is: more is graver. What is not known, or not said, counts as a warning."""
    word = severity.strip().lower().replace("_", "").replace("-", "").replace(" ", "")
    if word in _RANKS:
        return _RANKS[word]
    grade = next((word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)), "")
    return _GRADES.get(grade, _WARNING)


def grade(severity: str) -> Grade:
    """Sort it into the four words that pagers know."""
    grades: tuple[Grade, ...] = ("info", "info", "warning", "error", "critical", "critical")
    return grades[rank(severity)]
