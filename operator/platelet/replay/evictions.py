"""The Eviction API: a pod goes if its PodDisruptionBudget lets it (pkg/registry/core/pod/storage/eviction.go)."""

from collections.abc import Mapping
from typing import Any

from platelet.model.resource import DISRUPTION_BUDGETS, PODS
from platelet.replay import pods
from platelet.replay.store import Store
from platelet.shell import kube
from platelet.shell.kube import Json


def evict(store: Store, namespace: str, eviction: Mapping[str, Any]) -> Json:
    """POST pods/NAME/eviction. Raises NotFound, Conflict on another uid or version, Unanswered(429)."""
    name, preconditions = eviction["metadata"]["name"], eviction["deleteOptions"].get("preconditions", {})
    pod = store.get(PODS, namespace, name)
    if pod.get("status", {}).get("phase") == "Running":
        for budget in store.view(DISRUPTION_BUDGETS, namespace):
            _ask(budget, pod)
    uid, version = preconditions.get("uid", ""), preconditions.get("resourceVersion", "")
    store.delete_gracefully(PODS, namespace, name, uid=uid, resource_version=version)
    return {"kind": "Status", "apiVersion": "v1", "status": "Success"}


def _ask(budget: Json, pod: Json) -> None:
    labels = pod["metadata"].get("labels") or {}
    if not budget["spec"]["selector"]["matchLabels"].items() <= labels.items():
        return
    status = budget["status"]
    enough = status["currentHealthy"] >= status["desiredHealthy"] > 0
    if not (enough and not pods.is_ready(pod)) and status["disruptionsAllowed"] == 0:
        words = "Cannot evict pod as it would violate the pod's disruption budget."
        raise kube.Unanswered(429, "TooManyRequests", words)
