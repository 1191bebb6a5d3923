"""What of a pod template the API server's words are about, where it takes no pod: a quota, Pod Security, a webhook.

The words are those of Kubernetes' own admission (plugin/pkg/admission and pkg/quota of the API server). Words that are
not known may be about anything in the template.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from platelet.model import pod_requests
from platelet.model.template_shape import items, mapping

Template = Mapping[str, Any]
_REQUESTED = re.compile(r"requested: (\S+), used:")
_MUST_SPECIFY = re.compile(r"must specify (.+)")
_AMOUNTS: Final = (pod_requests.requested, pod_requests.limited)


def is_own(live: Template, ran: Template, words: str) -> bool:
    """Whether pods may be refused for what `live` has and `ran` had not; else no pod of either would be taken."""
    judged = (differs for phrase, differs in _WORDS if phrase in words)
    return next((differs(live, ran, words) for differs in judged), True)


def _is_outside(_live: Template, _ran: Template, _words: str) -> bool:
    return False


def _asks_for_more(live: Template, ran: Template, words: str) -> bool:
    """Of what the quota is short of, as a request or a limit; for another priority another quota may hold."""
    requested = _REQUESTED.search(words)
    names = [_resource(part.partition("=")[0]) for part in requested[1].split(",")] if requested else []
    more = [name for name in names for read in _AMOUNTS if read(live, name) > read(ran, name)]
    return bool(more) or _spec(live).get("priorityClassName") != _spec(ran).get("priorityClassName") or not requested


def _resource(counted: str) -> str:
    """What a quota counts as `limits.memory`, `requests.nvidia.com/gpu` or `cpu`; `pods` and the like are none."""
    field, _, resource = counted.partition(".")
    return resource if field in ("requests", "limits") else counted


def _specifies_less(live: Template, ran: Template, words: str) -> bool:
    demand = _MUST_SPECIFY.search(words)
    return demand is None or any(_lacking(live, name) - _lacking(ran, name) for name in _names(demand[1]))


def _names(listed: str) -> list[str]:
    """`limits.cpu,requests.cpu`, or in newer versions `limits.cpu for: app; limits.memory for: app,side`."""
    return [name.strip() for part in listed.split(";") for name in part.partition(" for:")[0].split(",")]


def _lacking(template: Template, name: str) -> set[str]:
    """The containers that have no such amount."""
    field = "limits" if name.startswith("limits.") else "requests"
    resource = _resource(name)
    lists = ((container, mapping(container.get("resources"))) for container in _containers(template))
    return {str(container.get("name")) for container, amounts in lists if resource not in mapping(amounts.get(field))}


def _is_less_restricted(live: Template, ran: Template, _words: str) -> bool:
    """Whether anything differs that Pod Security looks at."""
    return bool(_of_pod_security(live) != _of_pod_security(ran))


def _of_pod_security(template: Template) -> Any:
    spec = _spec(template)
    volumes = [{kind for kind in mapping(volume) if kind != "name"} for volume in items(spec.get("volumes"))]
    of_pod = [spec.get(field) for field in ("securityContext", "hostNetwork", "hostPID", "hostIPC", "hostUsers")]
    of_containers = [
        (container.get("name"), container.get("securityContext"), [mapping(port).get("hostPort") for port in ports])
        for container in _containers(template)
        for ports in [items(container.get("ports"))]
    ]
    return volumes, of_pod, of_containers


def _has_other_resources(live: Template, ran: Template, _words: str) -> bool:
    return _resources(live) != _resources(ran)


def _resources(template: Template) -> list[Any]:
    return [_spec(template).get("resources"), *(container.get("resources") for container in _containers(template))]


def _has_another(field: str) -> Callable[[Template, Template, str], bool]:
    return lambda live, ran, _words: _spec(live).get(field) != _spec(ran).get(field)


def _spec(template: Template) -> Mapping[str, Any]:
    return mapping(template.get("spec"))


def _containers(template: Template) -> Iterator[Mapping[str, Any]]:
    for field in ("initContainers", "containers"):
        yield from (container for container in items(_spec(template).get(field)) if isinstance(container, Mapping))


_WORDS: Final[tuple[tuple[str, Callable[[Template, Template, str], bool]], ...]] = (
    ("failed calling webhook", _is_outside),
    ("did not complete within", _is_outside),  # the time of the whole request, which all webhooks share
    ("etcdserver:", _is_outside),
    ("quota evaluation timed out", _is_outside),
    ("status unknown for quota", _is_outside),
    ("is being terminated", _is_outside),  # the namespace
    ("exceeded quota", _asks_for_more),
    ("failed quota", _specifies_less),
    ("violates PodSecurity", _is_less_restricted),
    ("error looking up service account", _has_another("serviceAccountName")),
    ("usage per Container is", _has_other_resources),  # a LimitRange
    ("usage per Pod is", _has_other_resources),
)
