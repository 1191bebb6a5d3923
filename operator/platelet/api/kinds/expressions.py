"""Conditions of steps (`when`) in CEL: type-checked when the Runbook is read, evaluated on facts of the moment.

Every field is declared as a variable of its own, dotted name and all, so that a misspelt field or a wrong type is
found at load and not in the middle of an incident. What could take much memory or time is refused, since it is
evaluated in the operator itself. `target` itself is declared as CEL's null type: it carries
nothing but the member function `changedWithin`.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cel_expr_python import cel

from platelet.api.kinds import condition_bounds
from platelet.model import cel_tree, condition_fault, durations
from platelet.model.cel_tree import Tree
from platelet.model.condition_fault import UNUSABLE, ConditionError

__all__ = ["FIELDS", "TEMPLATE_AGE", "Answer", "Condition", "ConditionError", "compile_condition"]

FIELDS: Final[dict[str, cel.Type]] = {
    "target.name": cel.Type.STRING,
    "target.namespace": cel.Type.STRING,
    "target.kind": cel.Type.STRING,
    "target.replicas": cel.Type.INT,
    "target.availableReplicas": cel.Type.INT,
    "target.labels": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    "target.annotations": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    "signal.source": cel.Type.STRING,
    "signal.reason": cel.Type.STRING,
    "signal.severity": cel.Type.STRING,
    "signal.message": cel.Type.STRING,
    "signal.count": cel.Type.INT,
    "remediation.step": cel.Type.INT,  # 0 for the Runbook's first
    "remediation.attempts": cel.Type.INT,
    "remediation.ageSeconds": cel.Type.INT,
}
TEMPLATE_AGE: Final = "templateAgeSeconds"  # of `target`, for changedWithin only; None: the template's age is not known
_CHANGED_WITHIN: Final = "changedWithin"
_UNKNOWN_AGE: Final = "changedWithin is false because it is not known since when the template is in place"
_FUNCTIONS: Final = (
    cel.FunctionDecl(
        _CHANGED_WITHIN,
        [
            cel.Overload(
                "target_changed_within_string",
                return_type=cel.Type.BOOL,
                parameters=[cel.Type.NULL, cel.Type.STRING],
                is_member=True,
            )
        ],
    ),
)
_SHOWN: Final = 200  # characters of a complaint
_DURATION_LITERAL = re.compile(rf"\.{_CHANGED_WITHIN}\(\s*([\"'])(.*?)\1\s*\)")
_FIELD_AT = re.compile(r"(\w+)\.(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a condition says. `holds` is None when it could not be evaluated: that is an error, never a yes."""

    holds: bool | None
    note: str = ""  # the error; or why the answer is less certain than it looks


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    _tree: Tree
    _expression: cel.Expression

    def evaluate(self, values: Mapping[str, Mapping[str, Any]]) -> Answer:
        """Evaluate on `target`, `signal` and `remediation`, each a mapping of the fields in FIELDS.

        `target` may also hold `templateAgeSeconds`: a number, or None where it is not known.
        """
        data: dict[str, Any] = {"target": None}
        for field, kind in FIELDS.items():
            root, _, name = field.partition(".")
            if name in values.get(root, {}):
                value = values[root][name]
                data[field] = int(value) if kind == cel.Type.INT and isinstance(value, float) else value
        too_much = condition_bounds.find_excess(self._tree, data)
        if too_much:
            return Answer(holds=None, note=too_much)
        notes: list[str] = []
        changed_within = _changed_within(values.get("target", {}).get(TEMPLATE_AGE), notes)
        function = cel.Function(_CHANGED_WITHIN, [cel.Type.NULL, cel.Type.STRING], True, changed_within)  # noqa: FBT003 - the library's order
        try:
            result = self._expression.eval(_environment().Activation(data, functions=[function]))
        except UNUSABLE as error:
            return Answer(holds=None, note=_shorten(str(error)))
        value = result.value()
        if result.type() != cel.Type.BOOL or not isinstance(value, bool):
            return Answer(holds=None, note=_shorten(str(value)))
        return Answer(holds=value, note="; ".join(dict.fromkeys(notes)))


@functools.lru_cache(maxsize=128)
def compile_condition(text: str) -> Condition:
    """Compile and type-check a condition. Raises ConditionError with the place and one sentence to act on."""
    with condition_fault.explained(lambda *fault: _sentence(text, *fault)):
        expression = cel_tree.compile_bounded(_environment(), text)
        tree = cel_tree.read(text, expression)
    condition_bounds.check(tree, _CHANGED_WITHIN)
    if expression.return_type() != cel.Type.BOOL:
        raise condition_fault.not_boolean(expression.return_type().name())
    for literal in _DURATION_LITERAL.finditer(text):
        try:
            durations.parse_duration(literal[2])
        except ValueError as error:
            raise ConditionError(*condition_fault.place(text, literal.start(1)), str(error)) from None
    return Condition(tree, expression)


@functools.cache
def _environment() -> cel.Env:
    variables = {**FIELDS, "target": cel.Type.NULL}
    return cel.NewEnv(variables=variables, extensions=[cel.CelExtension("platelet", list(_FUNCTIONS))])


def _changed_within(age_seconds: float | None, notes: list[str]) -> Callable[[None, str], bool]:
    def changed_within(_target: None, text: str) -> bool:
        within = durations.parse_duration(text)
        if age_seconds is None:
            notes.append(_UNKNOWN_AGE)
            return False
        return timedelta(seconds=age_seconds) <= within

    return changed_within


def _shorten(complaint: str) -> str:
    """The library's complaint, which may quote a value."""
    return condition_fault.without_code(complaint)[:_SHOWN]


def _sentence(text: str, line: int, column: int, complaint: str) -> str:
    """What is said of these fields and this function."""
    unknown = _unknown_field(text, line, column)
    if unknown:
        return unknown
    if f"'{_CHANGED_WITHIN}' applied to" in complaint:
        return f'{_CHANGED_WITHIN} takes one duration as text: target.{_CHANGED_WITHIN}("30m")'
    if complaint.startswith("undeclared reference to"):
        roots = ", ".join(dict.fromkeys(field.partition(".")[0] for field in FIELDS))
        return f"{complaint}: there are {roots}, the function target.{_CHANGED_WITHIN} and what CEL itself has"
    return ""


def _unknown_field(text: str, line: int, column: int) -> str:
    """Say which fields there are, when the complaint is at the dot before one that there is not."""
    lines = text.splitlines()
    source = lines[line - 1] if line <= len(lines) else ""
    for match in _FIELD_AT.finditer(source):
        root, name = match.groups()
        known = [field.partition(".")[2] for field in FIELDS if field.startswith(f"{root}.")]
        if match.end(1) == column - 1 and known and name not in known and name != _CHANGED_WITHIN:
            return f"{root} has no field {name}; it has {', '.join(known)}"
    return ""
