"""The images of the packs' apps and of what stands around them: the programs of `app`, each with another life.

An app counts what it has really answered, and how long that took; a store keeps numbers, and gives sessions that end
with it. A release is an image, as anywhere.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.cluster import manifests
from tests.e2e import images
from tests.e2e.container_runtime import ContainerRuntime

GOOD, GOOD_2 = manifests.GOOD, "app:good-2"
BROKEN = "app:broken"  # answers all with errors
FLAWED = "app:flawed"  # answers with errors what customers put into their carts
SLOW = "app:slow"  # after six seconds
CARELESS = "app:careless"  # loses a row with each request
CRASH = "app:crash"
STORE, CUSTOMERS, ATTACKERS, PRODUCER = "app:store", "app:customers", "app:attackers", "app:producer"
NEVER_THERE = "registry.invalid/app:2"
PATHS = ":8080/cgi-bin"  # of all that they answer
_IMAGES = (GOOD, GOOD_2, BROKEN, FLAWED, SLOW, CARELESS, CRASH, STORE, CUSTOMERS, ATTACKERS, PRODUCER)
_PROGRAMS = Path(__file__).with_name("app")


def import_all(runtime: ContainerRuntime) -> None:
    """Put the images into a node."""
    for name in _IMAGES:
        life = name.partition(":")[2].partition("-")[0]
        archive = runtime.machine.directory / f"{life}.tar"
        made = images.busybox(archive, name, entrypoint=["/app/start"], files={"app": _PROGRAMS}, LIFE=life)
        runtime.import_image(made)
        archive.unlink()


def service(name: str, app: str, *, address: str = "", labels: Mapping[str, str] | None = None) -> str:
    """A Service of an app's pods, at this address if one is given; containers find it in their environment."""
    fixed = {"clusterIP": address} if address else {}
    metadata = {"name": name, "labels": dict(labels or {})}
    spec = {"selector": {"app": app}, "ports": [{"port": 8080}], **fixed}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
