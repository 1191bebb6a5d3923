"""A condition in CEL over one object as the API server stores it: `object.status.availableReplicas > 0`.

What cannot be evaluated (a field that is not there, types that do not agree, neither true nor false) is not known. The
language does no I/O and iterates at most 10,000 times; what one evaluation takes besides is bounded by whoever runs it.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel

from platelet.model import cel_tree, condition_fault
from platelet.model.condition_fault import UNUSABLE

LONGEST: Final = 1024  # characters of an expression
_OBJECT: Final = "object"
_NO_KEY = re.compile(r'Key not found in map : (".*")', re.DOTALL)
_NO_OVERLOAD = re.compile(r"No matching overloads found : (.+)\((.*)\)")
_WHYS: Final = {
    "divide by zero": "it divides by zero",
    "Iteration budget exceeded": "it takes too many iterations",
    "Applying SELECT to non-message type": "a value that has no fields is asked for one",
    "integer overflow": "a number is too large",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether it holds; None: not known, and why, without any value of the object."""

    holds: bool | None
    why: str = ""


def check(text: str) -> None:
    """Compile it. Raises ConditionError with the place and one sentence to act on."""
    _compile(text)


def evaluate(text: str, stored: Mapping[str, Any]) -> Answer:
    """Whether it holds for an object as JSON has it. Never raises for what people have written, there or here."""
    try:
        result = _compile(text).eval(_environment().Activation({_OBJECT: stored}))
    except MemoryError:
        return Answer(holds=None, why="it takes too much memory")
    except UNUSABLE as error:
        return Answer(holds=None, why=_why(text, str(error)))
    value = result.value()
    if result.type() == cel.Type.BOOL and isinstance(value, bool):
        return Answer(holds=value)
    if result.type() == cel.Type.ERROR:
        return Answer(holds=None, why=_why(text, str(value)))
    return Answer(holds=None, why=f"it is neither true nor false, but of type {result.type().name().lower()}")


def _compile(text: str) -> cel.Expression:
    if len(text) > LONGEST:
        raise condition_fault.ConditionError(1, LONGEST, f"at most {LONGEST} characters: shorten it")
    with condition_fault.explained(_sentence):
        expression = cel_tree.compile_bounded(_environment(), text)
    if expression.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise condition_fault.not_boolean(expression.return_type().name())
    return expression


@functools.cache
def _environment() -> cel.Env:
    return cel.NewEnv(variables={_OBJECT: cel.Type.DYN})


def _sentence(_line: int, _column: int, complaint: str) -> str:
    if complaint.startswith("undeclared reference to"):
        return f"{complaint}: there is {_OBJECT}, the workload as it is stored, and what CEL itself has"
    return ""


def _why(text: str, complaint: str) -> str:
    """The library's complaint, which may quote a value: of that only what stands in the expression itself is said."""
    plain = condition_fault.without_code(complaint)
    missing = _NO_KEY.fullmatch(plain)
    if missing is not None:
        key = missing[1].strip('"')
        return f"there is no field {key}: ask for it with has()" if key and key in text else "a field is not there"
    mismatch = _NO_OVERLOAD.fullmatch(plain)
    if mismatch is not None:
        return f"{mismatch[1].strip('_')} cannot be applied to ({mismatch[2]})"
    return _WHYS.get(plain, "it cannot be evaluated")
