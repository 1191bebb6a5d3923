"""The metadata of ConfigMaps between the API and the model: who has written which keys. As lenient as `workloads`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from platelet.api.readers import lenient
from platelet.model.config_map import KeyWrite, KnownConfigMap

_DATA: Final = ("f:data", "f:binaryData")
_FIELD: Final = "f:"  # before the name of a field in fieldsV1
UNRECORDED: Final = "does not say who has written its keys"


def read_config_map(obj: Mapping[str, Any]) -> KnownConfigMap:
    """Read what the metadata says. Raises KeyError without its name."""
    metadata = lenient.mapping(obj["metadata"])
    entries = lenient.mappings(metadata.get("managedFields"))
    return KnownConfigMap(
        name=metadata["name"],
        created_at=lenient.moment(metadata.get("creationTimestamp")),
        writes=tuple(_read_writes(entries)),
        why_unknown="" if any(entry.get("manager") for entry in entries) else UNRECORDED,
    )


def _read_writes(entries: Any) -> Iterator[KeyWrite]:
    for entry in entries:
        at, fields = lenient.moment(entry.get("time")), lenient.mapping(entry.get("fieldsV1"))
        keys = [key for part in _DATA for key in lenient.mapping(fields.get(part)) if key.startswith(_FIELD)]
        if at is not None and keys:
            manager = lenient.text(entry.get("manager"))
            yield KeyWrite(manager=manager, at=at, keys=tuple(key.removeprefix(_FIELD) for key in keys))
