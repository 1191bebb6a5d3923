"""Which fields there are at a place of an object, so that a misspelt one can be corrected."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

Schema = Mapping[str, Any]


def at(adapter: TypeAdapter[Any], place: Iterable[int | str]) -> tuple[str, ...]:
    """The names of the fields at `place`; none where nothing with fields is there."""
    whole = adapter.json_schema(by_alias=True)
    definitions: Mapping[str, Schema] = whole.get("$defs", {})
    schema: Schema = _with_fields(whole, definitions)
    for part in place:
        below = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
        schema = _with_fields(below, definitions)
    return tuple(schema.get("properties", ()))


def _with_fields(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema that a reference names; of alternatives, such as null, the first that is not null."""
    if "$ref" in schema:
        return _with_fields(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    alternatives = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _with_fields(alternatives[0], definitions) if alternatives else schema
