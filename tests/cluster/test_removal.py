"""platelet is removed by the commands of docs/install.md, and nothing of it stays: all objects are judged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import guide, incidents, installation, manifests, operating
from tests.cluster.control_plane import ControlPlane
from tests.cluster.incidents import Scene
from tests.cluster.manifests import CRASHES, GOOD, UNDO, fires, step

pytestmark = pytest.mark.cluster
MARK = "platelet.dev/escalated"
LOAN = step("scale", scale={"to": 4, "max": 4, "revertAfter": "1h"}, verify={"stableFor": "1s"})
POLICIES = (
    manifests.policy("busy", [fires("Busy")], LOAN),
    manifests.policy("crash", [CRASHES], UNDO),
)
_PASSING = ("events", "events.events.k8s.io")  # they end by themselves, after an hour


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the guide is followed."""
    guide.write_files(tmp_path)
    return tmp_path


@pytest.fixture
def plane(folder: Path) -> Iterator[ControlPlane]:
    """A cluster with platelet on it, as the guide installs it."""
    with cluster.start() as plane:
        guide.run(plane, guide.commands("2. The cluster"), folder)
        yield plane


@pytest.fixture
def operator(plane: ControlPlane, folder: Path) -> Iterator[installation.OperatorProcess]:
    """The operator, with the rights of the installed account."""
    account = guide.kubeconfig_of_account(plane, folder)
    replica = installation.Installation(plane, folder, account=account).start()
    operating.until_leading(replica)
    yield replica
    if replica.alive:
        replica.kill()


def lend(scene: Scene, operator: installation.OperatorProcess) -> None:
    """An alert adds replicas for an hour; a workload that never was well is handed to people."""
    scene.use(*POLICIES)
    scene.admit("busy", "shop", replicas=2)
    scene.admit("crash", "hopeless", image="app:crash-1")
    scene.until_proven("shop")
    manifests.send(operator.alerts_url, manifests.alert("Busy", scene.namespace, deployment="shop"))
    scene.until_state("shop", "Monitoring", "Verifying")
    scene.until("the mark", "hopeless", lambda: MARK in scene.workload("hopeless")["metadata"]["annotations"])
    assert scene.replicas("shop") == 4


def everything_that_mentions_platelet(plane: ControlPlane) -> list[str]:
    """All objects of all kinds but Events."""
    kinds = plane.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    asked = ",".join(kind for kind in kinds if kind not in _PASSING)
    stored = json.loads(plane.kubectl("get", asked, "--all-namespaces", "-o", "json"))["items"]
    return [
        f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}"
        for one in stored
        if "platelet" in json.dumps(one)
    ]


def test_what_was_lent_is_returned_while_paused_and_nothing_of_platelet_stays(
    plane: ControlPlane, operator: installation.OperatorProcess, folder: Path
) -> None:
    """The loan would have been due in an hour."""
    with incidents.scene(plane) as scene:
        lend(scene, operator)
        assert any("ControllerRevision" in mention for mention in everything_that_mentions_platelet(plane))
        guide.run(plane, "platelet pause --reason 'it goes'", folder)
        printed = guide.run(plane, "platelet revert --all --yes", folder)
        assert f"{scene.namespace}/deployment/shop: 4 replicas back to 2" in printed
        assert scene.replicas("shop") == 2
        scene.release("shop", "app:good-2")  # it would have been remembered, had platelet stayed
        operator.stop()
        guide.run(plane, guide.commands("6. Removing it"), folder)
        assert everything_that_mentions_platelet(plane) == []
        assert (scene.image("shop"), scene.image("hopeless")) == ("app:good-2", "app:crash-1")


def test_without_a_leader_nothing_is_reverted_but_what_shall_stay_may_stay(
    plane: ControlPlane, operator: installation.OperatorProcess, folder: Path
) -> None:
    """No second writer: only a leader reverts, and whoever removes platelet is told so."""
    with incidents.scene(plane) as scene:
        lend(scene, operator)
        operator.stop()
        printed = guide.run(plane, "! platelet revert --all --yes 2>&1", folder)
        assert "no operator leads" in printed
        assert f"{scene.namespace}/deployment/shop: 4 replicas back to 2" in printed
        guide.run(plane, "platelet revert --all --yes --drop", folder)
        assert scene.replicas("shop") == 4
        assert MARK not in scene.workload("hopeless")["metadata"].get("annotations", {})
        assert scene.items("/apis/apps/v1|controllerrevisions") == []
        assert scene.image("shop") == GOOD
