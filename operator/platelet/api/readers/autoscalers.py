"""HorizontalPodAutoscalers and KEDA's ScaledObjects between the API and the model. As lenient as `workloads`."""

from collections.abc import Mapping
from typing import Any, Final

from platelet.api.readers import lenient
from platelet.model.autoscaler import SPEC_FIELDS, Autoscaler, AutoscalerKind, Bounds

KEDA_LABEL: Final = "scaledobject.keda.sh/name"  # on the HPA that KEDA makes of a ScaledObject
_KEDA_GROUP: Final = "keda.sh/"
_PAUSED: Final = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas")
_DEFAULTS: Final[Mapping[AutoscalerKind, tuple[int, int]]] = {
    "HorizontalPodAutoscaler": (1, 1),  # its maximum is required
    "ScaledObject": (0, 100),
}


def scales(obj: Mapping[str, Any], kind: str, name: str) -> bool:
    """Whether an HPA or a ScaledObject scales this workload of its namespace. KEDA's default is a Deployment."""
    reference = lenient.mapping(lenient.mapping(obj.get("spec")).get("scaleTargetRef"))
    return (reference.get("kind", "Deployment"), reference.get("name")) == (kind, name)


def scaled_object_of(obj: Mapping[str, Any]) -> str:
    """Name the ScaledObject that owns an HPA; empty if none does."""
    owner = lenient.read_owner(obj)
    if owner is not None and owner.kind == "ScaledObject" and owner.api_version.startswith(_KEDA_GROUP):
        return owner.name
    return lenient.texts(lenient.mapping(obj["metadata"]).get("labels")).get(KEDA_LABEL, "")


def read_autoscaler(kind: AutoscalerKind, obj: Mapping[str, Any]) -> Autoscaler:
    """Read an HPA or a ScaledObject. Raises KeyError without its metadata."""
    metadata, spec = lenient.mapping(obj["metadata"]), lenient.mapping(obj.get("spec"))
    fields, defaults = SPEC_FIELDS[kind], _DEFAULTS[kind]
    least, most = (lenient.number(spec.get(name), default) for name, default in zip(fields, defaults, strict=True))
    low, high = (lenient.number(spec[name]) if spec.get(name) is not None else None for name in fields)
    annotations = lenient.texts(metadata.get("annotations"))
    return Autoscaler(
        bounds=Bounds(kind=kind, name=metadata["name"], uid=metadata["uid"], min=low, max=high),
        resource_version=metadata["resourceVersion"],
        least=least,
        most=most,
        labels=lenient.texts(metadata.get("labels")),
        annotations=annotations,
        deleting=bool(metadata.get("deletionTimestamp")),
        unusable=_unusable(kind, obj, annotations),
    )


def unreadable(kind: AutoscalerKind, name: str, why: str) -> Autoscaler:
    """An autoscaler that is there, and of which nothing more is known."""
    return Autoscaler(bounds=Bounds(kind=kind, name=name, uid=""), unusable=f"{kind} {name} cannot be read: {why}")


def _unusable(kind: AutoscalerKind, obj: Mapping[str, Any], annotations: Mapping[str, str]) -> str:
    owner = lenient.read_reconciling_owner(obj)
    if owner is not None:
        return f"{owner.kind} {owner.name} owns it and would revert the change"
    paused = [key for key in _PAUSED if annotations.get(key, "false") != "false"] if kind == "ScaledObject" else []
    return f"people have paused it ({paused[0]})" if paused else ""
