"""The CRDs' structural schemas: what the API server prunes of our own kinds, fills in, and refuses.

As they are generated, which is what is installed. Not modelled: CEL rules, and of the formats only times.
"""

import copy
import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from platelet.api.generation import structural
from platelet.api.generation.structural import Schema
from platelet.shell import kube
from platelet.shell.kube import Json, Resource, responses

_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_PARTS: Final = ("spec", "status")


@functools.cache
def schemas() -> Mapping[str, Schema]:
    """The schema of each kind of ours, by plural."""
    from platelet.api.generation import crds  # noqa: PLC0415 - they are composed of lists that a test may still add to

    versions = {kind.plural: crds.build_crd(kind)["spec"]["versions"][0] for kind in crds.KINDS}
    return {plural: version["schema"]["openAPIV3Schema"] for plural, version in versions.items()}


def without(resource: Resource, *path: str) -> Mapping[str, Schema]:
    """The schemas as they were before a kind had this field; lists on the way are passed through."""
    older = {**schemas(), resource.plural: copy.deepcopy(schemas()[resource.plural])}
    place: Any = older[resource.plural]
    for name in path[:-1]:
        place = place["properties"][name]
        place = place.get("items", place)
    del place["properties"][path[-1]]
    place["required"] = [name for name in place.get("required", ()) if name != path[-1]]
    return older


def complete(schema: Schema | None, whole: Json) -> None:
    """Prune what the schema does not know and fill in its defaults, in place; nothing of kinds that are not ours."""
    for part, inner in _parts(schema, whole):
        _complete(whole[part], inner)


def check(schema: Schema | None, whole: Json) -> None:
    """Raise Refused where the object is not what its schema admits."""
    broken = faults(schema, whole)
    if broken:
        raise kube.Refused(422, "Invalid", "; ".join(broken)[:400])


def faults(schema: Schema | None, whole: Json) -> list[str]:
    """Say what the schema does not admit of an object: path and rule."""
    return [fault for part, inner in _parts(schema, whole) for fault in structural.faults(whole[part], inner, part)]


def check_fields(schema: Schema | None, whole: Mapping[str, Any]) -> None:
    """Raise OutdatedSchema where the schema does not know a field: what `fieldValidation=Strict` asks for."""
    paths = [path for part, inner in _parts(schema, whole) for path in _unknown(whole[part], inner, part)]
    if paths:
        words = ", ".join(f'unknown field "{path}"' for path in paths)
        message = responses.describe_outdated(responses.unknown_fields(words))
        raise kube.OutdatedSchema(400, "BadRequest", message)


def _parts(schema: Schema | None, whole: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    if schema is None:
        return
    for part in _PARTS:
        if part in whole:
            yield part, schema["properties"][part]


def _unknown(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            yield from _unknown(item, schema["items"], f"{path}[{place}]")
    if not isinstance(value, dict) or schema.get(_PRESERVE) or "additionalProperties" in schema:
        return
    for name, child in value.items():
        if name not in schema.get("properties", {}):
            yield f"{path}.{name}"
        else:
            yield from _unknown(child, schema["properties"][name], f"{path}.{name}")


def _complete(value: Any, schema: Schema) -> None:
    if isinstance(value, list) and "items" in schema:
        for item in value:
            _complete(item, schema["items"])
    if not isinstance(value, dict):
        return
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if not schema.get(_PRESERVE) and "additionalProperties" not in schema:
        for unknown in set(value) - set(properties):
            del value[unknown]
    for name, child in properties.items():
        if name not in value and "default" in child:
            value[name] = child["default"]
        if name in value:
            _complete(value[name], child)
