"""The packs of deploy/packs: each is accepted as it is; their situations are in the files beside this one."""

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, manifests, packs
from tests.cluster.installation import OperatorProcess

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("pack", packs.NAMES)
def test_a_pack_is_ready_as_it_is(
    pack: str, control_plane: cluster.ControlPlane, pack_operator: OperatorProcess
) -> None:
    """With its own times and servers; `use` waits until all policies are in use."""
    assert pack_operator.alive
    with incidents.scene(control_plane) as scene:
        scene.use(*(yaml.safe_dump(entry) for entry in packs.render(control_plane, pack, scene.namespace)))


def test_the_pack_for_the_mixin_is_ready_and_only_observes(
    control_plane: cluster.ControlPlane, pack_operator: OperatorProcess
) -> None:
    """It is for all namespaces, so it lives in the operator's."""
    with incidents.scene(control_plane, "platelet-system") as home, incidents.scene(control_plane) as shop:
        home.use(*(yaml.safe_dump(entry) for entry in packs.render(control_plane, "kubernetes-mixin")))
        shop.apply(installation.deployment("api", manifests.GOOD))
        shop.until_proven("api")
        shop.release("api", "app:crash")
        firing = manifests.alert("KubeDeploymentRolloutStuck", shop.namespace, deployment="api", severity="warning")
        manifests.send(pack_operator.alerts_url, firing)
        shop.until("what it would do", "api", lambda: foresees_an_undo(shop))
        assert shop.effects("api") == []


def foresees_an_undo(scene: incidents.Scene) -> bool:
    messages = (remediation["status"].get("message", "") for remediation in scene.remediations("api"))
    return any("would undo" in message for message in messages)
