"""The Remediation between the API and the model."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from platelet.api import invalid, lenient
from platelet.model import remediation

_SPEC = TypeAdapter(remediation.RemediationSpec)
_STATUS = TypeAdapter(remediation.RemediationStatus)
_DEEPEST = 30  # levels of a step as written; a deeper one is no step, and could not be written again
_TOO_DEEP = {"nested": "too deep to be read"}


def read_remediation(obj: Mapping[str, Any]) -> remediation.Remediation:
    """Read a Remediation. Raises InvalidSpec where spec or status cannot be understood, KeyError without metadata."""
    metadata = obj["metadata"]
    return remediation.Remediation(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 1),
        annotations={
            key: value
            for key, value in lenient.texts(metadata.get("annotations")).items()
            if key.startswith("platelet.dev/")
        },
        spec=invalid.read(_SPEC, _shallow(obj.get("spec")), "spec", strict=False),
        status=invalid.read(_STATUS, obj.get("status") or {}, "status", strict=False),
    )


def _shallow(spec: object) -> object:
    """Let a step that is nested too deep be one that no action knows."""
    steps = lenient.mapping(spec).get("steps")
    if not isinstance(spec, Mapping) or not isinstance(steps, list):
        return spec
    return {**spec, "steps": [_TOO_DEEP if _is_deep(step) else step for step in steps]}


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, (Mapping, list))
            for inner in (each.values() if isinstance(each, Mapping) else each)
        ]
        if not level:
            return False
    return True


def write_spec(spec: remediation.RemediationSpec) -> dict[str, Any]:
    """Write the whole spec, for the CREATE."""
    body: dict[str, Any] = _SPEC.dump_python(spec, mode="json", by_alias=True, exclude_none=True)
    return body


def write_status(status: remediation.RemediationStatus) -> dict[str, Any]:
    """Write the whole status, for a replace: what is None is absent, so a merge patch would leave it as it was."""
    body: dict[str, Any] = _STATUS.dump_python(status, mode="json", by_alias=True, exclude_none=True)
    return body
