"""What the operator writes, by the audit log: in Observe only its own kinds; else patches that mean what was read."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from platelet import changes
from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, manifests
from tests.cluster.audit import OWN_WRITES, AuditEvent
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import CRASHES, GOOD, RESTART, UNDO

pytestmark = pytest.mark.cluster
ACTING = {(right.verb, right.resource, right.subresource) for change in changes.CHANGES for right in change.rights}


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace."""
    with incidents.scene(control_plane) as scene:
        yield scene


def writes_everywhere(plane: cluster.ControlPlane) -> list[AuditEvent]:
    """All that the operators of this cluster ever asked to be changed, granted or not."""
    return [
        event for event in plane.audit_events(mentioning='"platelet"') if event.user == "platelet" and event.is_write
    ]


def kinds_of(writes: list[AuditEvent]) -> set[tuple[str, str, str]]:
    return {(write.verb, write.resource, write.subresource) for write in writes}


def test_an_observing_policy_says_what_it_would_do_and_writes_only_what_is_its_own(
    scene: Scene, operator: OperatorProcess
) -> None:
    """By pods and by alert, allowed and denied; and it tells nobody, although it has a webhook."""
    silent = {"escalation": {"webhook": {"url": "http://127.0.0.1:9/nobody-listens"}}}
    scene.use(
        manifests.policy("undo", [CRASHES], UNDO, mode="Observe", **silent),
        manifests.policy("scale", [manifests.fires("Sick")], manifests.step("more", scale={"by": 1}), mode="Observe"),
        manifests.policy("never", [CRASHES], UNDO, mode="Observe", **silent),
    )
    scene.admit("undo", "web")
    scene.admit("scale", "busy", "paused")
    scene.admit("never", "never-well", image="app:crash-1")
    scene.until_proven("web")
    scene.patch("paused", {"spec": {"paused": True}})
    scene.release("web", "app:crash-2")
    alerts = [manifests.alert("Sick", scene.namespace, deployment=name) for name in ("busy", "paused")]
    manifests.send(operator.alerts_url, *alerts)

    would_undo = scene.until_waiting("web", "WouldHaveActed")
    assert would_undo["message"].startswith("would undo ")
    assert scene.until_waiting("busy", "WouldHaveActed")["message"] == "would scale from 1 to 2 replicas"
    assert scene.until_waiting("paused", "Paused")["message"].startswith("would not act: ")
    assert "would not act: no other template" in scene.until_waiting("never-well", "NoHealthyRevision")["message"]
    assert [remediation["metadata"]["name"] for remediation in scene.remediations("web")] == [
        "deployment-web-undo-observed-1"
    ]

    scene.release("web", GOOD)
    manifests.send(operator.alerts_url, *(manifests.resolved(alert) for alert in alerts))
    ends = {name: scene.until_state(name, "Closed")["status"]["reason"] for name in ("web", "busy", "paused")}
    assert ends == {"web": "WouldHaveActed", "busy": "WouldHaveActed", "paused": "ResolvedByItself"}

    here = [event for event in scene.plane.audit_events(mentioning=scene.namespace) if event.user == "platelet"]
    writes = [event for event in here if event.is_write and event.namespace == scene.namespace]
    assert {("create", "remediations", ""), ("create", "controllerrevisions", "")} <= kinds_of(writes) <= OWN_WRITES
    assert scene.namespace not in str(budget(scene)["status"].get("entries", []))
    for deployment in scene.items("/apis/apps/v1|deployments"):
        assert not [key for key in deployment["metadata"].get("annotations", {}) if "platelet" in key]


def budget(scene: Scene) -> dict[str, Any]:
    """The ActionBudget."""
    return scene.read(f"{incidents.OURS}/namespaces/{installation.NAMESPACE}/actionbudgets/platelet")


def test_an_observing_policy_does_not_stand_in_the_way_of_an_acting_one(scene: Scene) -> None:
    observer = manifests.policy("observer", [CRASHES], RESTART, mode="Observe", priority=9, targets={"all": True})
    scene.use(observer, manifests.policy("undo", [CRASHES], UNDO))
    scene.admit("undo", "web")
    scene.until_proven("web")
    scene.release("web", "app:crash-2")

    def ends() -> bool:
        return {remediation["status"].get("reason") for remediation in scene.remediations("web")} == {
            "Recovered",
            "WouldHaveActed",
        }

    scene.until("both records to close", "web", ends)
    assert scene.image("web") == GOOD
    assert len(scene.effects("web")) == 1


def test_every_write_on_what_is_not_its_own_is_a_patch_with_preconditions_and_an_id(
    scene: Scene, operator: OperatorProcess
) -> None:
    """An undo, a restart, a scale and its revert, an escalation's annotation and its removal."""
    sick = [manifests.fires("Sick")]
    scene.use(
        manifests.policy("undo", [CRASHES], UNDO),
        manifests.policy("restart", sick, RESTART),
        manifests.policy("scale", sick, manifests.step("more", scale={"by": 1, "revertWhenResolved": True})),
        manifests.policy("people", sick, manifests.step("undo", rolloutUndo={})),
    )
    for name in ("undo", "restart", "scale", "people"):
        scene.admit(name, name)
    scene.until_proven("undo")
    scene.release("undo", "app:crash-2")
    alerts = {
        name: manifests.alert("Sick", scene.namespace, deployment=name) for name in ("restart", "scale", "people")
    }
    manifests.send(operator.alerts_url, *alerts.values())
    scene.until_verifying("restart")
    scene.until_verifying("scale")
    scene.until_state("people", "Escalated")
    manifests.send(operator.alerts_url, *(manifests.resolved(alert) for alert in alerts.values()))
    scene.kubectl(
        "rollout", "restart", "deployment/people"
    )  # somebody does something: else it stays people's for hours
    for name in ("undo", "restart", "scale", "people"):
        scene.until_state(name, "Closed")

    ours = {remediation["metadata"]["uid"]: remediation for remediation in scene.remediations()}
    foreign = scene.foreign_writes()
    assert len(foreign) == 6
    for write in foreign:
        before = preconditions(write)
        assert before["uid"] == scene.workload(write.name)["metadata"]["uid"]
        assert before["resourceVersion"].isdigit()
        assert incidents.attempt_of(write).partition("/")[0] in ours


def preconditions(write: AuditEvent) -> Mapping[str, str]:
    """The uid and the resourceVersion on which a patch insists; it touches no other metadata than our annotation."""
    request: Any = write.request
    if isinstance(request, list):
        assert [operation["op"] for operation in request] == ["test", "test", "replace"]
        assert request[2]["path"] == "/spec/template"
        return {operation["path"].removeprefix("/metadata/"): operation["value"] for operation in request[:2]}
    metadata = request["metadata"]
    assert set(metadata.get("annotations", {})) <= {"platelet.dev/escalated"}
    assert set(metadata) <= {"uid", "resourceVersion", "annotations"}
    return dict(metadata)


def test_whatever_happened_on_this_cluster_the_operator_asked_for_nothing_else(
    control_plane: cluster.ControlPlane, operator: OperatorProcess
) -> None:
    """Not even a refused request: over all the tests that ran here before; actions ask for what they declare."""
    del operator
    assert kinds_of(writes_everywhere(control_plane)) <= OWN_WRITES | ACTING
