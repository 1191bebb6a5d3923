"""The node's network: a cable from this machine to the node, and a bridge for the pods inside.

Pods reach this machine at `HOST` and nothing beyond it. This machine reaches pods and Services by routes through the
cable, and loses those with it.
"""

# ruff: noqa: S603, S607 - every command line is our own

import contextlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.machine import Machine

HOST, NODE = "10.213.0.1", "10.213.0.2"  # the two ends of the cable
PODS, SERVICES = "10.214.0.0/16", "10.96.0.0/16"
PLUGINS = Path("/usr/lib/cni")
_CABLE = "platelet-node"


@contextmanager
def connected(machine: Machine) -> Iterator[None]:
    """The cable, for the length of a `with` block; the kernel removes it, too, when the machine ends."""
    _unplug()  # the kernel may not have got to it yet
    try:
        _ip(f"link add {_CABLE} type veth peer name eth0 netns {machine.pid}")
        _ip(f"address add {HOST}/30 dev {_CABLE}")
        _ip(f"link set {_CABLE} up")
        machine.run(*f"ip address add {NODE}/30 dev eth0".split())
        for device in ("lo", "eth0"):
            machine.run(*f"ip link set {device} up".split())
        for subnet in (PODS, SERVICES):
            _ip(f"route add {subnet} via {NODE}")
        yield
    finally:
        _unplug()


def write_plugin_configuration(directory: Path) -> Path:
    """How containerd connects a pod: to a bridge, with an address of the node's own."""
    directory.mkdir()
    addresses = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    plugins = [bridge, {"type": "loopback"}]
    (directory / "pods.conflist").write_text(
        json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}, indent=2)
    )
    return directory


def _unplug() -> None:
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(["ip", "link", "delete", _CABLE], check=True, stderr=subprocess.DEVNULL)


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)
