"""Pod templates: what names them, whoever carries them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from platelet.model import stamps
from platelet.model.digest import digest
from platelet.model.stamps import POD_TEMPLATE_HASH, RESTARTED_AT

__all__ = ["CONTROLLER_REVISION_HASH", "POD_TEMPLATE_HASH", "RESTARTED_AT", "hash_template"]

CONTROLLER_REVISION_HASH = "controller-revision-hash"
_CONTAINERS: Final = ("containers", "initContainers")


def hash_template(template: Mapping[str, Any]) -> str:
    """Name a pod template by its meaning: 16 hex digits, the same for a workload and its revisions.

    A restart is not a change (TRAPS 2), whichever tool stamps it: neither the label pod-template-hash nor a restart
    stamp counts, nor do nulls and empty metadata, which the API server writes in one place and drops in another. A
    checksum of a configuration does count: it says that the pods were made for another one.
    """
    meaning = _without_nulls(template)
    metadata = meaning.get("metadata")
    if isinstance(metadata, dict):
        for field in ("labels", "annotations"):
            entries = metadata.get(field)
            if isinstance(entries, dict):
                for key in [key for key, value in entries.items() if stamps.only_restarts(key, value)]:
                    del entries[key]
            if not entries:
                metadata.pop(field, None)
        if not metadata:
            del meaning["metadata"]
    _drop_reloaders_variables(meaning.get("spec"))
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return digest(canonical)


def _drop_reloaders_variables(spec: Any) -> None:
    """Take away the variables by which Reloader restarts pods."""
    if not isinstance(spec, dict):
        return
    for field in _CONTAINERS:
        containers = spec.get(field)
        for container in containers if isinstance(containers, list) else ():
            variables = container.get("env") if isinstance(container, dict) else None
            if not isinstance(variables, list):
                continue
            kept = [
                variable
                for variable in variables
                if not (isinstance(variable, dict) and stamps.is_reloaders_variable(variable.get("name")))
            ]
            if len(kept) == len(variables):
                continue
            container["env"] = kept
            if not kept:  # as it was before the first restart
                del container["env"]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(child) for child in value]
    return value
