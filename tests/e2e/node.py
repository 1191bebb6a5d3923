"""A cluster with one real node: what a test asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import control_plane as cluster
from tests.cluster import patience
from tests.e2e import binaries, container_runtime, images, kubelet, machine, network
from tests.e2e.container_runtime import ContainerRuntime

BUSYBOX = "busybox:node"


@dataclass
class Node:
    """A ready node, and the control plane that it belongs to."""

    plane: cluster.ControlPlane
    runtime: ContainerRuntime

    @property
    def directory(self) -> Path:
        """What the node's programs keep; their logs too."""
        return self.runtime.machine.directory

    def is_ready(self) -> bool:
        """Whether pods could run. Raises ComponentFailed when one of its programs has ended."""
        self.runtime.machine.check()
        return self.plane.is_node_ready(kubelet.NODE)


@contextmanager
def start() -> Iterator[Node]:
    """A control plane with one real node and no made-up ones, for the length of a `with` block."""
    programs = binaries.ensure()
    with (
        machine.start() as inner,
        network.connected(inner),
        cluster.start(nodes=0, address=network.HOST) as plane,
    ):
        runtime = container_runtime.start(inner)
        runtime.import_image(images.busybox(inner.directory / "busybox.tar", BUSYBOX))
        kubelet.start(plane, runtime, programs)
        node = Node(plane, runtime)
        patience.until("the node to be ready", node.is_ready, seconds=90)
        yield node
