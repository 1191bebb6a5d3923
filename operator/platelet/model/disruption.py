"""PodDisruptionBudgets: whether they would let a pod go, foretold from what their status says.

What counts is what the Eviction API answers; this says why it would say no, so that nobody has to ask it in vain.
Rules: pkg/registry/core/pod/storage/eviction.go of Kubernetes, and "Unhealthy Pod Eviction Policy" in its task page
"Specifying a Disruption Budget". A pod that has not started yet, or is over, is let go in any case.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from platelet.model.workload import Pod

Json = Mapping[str, Any]
_LET_GO: Final = frozenset({"Pending", "Succeeded", "Failed"})  # phases


def selecting(budgets: Iterable[Json], labels: Mapping[str, str]) -> tuple[Json, ...]:
    """Those that choose pods with such labels. In policy/v1 an empty selector chooses all of them, no selector none."""
    return tuple(budget for budget in budgets if _selects(budget.get("spec", {}).get("selector"), labels))


def name_of(budget: Json) -> str:
    """What it is called."""
    return str(budget["metadata"]["name"])


def why_held(budget: Json, pod: Pod) -> str:
    """Why a pod that is not ready may not go now; empty if it may."""
    spec, status = budget.get("spec", {}), budget.get("status", {})
    if pod.phase in _LET_GO or spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return ""
    wanted, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    if healthy >= wanted > 0:
        return ""
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        return f"PodDisruptionBudget {name_of(budget)} is new, and its controller has not looked at it yet"
    if status.get("disruptionsAllowed", 0) > 0:
        return ""
    return f"PodDisruptionBudget {name_of(budget)} needs {wanted} healthy pods and has {healthy}"


def _selects(selector: Json | None, labels: Mapping[str, str]) -> bool:
    if selector is None:
        return False
    named = selector.get("matchLabels") or {}
    demands = selector.get("matchExpressions") or ()
    return all(labels.get(key) == value for key, value in named.items()) and all(
        _is_met(demand, labels) for demand in demands
    )


def _is_met(demand: Json, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(demand["key"]), demand.get("values") or ()
    match demand["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
