"""What the structural schema of a CRD does not admit: types, bounds and patterns; its CEL rules are said elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from platelet.api.kinds import invalid

Schema = Mapping[str, Any]
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_LIST_TYPE: Final = "x-kubernetes-list-type"
_KEYS: Final = "x-kubernetes-list-map-keys"
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_SIZES: Final[Mapping[type, tuple[str, str]]] = {
    str: ("maxLength", "minLength"),
    list: ("maxItems", "minItems"),
    dict: ("maxProperties", "minProperties"),
}


def faults(value: Any, schema: Schema, path: str) -> Iterator[str]:
    """Say what is not admitted of a value that stands at `path`: path and rule."""
    if value is None:
        if not schema.get("nullable"):
            yield f"{path}: must not be null"
        return
    if not _has_type(value, schema):
        yield f"{path}: {invalid.show(value)} must be of type {schema.get('type', 'integer or string')}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: is none of {schema['enum']}"
    yield from _faults_of_size(value, schema, path)
    if isinstance(value, dict):
        yield from _faults_inside(value, schema, path)
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from faults(item, schema["items"], f"{path}[{place}]")


def twins(value: Any, schema: Schema, path: str) -> Iterator[str]:
    """Say which entries stand twice in a list that is a set, or has a key."""
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            yield from twins(value.get(name), child, f"{path}.{name}")
    if not isinstance(value, list):
        return
    for place, item in enumerate(value):
        yield from twins(item, schema["items"], f"{path}[{place}]")
    if schema.get(_LIST_TYPE) not in ("set", "map"):
        return
    keys: tuple[str, ...] = tuple(schema.get(_KEYS, ()))
    identities = [{key: item.get(key) for key in keys} if keys and isinstance(item, dict) else item for item in value]
    seen: set[str] = set()
    for place, item in enumerate(identities):
        text = json.dumps(item, sort_keys=True, default=str)
        if text in seen:
            yield f"{path}[{place}]: {invalid.show(item)} stands there twice: keep one of them"
        seen.add(text)


def _has_type(value: Any, schema: Schema) -> bool:
    if schema.get(_INT_OR_STRING):
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    wanted = schema.get("type")
    if wanted is None:
        return True
    return isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _faults_of_size(value: Any, schema: Schema, path: str) -> Iterator[str]:
    kind = type(value)
    if kind in _SIZES:
        largest, smallest = _SIZES[kind]
        most, least = schema.get(largest), schema.get(smallest, 0)
        if (most is not None and len(value) > most) or len(value) < least:
            yield f"{path}: has {len(value)}, must have {least} to {most}"
    if kind is str:
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: does not match {schema['pattern']}"
        if schema.get("format") == "date-time" and not _is_time(value):
            yield f"{path}: is no time"
    if kind in (int, float):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        below = value < low or (value == low and bool(schema.get("exclusiveMinimum")))
        if below or value > high or (value == high and bool(schema.get("exclusiveMaximum"))):
            yield f"{path}: is {value}, must be from {low} to {high}"


def _faults_inside(value: Mapping[str, Any], schema: Schema, path: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is required"
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for name, child in value.items():
        if name in properties:
            yield from faults(child, properties[name], f"{path}.{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from faults(child, schema["additionalProperties"], f"{path}.{name}")


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
