"""Pod templates: what names them, whoever carries them."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

POD_TEMPLATE_HASH = "pod-template-hash"
CONTROLLER_REVISION_HASH = "controller-revision-hash"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_NOT_MEANT = {"labels": POD_TEMPLATE_HASH, "annotations": RESTARTED_AT}


def hash_template(template: Mapping[str, Any]) -> str:
    """Name a pod template by its meaning: 16 hex digits, the same for a workload and its revisions.

    A restart is not a change (TRAPS 2): neither the label pod-template-hash nor the annotation restartedAt counts,
    nor do nulls and empty metadata, which the API server writes in one place and drops in another.
    """
    meaning = _without_nulls(template)
    metadata = meaning.get("metadata")
    if isinstance(metadata, dict):
        for field, key in _NOT_MEANT.items():
            entries = metadata.get(field)
            if isinstance(entries, dict):
                entries.pop(key, None)
            if not entries:
                metadata.pop(field, None)
        if not metadata:
            del meaning["metadata"]
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(child) for child in value]
    return value
