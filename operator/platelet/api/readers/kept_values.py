"""Records of values that people must not see, as apps/v1 ControllerRevisions: their `data` is immutable by the API.

They carry one of the labels of revision records: nobody else may write or remove them, and they go with platelet.
"""

from collections.abc import Mapping
from typing import Any

from platelet.api.readers import lenient, records
from platelet.changes import kept_values
from platelet.model.effects import RememberValues


def write(effect: RememberValues) -> dict[str, Any]:
    """Write one, for a CREATE."""
    kept = effect.values
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": kept.name,
            "namespace": effect.target.namespace,
            "labels": {records.TARGET: records.label(effect.target.name)},
        },
        "revision": 1,
        "data": {"values": {"before": dict(kept.before), "meant": dict(kept.meant)}},
    }


def is_one(stored: Mapping[str, Any]) -> bool:
    """Whether an object is such a record: by its name, which admission reserves, and by what it holds."""
    name = lenient.text(lenient.mapping(stored.get("metadata")).get("name"))
    return name.startswith(kept_values.PREFIX) and "values" in lenient.mapping(stored.get("data"))
