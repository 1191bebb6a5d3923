"""deploy/base on a bare cluster, by the commands of docs/install.md: it installs, and its rights are enough to heal.

The operator is a process of this machine under the installed ServiceAccount; its Deployment's pods are played by KWOK.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import guide, incidents, installation, operating
from tests.cluster.control_plane import ControlPlane, KubectlFailed
from tests.cluster.guide import ACCOUNT, NAMESPACE
from tests.cluster.manifests import GOOD

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guide is followed."""
    folder = tmp_path_factory.mktemp("guide")
    guide.write_files(folder)
    return folder


@pytest.fixture(scope="module")
def plane(folder: Path) -> Iterator[ControlPlane]:
    """A cluster that was bare until the guide's commands were run on it; the pods are KWOK's."""
    with cluster.start() as plane:
        guide.run(plane, guide.commands("2. The cluster"), folder)
        yield plane


def test_the_guide_installs_on_a_bare_cluster_with_two_replicas_that_pod_security_admits(plane: ControlPlane) -> None:
    """`restricted` refuses pods that are not: these were admitted, and no warning was given."""
    pods = json.loads(plane.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 2
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"registry.example.com/platelet:0.1.0"}
    kinds = "networkpolicy,poddisruptionbudget,budget,service"
    listed = json.loads(plane.kubectl("get", kinds, "-n", NAMESPACE, "-o", "json"))
    names = sorted(f"{item['kind']}/{item['metadata']['name']}" for item in listed["items"])
    assert names == [
        "ActionBudget/platelet",
        "NetworkPolicy/platelet",
        "PodDisruptionBudget/platelet",
        "Service/platelet-alerts",
        "Service/platelet-metrics",
    ]


def test_an_installation_of_ones_own_is_taken_by_the_api_server(plane: ControlPlane) -> None:
    """The example, with TLS and its own limits; nothing is stored."""
    applied = plane.kubectl("apply", "--server-side", "--dry-run=server", "-k", str(guide.ROOT / "deploy" / "example"))
    assert "deployment.apps/platelet serverside-applied (server dry run)" in applied


def test_the_token_for_alerts_is_made_by_the_guides_command(plane: ControlPlane, folder: Path) -> None:
    """The same for both sides, under the key that the pods mount."""
    plane.kubectl("create", "namespace", "monitoring")
    guide.run(plane, guide.commands("4. Alerts"), folder)
    tokens = {
        plane.kubectl("get", "secret", "platelet-alert-token", "-n", namespace, "-o", "jsonpath={.data.token}")
        for namespace in (NAMESPACE, "monitoring")
    }
    assert len(tokens) == 1
    assert len(tokens.pop()) > 40


def test_a_pod_that_is_not_restricted_is_refused_beside_it(plane: ControlPlane) -> None:
    """The namespace's labels are in force."""
    with pytest.raises(KubectlFailed, match="violates PodSecurity"):
        plane.kubectl("run", "root", "--image=app:good-1", "-n", NAMESPACE)


def test_applying_again_does_not_end_a_pause_and_changes_nothing(plane: ControlPlane, folder: Path) -> None:
    """GitOps does so every few minutes."""
    pause = {"spec": {"suspended": {"reason": "freeze"}}}
    plane.kubectl("patch", "budget", "platelet", "-n", NAMESPACE, "--type=merge", "-p", json.dumps(pause))
    before = budget_spec(plane)
    guide.run(plane, "kubectl apply --server-side -k my-platelet", folder)
    assert budget_spec(plane) == before
    assert before["suspended"] == {"reason": "freeze"}
    plane.kubectl("patch", "budget", "platelet", "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"suspended":null}}')


def budget_spec(plane: ControlPlane) -> dict[str, object]:
    """The ActionBudget's spec."""
    stored = installation.get(plane, "budget", NAMESPACE, "platelet")
    assert stored is not None
    return stored["spec"]  # type: ignore[no-any-return]


def test_the_operator_leads_and_heals_under_the_installed_account_and_is_refused_nothing(
    plane: ControlPlane, folder: Path
) -> None:
    """The account of deploy/base, by a token for it, has every right that a heal needs."""
    account = guide.kubeconfig_of_account(plane, folder)
    replica = installation.Installation(plane, folder, account=account).start()
    try:
        operating.until_leading(replica)
        with incidents.scene(plane, "shop") as scene:
            scene.create()
            scene.apply(installation.deployment("api", GOOD))
            guide.run(plane, guide.commands("3. A first policy"), folder)
            scene.until_proven("api")
            scene.release("api", "app:crash-2")
            scene.until_state("api", "Verifying", "Monitoring", seconds=120)
            assert scene.image("api") == GOOD
    finally:
        replica.stop()
    asked = [event for event in plane.audit_events() if event.user == ACCOUNT]
    assert len(asked) > 50
    assert [event.uri for event in asked if event.lacks_right] == []
