"""Who has written which keys of a ConfigMap before an incident, by the real API server's managedFields."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests
from tests.cluster.incidents import Playground
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
POLICY = manifests.policy("told", [manifests.fires("Slow")], RESTART)
VALUE = "a-value-that-nobody-tells"


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with the policy, and what lets an alert fire."""
    with incidents.playground(control_plane, tmp_path_factory.mktemp("operator"), POLICY) as playground:
        yield playground


def test_the_keys_that_somebody_has_changed_are_named_and_those_of_others_are_not(playground: Playground) -> None:
    """Helm wrote two; a person changes one of them and adds one, after the workload was seen healthy with them."""
    scene, send = playground
    helms = ["--field-manager=helm", "--server-side"]
    data = {"LEVEL": "old", "MODE": VALUE}
    config_map: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}
    scene.kubectl("apply", *helms, "-f", "-", text=json.dumps(config_map))
    scene.admit("told", "api")
    source = [{"configMapRef": {"name": "settings"}}, {"configMapRef": {"name": "maybe", "optional": True}}]
    containers = [{"name": "app", "image": manifests.GOOD, "envFrom": source}]
    scene.patch("api", {"spec": {"template": {"spec": {"containers": containers}}}})
    scene.kubectl("rollout", "status", "deployment/api", "--timeout=60s")
    scene.until_proven("api")
    time.sleep(2)  # managedFields tell whole seconds
    change = json.dumps({"data": {"LEVEL": VALUE, "URL": VALUE}})
    scene.kubectl("patch", "configmap", "settings", "--field-manager=ann", "--type=merge", "-p", change)
    send(manifests.alert("Slow", scene.namespace, deployment="api"))
    scene.until("a restart", "api", lambda: bool(scene.effects("api")))
    (remediation,) = scene.remediations("api")
    (line,) = remediation["status"]["recentChange"]["configWrites"]
    assert line.startswith("configmap/settings written 2")
    assert line.endswith(" by ann, keys LEVEL, URL")
    assert VALUE not in json.dumps(remediation)
    asked = [
        event.name
        for event in scene.plane.audit_events()
        if (event.user, event.resource, event.namespace) == ("platelet", "configmaps", scene.namespace)
    ]
    assert sorted(asked) == ["maybe", "settings"]
