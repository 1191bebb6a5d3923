"""The Remediation between the API and the model."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from platelet.api.kinds import earlier_intents, earlier_words, invalid, pinned_changes
from platelet.api.readers import lenient
from platelet.model import reasons, remediation

_SPEC = TypeAdapter(remediation.RemediationSpec)
_STATUS = TypeAdapter(remediation.RemediationStatus)
_DEEPEST = 30  # levels of a step as written; a deeper one is no step, and could not be written again
_LONGEST_MESSAGE = 1024  # as the CRD admits
_TOO_DEEP = {"nested": "too deep to be read"}
_EMPTY: tuple[Any, ...] = ("", [], {})


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
        spec=_read_spec(obj.get("spec"), metadata),
        status=_read_status(obj.get("status") or {}),
    )


def _read_spec(stored: object, metadata: Mapping[str, Any]) -> remediation.RemediationSpec:
    spec = _shallow(_with_signal(earlier_words.read_spec(stored), metadata))
    read: remediation.RemediationSpec = invalid.read(_SPEC, spec, "spec", strict=False)
    return read


def _read_status(stored: Any) -> remediation.RemediationStatus:
    """Read a status. What it says was written, and is not understood, is a newer version's: nobody may act on it."""
    current = earlier_intents.read_status(stored) if isinstance(stored, Mapping) else stored
    status: remediation.RemediationStatus = invalid.read(_STATUS, current, "status", strict=False)
    for number, attempt in enumerate(status.attempts):
        pinned_changes.check(attempt.changes, f"status.attempts[{number}]")
        if not 0 <= attempt.made < len(attempt.changes):
            raise invalid.InvalidSpec(f"status.attempts[{number}].made: {attempt.made} of its changes cannot be made")
    if status.approval is not None:
        pinned_changes.check(status.approval.changes, "status.approval")
    return status


def _with_signal(spec: object, metadata: Mapping[str, Any]) -> object:
    """Give one that people made by hand the signal that it lacks: that they asked for it."""
    if not isinstance(spec, Mapping) or spec.get("signal") is not None:
        return spec
    who = lenient.text(spec.get("requestedBy")) or "someone"
    runbook = lenient.text(lenient.mapping(spec.get("runbookRef")).get("name"))
    given = "".join(f" with {name}={value}" for name, value in lenient.texts(spec.get("parameters")).items())
    why = lenient.text(spec.get("reason"))
    created_at = metadata["creationTimestamp"]
    asked = {
        "source": "request",
        "reason": reasons.RUN_BY_HAND,
        "fingerprint": "request",
        "message": f"{who} asked for runbook {runbook}{given}{': ' if why else ''}{why}"[:_LONGEST_MESSAGE],
        "firstSeen": created_at,
        "lastSeen": created_at,
    }
    return {**spec, "signal": asked}


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
            for value in level
            if isinstance(value, (Mapping, list))
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
        if not level:
            return False
    return True


def write_spec(spec: remediation.RemediationSpec) -> dict[str, Any]:
    """Write the whole spec, for the CREATE."""
    return _write(_SPEC, spec)


def write_status(status: remediation.RemediationStatus) -> dict[str, Any]:
    """Write the whole status, for a replace: what is None is absent, so a merge patch would leave it as it was."""
    return _write(_STATUS, status)


def _write(adapter: TypeAdapter[Any], value: object) -> dict[str, Any]:
    """Write without empty fields, which `kubectl describe` would show as questions that nobody asked."""
    body = adapter.dump_python(value, mode="json", by_alias=True, exclude_none=True)
    needed = adapter.dump_python(value, mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    filled: dict[str, Any] = _without_empty(body, needed)
    return filled


def _without_empty(body: Any, needed: Any) -> Any:
    """Leave out what is empty by default; what is empty and not the default must be there to be read again."""
    if isinstance(body, dict) and isinstance(needed, dict):
        return {
            key: _without_empty(value, needed.get(key))
            for key, value in body.items()
            if key in needed or value not in _EMPTY
        }
    if isinstance(body, list) and isinstance(needed, list):
        return [_without_empty(*pair) for pair in zip(body, needed, strict=True)]
    return body
