"""From the model's dataclasses to structural schemas of Kubernetes.

pydantic writes JSON Schema with references, nulls and titles; a CRD allows none of them, and its CEL rules have a cost
limit that is computed from the bounds of every string, list and map. So the converter inlines, and fails on whatever
is unbounded, recursive or unknown to it: a fault of a model is found here and not by a user.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from platelet.api.generation.documented import DocumentedSchema

PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_DROPPED: Final = {"title", "examples", "deprecated", "readOnly", "writeOnly"}
_COPIED: Final = {
    "type", "description", "default", "enum", "format", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "x-kubernetes-validations",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", PRESERVE,
}  # fmt: skip
_TYPES: Final[dict[type, str]] = {bool: "boolean", int: "integer", str: "string", float: "number"}
_NUMBER_OR_TEXT: Final = ({"type": "integer"}, {"type": "string"})


class UnstructuralError(TypeError):
    """A model has no structural schema. The message names the field and what is wrong with it."""


def structural(model: type[Any], *, defaults: bool = True) -> dict[str, Any]:
    """Describe a frozen dataclass. Raises UnstructuralError.

    `defaults` of the model are written into the schema where people are the authors, not into a status.
    """
    written = TypeAdapter(model).json_schema(
        by_alias=True, mode="serialization", schema_generator=DocumentedSchema, ref_template="{model}"
    )
    converter = _Converter(written.pop("$defs", {}), defaults=defaults)
    return converter.convert(written, model.__name__, ())


class _Converter:
    def __init__(self, definitions: Mapping[str, dict[str, Any]], *, defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def convert(self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> dict[str, Any]:
        """Convert the schema found at `path`; `inside` are the definitions that it is part of."""
        reference = schema.get("$ref")
        if reference is not None:
            if reference in inside:
                raise UnstructuralError(f"{path}: {reference} contains itself, which no structural schema can")
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return self.convert({**self._definitions[reference], **beside}, path, (*inside, reference))
        if "anyOf" in schema:
            return self._any_of(schema, path, inside)
        return self._plain(schema, path, inside)

    def _any_of(self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> dict[str, Any]:
        members = [member for member in schema["anyOf"] if member != {"type": "null"}]
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        if len(members) == 1:
            return self.convert({**members[0], **beside}, path, inside)
        if sorted(members, key=str) != sorted(_NUMBER_OR_TEXT, key=str):
            raise UnstructuralError(f"{path}: a union has one optional member per kind and a rule, see kinds/unions")
        return {_INT_OR_STRING: True, **self._plain({**beside, "type": "string"}, path, inside, shown_type=False)}

    def _plain(
        self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...], *, shown_type: bool = True
    ) -> dict[str, Any]:
        plain = {key: value for key, value in schema.items() if key in _COPIED}
        if "const" in schema:
            plain |= {"enum": [schema["const"]], "type": _TYPES[type(schema["const"])]}
        if not self._defaults:
            plain.pop("default", None)
        elif "default" in plain and not isinstance(plain["default"], dict):  # of an object the members tell
            plain["description"] = f"{plain.get('description', '')} Default: {_say(plain['default'])}.".lstrip()
        plain |= _exclusive(schema)
        plain |= self._children(plain.get("type"), schema, path, inside)
        _check_known(schema, path)
        _check_bounds(plain, path)
        if not shown_type:
            del plain["type"]
        return plain

    def _children(self, kind: Any, schema: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> dict[str, Any]:
        if kind == "array":
            if "items" not in schema or "prefixItems" in schema:
                raise UnstructuralError(f"{path}: a list has one type of items: write tuple[X, ...]")
            return {"items": self.convert(schema["items"], f"{path}[]", inside)}
        if kind == "object" and "properties" in schema:
            properties = schema["properties"]
            return {
                "properties": {
                    name: self.convert(child, f"{path}.{name}", inside) for name, child in properties.items()
                }
            }
        if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            return {"additionalProperties": self.convert(schema["additionalProperties"], f"{path}{{}}", inside)}
        return {}


def _say(default: Any) -> str:
    """Say a default in its field's description: `kubectl explain` shows nothing else of it."""
    return default if isinstance(default, str) else json.dumps(default)


def _exclusive(schema: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema's exclusive bounds are numbers, OpenAPI's are flags."""
    bounds: dict[str, Any] = {}
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in schema:
            bounds |= {bound: schema[exclusive], exclusive: True}
    return bounds


def _check_known(schema: Mapping[str, Any], path: str) -> None:
    handled = {"const", "items", "prefixItems", "properties", "additionalProperties"}
    handled |= {"exclusiveMinimum", "exclusiveMaximum"}
    unknown = set(schema) - _COPIED - _DROPPED - handled
    if unknown:
        raise UnstructuralError(f"{path}: no structural schema has {', '.join(sorted(unknown))}")
    if schema.get("additionalProperties") is True and not schema.get(PRESERVE):
        raise UnstructuralError(f"{path}: anything goes here; give it a type, or declare {PRESERVE}")


def _check_bounds(schema: Mapping[str, Any], path: str) -> None:
    kind = schema.get("type")
    if kind is None:
        raise UnstructuralError(f"{path}: has no type")
    if kind == "string" and "maxLength" not in schema and "enum" not in schema:
        raise UnstructuralError(f"{path}: an unbounded string, add max_length")
    if kind == "array" and "maxItems" not in schema:
        raise UnstructuralError(f"{path}: an unbounded list, add max_length")
    if "additionalProperties" in schema and "maxProperties" not in schema:
        raise UnstructuralError(f"{path}: an unbounded map, add max_length")
