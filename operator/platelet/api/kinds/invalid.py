"""Errors of the contract, said so that the author of the object can mend it."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from platelet.api.kinds import known_fields
from platelet.model.near_names import nearest

_MAX_SHOWN = 60
_MAX_ERRORS = 5
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_AS_WRITTEN: dict[object, str] = {None: "null", True: "true", False: "false"}
_OF_VALUES = {
    "tuple_type": "is not a list: write [first, second]",
    "dataclass_type": "is not a mapping: write `field: value` pairs",
    "string_type": "is not text: put it in quotes",
}
_KEY_OF_MAPPING = "[key]"  # pydantic's word, after the key itself
_SHOULD = re.compile("^(Input|String) should")
T = TypeVar("T")


class InvalidSpec(ValueError):
    """An object cannot be used. The message names the field, the value and the fix."""


def read(adapter: TypeAdapter[T], value: object, path: str = "", *, strict: bool = True) -> T:
    """Validate `value`, found at `path` of an object; `strict` also refuses fields that are not known.

    Raises InvalidSpec that lists the first few faults.
    """
    try:
        return adapter.validate_python(value, extra="forbid" if strict else "ignore")
    except ValidationError as error:
        faults = _innermost(error.errors(include_url=False, include_context=True))
        sentences = [_sentence(fault, path, adapter) for fault in faults[:_MAX_ERRORS]]
        if len(faults) > _MAX_ERRORS:
            sentences.append(f"and {len(faults) - _MAX_ERRORS} more")
        raise InvalidSpec("; ".join(sentences)) from None


def mapping(value: object, path: str) -> Mapping[str, Any]:
    """Give back `value` if it is a mapping. Raises InvalidSpec otherwise."""
    if not isinstance(value, Mapping):
        raise InvalidSpec(f"{path}: {show(value)} is not a mapping: write `field: value` pairs")
    return value


def show(value: object) -> str:
    """Show a value of the user's as YAML has it, shortened."""
    text = _AS_WRITTEN[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _innermost(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows from a fault further inside, such as a list that is empty without its bad entry."""
    places = [fault["loc"] for fault in faults]
    return [
        fault
        for fault in faults
        if not any(place != fault["loc"] and place[: len(fault["loc"])] == fault["loc"] for place in places)
    ]


def _sentence(fault: ErrorDetails, path: str, adapter: TypeAdapter[Any]) -> str:
    where = _where(path, fault["loc"])
    if fault["type"] == "missing":
        return f"{where}: is required: add it"
    if fault["type"] in _UNKNOWN:
        meant = nearest(str(fault["loc"][-1]), known_fields.at(adapter, fault["loc"][:-1]))
        fix = f"write {meant}, or remove it" if meant else "remove it or correct its spelling"
        return f"{where}: is not a known field: {fix}"
    if fault["type"] in _OF_VALUES:
        return f"{where}: {show(fault['input'])} {_OF_VALUES[fault['type']]}"
    if fault["type"] in ("too_short", "too_long"):
        bounds, of = fault["ctx"], "characters" if isinstance(fault["input"], str) else "entries"
        most = f"at most {bounds['max_length']}" if fault["type"] == "too_long" else f"at least {bounds['min_length']}"
        return f"{where}: has {bounds['actual_length']} {of}: write {most}"
    if fault["type"] == "value_error":  # our own sentences name the value already
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
    return f"{where}: {show(fault['input'])} {_SHOULD.sub('should', fault['msg'])}"


def _where(path: str, location: tuple[int | str, ...]) -> str:
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != _KEY_OF_MAPPING:
            path += f".{part}" if path else part
    return path or "the object"
