"""What a pod shows of a resize in place: whether one is possible, and how far it is (Kubernetes 1.33 and later).

The spec says what is wanted. What holds is in the status of its container: `allocatedResources`, which the kubelet has
set aside, and `resources`, which the running container has. Why it does not hold yet is in two conditions of the pod
(KEP-1287; TRAPS 49).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from platelet.model import quantity

PENDING: Final = "PodResizePending"
IN_PROGRESS: Final = "PodResizeInProgress"
_NEVER: Final = "Infeasible"  # reason of a pending one: its node can never do it; else Deferred, and tried again
_RESTARTS: Final = "RestartContainer"
_OVER: Final = ("Succeeded", "Failed")
_QUOTED: Final = 300  # characters of the kubelet's own words
Json = Mapping[str, Any]


class Progress(NamedTuple):
    """How far the resize of a pod is, and what its node says of it."""

    state: Literal["Done", "Pending", "Infeasible"]
    words: str


def why_not(pod: Json, container: str, resources: Collection[str]) -> str:
    """Why this container cannot get more of these resources without a restart; empty if it can, as far as is known.

    The API server takes a resize only of a pod whose kubelet tells what its containers have, and no kubelet is newer
    than its API server: so that shows whether the cluster can (isPodResizeRequestSupported of core/validation).
    """
    name, spec = pod["metadata"]["name"], pod.get("spec") or {}
    known = next((one for one in spec.get("containers") or () if one.get("name") == container), None)
    if known is None:
        return f"{container} of pod {name} is no main container"
    if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("phase") != "Running":
        return f"pod {name} does not run"
    if spec.get("resources"):
        return f"pod {name} has resources of its own, beside those of its containers"
    policies = {one.get("resourceName"): one.get("restartPolicy") for one in known.get("resizePolicy") or ()}
    restarts = next((resource for resource in resources if policies.get(resource) == _RESTARTS), None)
    if restarts is not None:
        return f"{container} would be restarted: its resizePolicy for {restarts} says so"
    if "resources" not in _status(pod, container):
        return f"the node of pod {name} cannot: it does not tell what containers have, as Kubernetes 1.33 and later do"
    return ""


def is_going(pod: Json) -> bool:
    """Whether it is being deleted, or over."""
    return bool(pod["metadata"].get("deletionTimestamp")) or (pod.get("status") or {}).get("phase") in _OVER


def progress(pod: Json, wanted: Mapping[str, str]) -> Progress:
    """How far it is; `wanted` are fields such as `app.resources.limits.memory`. Done is what its node has confirmed."""
    name, conditions = pod["metadata"]["name"], dict(_conditions(pod))
    pending = conditions.get(PENDING)
    if pending is not None:
        state: Literal["Pending", "Infeasible"] = "Infeasible" if pending.get("reason") == _NEVER else "Pending"
        return Progress(state, f"pod {name} is not resized: {_say(pending)}")
    if IN_PROGRESS in conditions:
        return Progress("Pending", f"pod {name} is being resized{_because(_say(conditions[IN_PROGRESS]))}")
    if not _is_observed(pod):
        return Progress("Pending", f"the node of pod {name} has not looked at it yet")
    if lacking := sorted(_lacking(pod, wanted)):
        return Progress("Pending", f"pod {name} has not got it yet: {', '.join(lacking)}")
    return Progress("Done", f"pod {name} has it")


def _lacking(pod: Json, wanted: Mapping[str, str]) -> Iterator[str]:
    for field, value in wanted.items():
        container, _, kind, resource = field.split(".")
        status = _status(pod, container)
        has = (status.get("resources") or {}).get(kind) or {}
        if kind == "requests" and status.get("allocatedResources"):
            has = status["allocatedResources"]
        if not _is_same(has.get(resource), value):
            yield f"{field} {has.get(resource, 'unset')}, not {value}"


def _is_same(one: Any, other: str) -> bool:
    """As amounts: a kubelet writes 1536Mi for 1.5Gi."""
    try:
        return one is not None and quantity.parse(str(one)).amount == quantity.parse(other).amount
    except ValueError:
        return False


def _is_observed(pod: Json) -> bool:
    """Whether its kubelet has seen the present spec; true where it does not tell (before 1.34)."""
    seen = (pod.get("status") or {}).get("observedGeneration")
    return not seen or seen >= (pod["metadata"].get("generation") or 0)


def _conditions(pod: Json) -> Iterable[tuple[str, Json]]:
    """Those of its resize that hold, and are about its present spec."""
    generation = pod["metadata"].get("generation") or 0
    for condition in (pod.get("status") or {}).get("conditions") or ():
        about = condition.get("observedGeneration") or generation
        if condition.get("status") == "True" and about >= generation:
            yield str(condition.get("type")), condition


def _status(pod: Json, container: str) -> Json:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((status for status in statuses if status.get("name") == container), {})


def _say(condition: Json) -> str:
    return ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))[:_QUOTED]


def _because(words: str) -> str:
    return f": {words}" if words else ""
