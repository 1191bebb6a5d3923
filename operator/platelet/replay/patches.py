"""What a PATCH makes of an object: JSON Merge Patch (RFC 7386) and JSON Patch (RFC 6902)."""

from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch

from platelet.shell import kube
from platelet.shell.kube import Json


def apply(current: Json, body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Json:
    """The patched object. Raises Conflict (422) when a `test` fails or a path does not exist, as shell.answers does."""
    if isinstance(body, Mapping):
        merged: Json = merge(current, body)
        return merged
    try:
        patched: Json = jsonpatch.apply_patch(current, [dict(operation) for operation in body])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise kube.Conflict(422, "Invalid", "the JSON Patch does not fit the object anymore") from error
    return patched


def merge(current: Any, body: Any) -> Any:
    """RFC 7386: null removes, objects merge, anything else replaces."""
    if not isinstance(body, Mapping):
        return body
    merged = dict(current) if isinstance(current, Mapping) else {}
    for name, value in body.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
