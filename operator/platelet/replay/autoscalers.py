"""The HPA controller of an idle service: it never wants more replicas than its minimum, and never goes without."""

from collections.abc import Collection

from platelet.replay import pods
from platelet.replay.store import Store
from platelet.shell import kube
from platelet.shell.kube import Json


def target_of(hpa: Json) -> tuple[str, str]:
    """Namespace and name of the Deployment that it scales."""
    return hpa["metadata"]["namespace"], hpa["spec"]["scaleTargetRef"]["name"]


def follow(store: Store, touched: Collection[tuple[str, str]]) -> None:
    """Hold the Deployments that were touched within their autoscalers' bounds; 0 replicas switch an HPA off."""
    for hpa in store.view(kube.AUTOSCALERS):
        namespace, name = target_of(hpa)
        deployment = store.peek((kube.DEPLOYMENTS.plural, namespace, name))
        if (namespace, name) not in touched or deployment is None or deployment["spec"]["replicas"] == 0:
            continue
        wanted = hpa["spec"]["minReplicas"]
        if deployment["spec"]["replicas"] != wanted:
            store.patch(kube.DEPLOYMENTS, namespace, name, {"spec": {"replicas": wanted}}, subresource="scale")
        status = {"currentReplicas": deployment["spec"]["replicas"], "desiredReplicas": wanted}
        pods.write_status(store, kube.AUTOSCALERS, hpa, status)
