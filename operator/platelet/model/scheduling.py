"""What of a pod template decides where its pods can run, and what of it the scheduler's words are about.

The words are those of the scheduler's plugins (pkg/scheduler/framework/plugins of Kubernetes). Words that are not known
may be about anything.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from platelet.model import pod_requests
from platelet.model.template_shape import items, mapping

_INSUFFICIENT = re.compile(r"Insufficient ([^\s,]*[^\s,.])")
Fields = tuple[str, ...]
_WORDS: Final[tuple[tuple[str, Fields], ...]] = (
    ("node affinity/selector", ("nodeSelector", "nodeAffinity", "runtimeClassName")),
    ("node selector", ("nodeSelector", "nodeAffinity", "runtimeClassName")),
    ("taint", ("tolerations", "runtimeClassName")),
    ("anti-affinity", ("podAntiAffinity", "labels")),
    ("pod affinity", ("podAffinity", "labels")),
    ("topology spread", ("topologySpreadConstraints", "labels")),
    ("free ports", ("hostPorts",)),
    ("scheduling gate", ("schedulingGates",)),
    ("resourceclaim", ("resourceClaims",)),
    ("resource claim", ("resourceClaims",)),
    ("allocate all claims", ("resourceClaims",)),
    ("volume", ("volumes",)),
    ("node name", ("nodeName",)),
    ("too many pods", ()),
    ("were unschedulable", ()),  # cordoned
)


def brought(live: Mapping[str, Any], healthy: Mapping[str, Any], words: str) -> Fields:
    """The fields by which `live` asks for more than `healthy` did, and that the scheduler's `words` can be about.

    Empty: what keeps the pods from a node was there before, so another template is no remedy.
    """
    stricter = {field for field, differs in _STRICTER.items() if differs(live, healthy)}
    lacking = _INSUFFICIENT.findall(words)
    more = [name for name in lacking if pod_requests.requested(live, name) > pod_requests.requested(healthy, name)]
    known = [fields for phrase, fields in _WORDS if phrase in words.lower()]
    if not known and not lacking:
        return (*sorted(stricter), *(["requests"] if _asks_for_more(live, healthy) else []))
    meant = {field for fields in known for field in fields} | ({"priorityClassName"} if lacking else set())
    return (*sorted(stricter & meant), *(f"requests.{name}" for name in more))


def _spec(template: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(template.get("spec"))


def _is_new(read: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    """Whether something is asked for, and was not in this form before."""
    return lambda live, healthy: bool(read(live)) and read(live) != read(healthy)


def _has_more(read: Callable[[Mapping[str, Any]], list[Any]]) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    """Whether one of the things asked for was not asked for before."""
    return lambda live, healthy: any(volume not in read(healthy) for volume in read(live))


def _of_spec(field: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda template: _spec(template).get(field)


def _affinity(kind: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(template: Mapping[str, Any]) -> Any:
        rules = mapping(mapping(_spec(template).get("affinity")).get(kind))
        return rules.get("requiredDuringSchedulingIgnoredDuringExecution")

    return read


def _binding_spreads(template: Mapping[str, Any]) -> list[Any]:
    rules = items(_spec(template).get("topologySpreadConstraints"))
    return [rule for rule in rules if mapping(rule).get("whenUnsatisfiable") != "ScheduleAnyway"]


def _host_ports(template: Mapping[str, Any]) -> list[Any]:
    spec = _spec(template)
    ports = [
        port for container in _containers(spec) for port in items(container.get("ports")) if isinstance(port, Mapping)
    ]
    on_host = spec.get("hostNetwork") is True
    return [
        (port.get("protocol") or "TCP", port.get("hostPort") or port.get("containerPort"))
        for port in ports
        if port.get("hostPort") or on_host
    ]


def _bound_volumes(template: Mapping[str, Any]) -> list[Any]:
    """Volumes that tie a pod to nodes: claims, and others than what every node can make."""
    free = ("configMap", "secret", "emptyDir", "projected", "downwardAPI", "hostPath", "image")
    volumes = (mapping(volume) for volume in items(_spec(template).get("volumes")))
    kinds = ({key: value for key, value in volume.items() if key != "name"} for volume in volumes)
    return [kind for kind in kinds if kind and not any(key in kind for key in free)]


def _containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in ("initContainers", "containers"):
        yield from (container for container in items(spec.get(field)) if isinstance(container, Mapping))


def _asks_for_more(live: Mapping[str, Any], healthy: Mapping[str, Any]) -> bool:
    return any(
        pod_requests.requested(live, name) > pod_requests.requested(healthy, name) for name in pod_requests.named(live)
    )


_STRICTER: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], bool]]] = {
    "nodeSelector": _has_more(lambda template: sorted(mapping(_spec(template).get("nodeSelector")).items())),
    "nodeAffinity": _is_new(_affinity("nodeAffinity")),
    "podAffinity": _is_new(_affinity("podAffinity")),
    "podAntiAffinity": _is_new(_affinity("podAntiAffinity")),
    "labels": _is_new(lambda template: mapping(mapping(template.get("metadata")).get("labels"))),
    "tolerations": lambda live, healthy: _has_more(lambda template: items(_spec(template).get("tolerations")))(
        healthy, live
    ),
    "topologySpreadConstraints": _has_more(_binding_spreads),
    "hostPorts": _has_more(_host_ports),
    "volumes": _has_more(_bound_volumes),
    "resourceClaims": _is_new(_of_spec("resourceClaims")),
    "schedulingGates": _is_new(_of_spec("schedulingGates")),
    **{field: _is_new(_of_spec(field)) for field in ("nodeName", "runtimeClassName", "schedulerName")},
    "priorityClassName": lambda live, healthy: _priority(live) != _priority(healthy),
}


def _priority(template: Mapping[str, Any]) -> tuple[Any, ...]:
    spec = _spec(template)
    return spec.get("priorityClassName") or "", spec.get("priority"), spec.get("preemptionPolicy")
