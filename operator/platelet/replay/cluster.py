"""A cluster in virtual time: its objects, what stands behind them, and the people who use it."""

import copy
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from platelet.model.durations import format_time
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.replay import kubelet
from platelet.replay.controllers import Controllers
from platelet.replay.store import Store
from platelet.replay.virtual_clock import VirtualClock
from platelet.shell import kube
from platelet.shell.kube import Json

SHOP = "shop"
OPERATOR = OPERATOR_NAMESPACE
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


class Cluster:
    """One cluster with a node, two namespaces and nothing else. People act straight on the store."""

    def __init__(self) -> None:
        """Begin at the virtual clock's start."""
        self.clock = VirtualClock()
        self.lead: Callable[[], timedelta] = timedelta  # of the API server that answers now, by its own clock
        self.store = Store(lambda: self.now + self.lead())
        self.controllers = Controllers(self.store)
        for name in (SHOP, OPERATOR, "kube-system"):
            self.store.create(kube.NAMESPACES, "", {"metadata": {"name": name}})
        self.add_node("node-1")

    @property
    def now(self) -> datetime:
        """The virtual moment."""
        return self.clock.now()

    def step(self) -> None:
        """Let controllers and kubelets react to whatever was written."""
        self.controllers.settle(self.now)

    def next_change(self) -> datetime | None:
        """When something happens by itself."""
        return self.controllers.next_change(self.now)

    def advance(self, span: timedelta) -> None:
        """Let time pass, with everything that happens meanwhile."""
        self.advance_to(self.now + span)

    def advance_to(self, moment: datetime) -> None:
        """Let time pass until `moment`."""
        self.step()
        while (change := self.next_change()) is not None and change <= moment:
            self.clock.moment = change
            self.step()
        self.clock.moment = max(moment, self.clock.moment)
        self.step()

    # people

    def add_node(self, name: str, *, labels: Mapping[str, str] | None = None) -> None:
        """A node that is ready, with room for all pods."""
        self.store.create(kube.NODES, "", {"metadata": {"name": name, "labels": dict(labels or {})}})
        self.size_node(name, "64Gi")

    def size_node(self, name: str, memory: str) -> None:
        """What a node can give to its pods."""
        node = self.store.get(kube.NODES, "", name)
        node["status"] = {
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": format_time(self.now)}],
            "allocatable": {"cpu": "32", "memory": memory, "pods": "500"},
        }
        self.store.replace(kube.NODES, "", name, node, subresource="status")

    def deploy(  # noqa: PLR0913 - what people choose of a Deployment
        self,
        name: str,
        image: str,
        replicas: int = 2,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        namespace: str = SHOP,
    ) -> None:
        """`kubectl create deployment`."""
        body = _workload(name, image, replicas, labels or {}, annotations or {})
        body["spec"] |= {
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        }
        self.store.create(kube.DEPLOYMENTS, namespace, body)
        self.step()

    def deploy_stateful_set(self, name: str, image: str, replicas: int, *, labels: Mapping[str, str]) -> None:
        """`kubectl apply` of a StatefulSet. No Deployment has its name."""
        self.store.create(kube.STATEFUL_SETS, SHOP, _workload(name, image, replicas, labels, {}))
        self.step()

    def autoscale(self, name: str, least: int, most: int) -> None:
        """`kubectl autoscale deployment`."""
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
        self.store.create(kube.AUTOSCALERS, SHOP, {"metadata": {"name": name}, "spec": spec})
        self.step()

    def bounds(self, name: str) -> tuple[int, int] | None:
        """The least and the most replicas of an HPA; None where there is none of this name."""
        hpa = self.store.peek((kube.AUTOSCALERS.plural, SHOP, name))
        return (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) if hpa is not None else None

    def rebound(self, name: str, **bounds: int) -> None:
        """`kubectl patch hpa`."""
        self.store.patch(kube.AUTOSCALERS, SHOP, name, {"spec": bounds})
        self.step()

    def workload(self, name: str, namespace: str = SHOP) -> Json:
        """The Deployment or StatefulSet of this name as it is now."""
        return self.store.get(self._resource(name, namespace), namespace, name)

    def deployment(self, name: str, namespace: str = SHOP) -> Json:
        """The object as it is now."""
        return self.store.get(kube.DEPLOYMENTS, namespace, name)

    def image(self, name: str, namespace: str = SHOP) -> str:
        """The image of the present template."""
        return str(self.workload(name, namespace)["spec"]["template"]["spec"]["containers"][0]["image"])

    def replicas(self, name: str, namespace: str = SHOP) -> int:
        """`spec.replicas`."""
        return int(self.workload(name, namespace)["spec"]["replicas"])

    def pods(self, name: str, namespace: str = SHOP) -> list[Json]:
        """The pods of a workload that are not being deleted."""
        pods = self.store.find(kube.PODS, namespace, labels=f"app={name}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def release(self, name: str, image: str, namespace: str = SHOP) -> None:
        """`kubectl set image`."""
        template = copy.deepcopy(self.workload(name, namespace)["spec"]["template"])
        template["spec"]["containers"][0]["image"] = image
        self._patch(name, {"spec": {"template": template}}, namespace)

    def rollout_restart(self, name: str, namespace: str = SHOP) -> None:
        """`kubectl rollout restart`."""
        stamp = {"annotations": {RESTARTED_AT: format_time(self.now)}}
        self._patch(name, {"spec": {"template": {"metadata": stamp}}}, namespace)

    def scale(self, name: str, replicas: int, namespace: str = SHOP) -> None:
        """`kubectl scale`."""
        body = {"spec": {"replicas": replicas}}
        self.store.patch(self._resource(name, namespace), namespace, name, body, subresource="scale")
        self.step()

    def annotate(self, name: str, annotations: Mapping[str, str | None], namespace: str = SHOP) -> None:
        """`kubectl annotate`."""
        self._patch(name, {"metadata": {"annotations": dict(annotations)}}, namespace)

    def edit(self, name: str, body: Mapping[str, Any], namespace: str = SHOP) -> None:
        """`kubectl patch --type=merge`."""
        self._patch(name, body, namespace)

    def delete(self, name: str, namespace: str = SHOP) -> None:
        """`kubectl delete`."""
        self.store.delete(self._resource(name, namespace), namespace, name)
        self.step()

    def delete_and_apply(self, name: str, image: str) -> None:
        """`kubectl replace --force` with another image."""
        stored, resource = self.workload(name), self._resource(name, SHOP)
        self.delete(name)
        stored["spec"]["template"]["spec"]["containers"][0]["image"] = image
        own = {"name": name, "labels": stored["metadata"]["labels"], "annotations": {}}
        again = {"metadata": own, "spec": stored["spec"]}
        self.store.create(resource, SHOP, again)
        self.step()

    def sicken_pods(self, name: str, behaviour: kubelet.Behaviour, namespace: str = SHOP) -> None:
        """A fault in the pods that run now, whatever their image; pods made later are not struck."""
        for pod in self.pods(name, namespace):
            self.controllers.pods.lives[pod["metadata"]["uid"]].sicken(behaviour, self.now)
        self.step()

    def spoil_starts(self, behaviour: kubelet.Behaviour) -> None:
        """From now on pods that are made of a good image behave so: what a start needs is gone. Others run on."""
        self.controllers.pods.start = behaviour

    def lose_pod(self, name: str, namespace: str = SHOP) -> None:
        """The first pod of a workload is evicted from its node: its controller makes another."""
        self.store.mark_deleted(kube.PODS, namespace, self.pods(name, namespace)[0]["metadata"]["name"])
        self.step()

    def set_clock(self, node: str, ahead: timedelta) -> None:
        """From now on new pods on a node are told of in another time; a lag is negative."""
        self.controllers.pods.clocks[node] = ahead

    def no_node_for(self, words: str, has: Callable[[Json], bool]) -> None:
        """From now on the scheduler says so of each new pod that has something."""
        self.controllers.pods.no_node = lambda pod: words if has(pod["spec"]) else ""

    def refuse_pods(self, words: str, has: Callable[[Json], bool]) -> None:
        """From now on the API server says so of each new pod that has something: a quota, Pod Security, a webhook."""
        self.controllers.pods.refusal = lambda pod: words if has(pod["spec"]) else ""

    def _patch(self, name: str, body: Mapping[str, Any], namespace: str) -> None:
        self.store.patch(self._resource(name, namespace), namespace, name, body)
        self.step()

    def _resource(self, name: str, namespace: str) -> kube.Resource:
        is_set = self.store.peek((kube.STATEFUL_SETS.plural, namespace, name)) is not None
        return kube.STATEFUL_SETS if is_set else kube.DEPLOYMENTS


def _workload(
    name: str, image: str, replicas: int, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    own = {"app": name}
    return {
        "metadata": {"name": name, "labels": {**own, **labels}, "annotations": dict(annotations)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": own},
            "template": {"metadata": {"labels": own}, "spec": {"containers": [{"name": "app", "image": image}]}},
        },
    }
