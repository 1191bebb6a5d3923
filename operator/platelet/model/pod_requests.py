"""What a pod asks of a node, by its template, counted as the scheduler counts it.

From `PodRequests` of k8s.io/component-helpers/resource/helpers.go (KEP-753 for sidecars): containers run side by side;
init containers one after the other, each beside the sidecars that were started before it; what the pod asks for as
a whole takes the place of what its containers do; and the overhead comes on top. What an admission adds is not in here.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from platelet.model import quantity
from platelet.model.template_shape import items, mapping

NONE: Final = Decimal(0)
_FIELDS: Final = ("requests", "limits")
_SIDECAR: Final = "Always"  # the restartPolicy of an init container that goes on running


def requested(template: Mapping[str, Any], resource: str) -> Decimal:
    """How much of one resource; a limit without a request counts as one (SetDefaults_Pod of core/v1)."""
    spec = mapping(template.get("spec"))
    whole = amount(mapping(mapping(spec.get("resources")).get("requests")).get(resource))
    if whole is None:
        whole = _of_containers(spec, resource, _FIELDS)
    if whole is None:
        whole = amount(mapping(mapping(spec.get("resources")).get("limits")).get(resource)) or NONE
    return whole + (amount(mapping(spec.get("overhead")).get(resource)) or NONE)


def limited(template: Mapping[str, Any], resource: str) -> Decimal:
    """The limit of one resource that its containers have together, as a quota counts it; none counts as 0."""
    spec = mapping(template.get("spec"))
    whole = amount(mapping(mapping(spec.get("resources")).get("limits")).get(resource))
    whole = _of_containers(spec, resource, ("limits",)) if whole is None else whole
    return (whole or NONE) + (amount(mapping(spec.get("overhead")).get(resource)) or NONE)


def named(template: Mapping[str, Any]) -> frozenset[str]:
    """The resources that its containers, the pod or its overhead name."""
    spec = mapping(template.get("spec"))
    owners = [spec, *items(spec.get("initContainers")), *items(spec.get("containers"))]
    lists = [mapping(mapping(mapping(owner).get("resources")).get(field)) for owner in owners for field in _FIELDS]
    return frozenset(name for amounts in (*lists, mapping(spec.get("overhead"))) for name in amounts)


def amount(written: Any) -> Decimal | None:
    """A quantity; None where there is none. One that cannot be read counts as 0."""
    if written is None:
        return None
    try:
        return quantity.parse(str(written)).amount
    except ValueError:
        return NONE


def _of_containers(spec: Mapping[str, Any], resource: str, fields: Sequence[str]) -> Decimal | None:
    """What the containers ask for together, or the most while they are being initialised; None where none asks."""
    mains = [_asked(container, resource, fields) for container in items(spec.get("containers"))]
    sidecars, peak, any_asks = NONE, NONE, any(asked is not None for asked in mains)
    for container in items(spec.get("initContainers")):
        asked = _asked(container, resource, fields)
        any_asks = any_asks or asked is not None
        peak = max(peak, sidecars + (asked or NONE))
        if mapping(container).get("restartPolicy") == _SIDECAR:
            sidecars += asked or NONE
    together = sum((asked or NONE for asked in mains), sidecars)
    return max(together, peak) if any_asks else None


def _asked(container: Any, resource: str, fields: Sequence[str]) -> Decimal | None:
    resources = mapping(mapping(container).get("resources"))
    amounts = (amount(mapping(resources.get(field)).get(resource)) for field in fields)
    return next((asked for asked in amounts if asked is not None), None)
