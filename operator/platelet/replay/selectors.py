"""Selectors of labels as the API takes them, `a=b,c!=d,e in (f,g),h notin (i),j,!k`, and of fields, `spec.a=b,c!=d`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Labels = Mapping[str, str]
Chosen = Callable[[Labels], bool]

_SET = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^)]*)\)$")
_COMMA = re.compile(r",(?![^(]*\))")
_PATH = re.compile(r"[\w.]+(?=!?=)")


def parse(text: str) -> Chosen:
    """A predicate on labels; an empty selector chooses everything."""
    requirements = [_requirement(part.strip()) for part in _COMMA.split(text) if part.strip()]
    if len(requirements) == 1:
        return requirements[0]
    return lambda labels: all(requirement(labels) for requirement in requirements)


def parse_fields(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """A predicate on objects; an empty selector chooses everything."""
    chosen, paths = parse(text), _PATH.findall(text)
    return lambda obj: chosen({path: _value_at(path, obj) for path in paths})


def _value_at(path: str, obj: Any) -> str:
    for name in path.split("."):
        obj = obj.get(name) or {}
    return obj if isinstance(obj, str) else ""


def _requirement(text: str) -> Chosen:
    if matched := _SET.match(text):
        key, operator, values = matched[1], matched[2], {value.strip() for value in matched[3].split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if "!=" in text:
        key, value = text.split("!=", 1)
        return lambda labels: labels.get(key.strip()) != value.strip()
    if "=" in text:
        key, value = (part.strip() for part in text.replace("==", "=").split("=", 1))
        return lambda labels: labels.get(key) == value
    if text.startswith("!"):
        return lambda labels: text[1:] not in labels
    return lambda labels: text in labels
