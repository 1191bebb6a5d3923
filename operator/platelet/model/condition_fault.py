"""What is wrong with an expression in CEL, in words to act on: the library's complaint with its place."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

UNUSABLE: Final = (RuntimeError, ValueError, TypeError, OverflowError)
"""What the library raises; the last three: a value has no form in CEL."""
_FAULT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_MISMATCH = re.compile(r"found no matching overload for '(.+)' applied to '\((.*)\)'")
_SELECTION = re.compile(r"expression of type '(.+)' cannot be the operand of a select operation")


class ConditionError(ValueError):
    """A condition cannot be compiled. `line` and `column` count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        """Say where and what."""
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column
        self.message = message


@contextmanager
def explained(own: Callable[[int, int, str], str]) -> Iterator[None]:
    """Turn what the library raises while it compiles into a ConditionError; one of ours stays as it is.

    `own` has a better sentence for some complaints, by line, column and complaint; empty for all others.
    """
    try:
        yield
    except ConditionError:
        raise
    except UNUSABLE as error:
        raise _explain(str(error), own) from None


def _explain(message: str, own: Callable[[int, int, str], str]) -> ConditionError:
    """Turn the library's first complaint, `ERROR: <input>:1:21: ...`, into a place and a sentence."""
    fault = _FAULT.search(message)
    if fault is None:
        return ConditionError(1, 1, without_code(message))
    line, column = _from_one(fault[1]), _from_one(fault[2])
    sentence = without_code(fault[3]).removesuffix(" (in container '')")
    return ConditionError(line, column, own(line, column, sentence) or _sentence(sentence))


def not_boolean(kind: str) -> ConditionError:
    """Say that it is neither true nor false, but of another type."""
    return ConditionError(1, 1, f"a condition must be true or false, and this is of type {kind.lower()}: compare it")


def place(text: str, position: int) -> tuple[int, int]:
    """Line and column of a character, both counted from 1."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def without_code(message: str) -> str:
    """Strip the status code that the library puts before and after its messages."""
    return re.sub(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$", "", message)


def _from_one(written: str) -> int:
    """A line or a column; the library's -1 for none may also be written as an unsigned number."""
    number = int(written)
    return number if 1 <= number < 1 << 31 else 1


def _sentence(sentence: str) -> str:
    if sentence.startswith("Syntax error: mismatched input '<EOF>'"):
        return "the expression ends too early: complete it"
    if sentence.startswith("Syntax error: "):
        sentence = re.sub(r" expecting .*", "", sentence.removeprefix("Syntax error: "))
        return f"this is not CEL, {sentence}: use ==, &&, || and ! as in C"
    mismatch = _MISMATCH.fullmatch(sentence)
    if mismatch:
        return f"{mismatch[1].strip('_')} cannot be applied to ({mismatch[2]}): make the types agree"
    selection = _SELECTION.fullmatch(sentence)
    if selection:
        return f"a value of type {selection[1]} has no fields"
    return sentence
