"""The cluster of the scenarios: the model of `replay`, behind a server that processes connect to and that can fail."""

import copy
from typing import Any

from platelet.replay.cluster import OPERATOR, SHOP, Cluster
from platelet.shell.kube import Json
from tests.scenarios.model_api import ApiServer, ModelApi

__all__ = ["OPERATOR", "SHOP", "World"]


class World(Cluster):
    """People act straight on the store, processes through a connection."""

    def __init__(self) -> None:
        """Begin at the virtual clock's start."""
        super().__init__()
        self.server = ApiServer(self.store, self.clock.now)
        self.lead = lambda: self.server.lead

    def connect(self, process: str) -> ModelApi:
        """A connection for a process."""
        return ModelApi(self.server, process)

    def limit(self, name: str, resources: Json) -> None:
        """`kubectl set resources`."""
        self.set_up(name, resources=resources)

    def set_up(self, name: str, **fields: Any) -> None:
        """People set fields of its container."""
        template = copy.deepcopy(self.workload(name)["spec"]["template"])
        template["spec"]["containers"][0] |= fields
        self.edit(name, {"spec": {"template": template}})

    def container(self, name: str) -> Json:
        """What its container has beside its name and image."""
        container = self.workload(name)["spec"]["template"]["spec"]["containers"][0]
        return {field: value for field, value in container.items() if field not in ("name", "image")}

    def memory(self, name: str) -> tuple[str, str] | None:
        """Limit and request of memory; None where there are none."""
        return _memory(self.workload(name)["spec"]["template"])

    def memory_of_pods(self, name: str) -> frozenset[tuple[str, str]]:
        """The same of its pods, of which any two may differ."""
        return frozenset(memory for memory in map(_memory, self.pods(name)) if memory is not None)

    def look_again(self, name: str) -> None:
        """Its kubelets look anew at what they have put off."""
        for pod in self.pods(name):
            self.controllers.pods.retry(pod)


def _memory(template: Json) -> tuple[str, str] | None:
    resources = template["spec"]["containers"][0].get("resources") or {}
    if "memory" not in resources.get("limits", {}):
        return None
    return resources["limits"]["memory"], resources["requests"]["memory"]
