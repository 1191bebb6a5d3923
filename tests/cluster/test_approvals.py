"""Mode Approve on a real cluster: a person with the right says yes to exactly one plan, before anything is written."""

import json
from collections.abc import Iterator

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests, people
from tests.cluster.control_plane import KubectlFailed
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import GOOD, UNDO, Json
from tests.cluster.test_cli import Said, platelet

pytestmark = pytest.mark.cluster
PULLS = {"pod": {"reasons": ["ImagePullBackOff", "ErrImagePull"]}}
BAD, WORSE = "app:pullfail-2", "app:pullfail-3"
NAMES = ("yes", "no", "overtaken", "nobody")


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """All Deployments have run well, then got a bad release; alice may approve, bob may only annotate."""
    with incidents.scene(control_plane) as scene:
        people.bind(control_plane, "alice", scene.namespace, "platelet-approve")
        remediations = {"apiGroups": ["platelet.dev"], "resources": ["remediations"], "verbs": ["get", "patch"]}
        people.grant(control_plane, "bob", scene.namespace, [remediations])
        patient = manifests.policy("patient", [PULLS], UNDO, mode="Approve")
        hasty = manifests.policy("hasty", [PULLS], UNDO, mode="Approve", approval={"expiresAfter": "3s"})
        stores = {"kinds": ["StatefulSet"], "selector": {"matchLabels": {manifests.POLICY_LABEL: "stores"}}}
        scene.use(
            patient,
            hasty,
            manifests.policy("stores", [PULLS], UNDO, targets=stores),
            manifests.policy("busy", [manifests.fires("Busy")], manifests.step("scale", scale={"by": 1})),
        )
        scene.admit("busy", "web")
        scene.admit_kind("StatefulSet", "stores", "db", replicas=1, serviceName="db")
        scene.admit("patient", *NAMES[:-1])
        scene.admit("hasty", "nobody")
        scene.until_proven(*NAMES, "db")
        for name in (*NAMES, "db"):
            scene.release(name, BAD)
        yield scene


def asked(scene: Scene, target: str, *, besides: str = "") -> Json:
    """The Remediation whose plan is shown (another one than that of a token)."""

    def find() -> Json | None:
        seen = [
            remediation
            for remediation in scene.remediations(target)
            if remediation["status"].get("state") == "AwaitingApproval"
        ]
        return next(
            (remediation for remediation in seen if remediation["status"]["approval"]["token"] != besides), None
        )

    return scene.until(f"{target} to be asked for", target, find)


def says(scene: Scene, user: str, *arguments: str) -> Said:
    """A person types a command of ours."""
    return platelet(scene.plane, *arguments, "-n", scene.namespace, user=user)


def annotates(scene: Scene, user: str, remediation: Json, *annotations: str) -> str:
    """A person has only kubectl. The API server's no, or nothing."""
    name = remediation["metadata"]["name"]
    try:
        scene.plane.kubectl("annotate", "--overwrite", "rem", name, "-n", scene.namespace, *annotations, user=user)
    except KubectlFailed as error:
        return error.stderr
    return ""


def test_a_yes_by_the_one_who_may_and_by_nobody_else_heals(scene: Scene) -> None:
    shown = asked(scene, "yes")
    name, approval = shown["metadata"]["name"], shown["status"]["approval"]
    assert "AwaitingApproval" in scene.kubectl("get", "rem", name)
    assert (approval["action"], approval["attempt"]) == ("rolloutUndo", f"{shown['metadata']['uid']}/0/1")
    assert "env" not in str(approval)
    refused = says(scene, "bob", "approve", f"remediation/{name}")
    assert refused.code == 1
    assert "not allowed: bob may neither approve nor reject what remediations in" in refused.err
    assert says(scene, "alice", "approve", f"rem/{name}", "--token", "0-1-feed").err.endswith("look again\n")
    assert scene.effects("yes") == []
    approved = says(scene, "alice", "approve", f"remediation/{name}")
    assert (approved.code, approved.err) == (0, "")
    assert approval["token"] in approved.out
    healed = scene.until_state("yes", "Monitoring", "Closed")
    attempt = healed["status"]["attempts"][0]
    assert (attempt["approvedBy"], attempt["verdict"], scene.image("yes")) == ("alice", "Recovered", GOOD)
    (effect,) = scene.effects("yes")
    assert incidents.attempt_of(effect) == attempt["id"]
    yes = [event for event in scene.plane.audit_events(mentioning=name) if event.user == "alice" and event.code == 200]
    assert min(event.timestamp for event in yes if event.verb == "patch") < effect.timestamp
    answer = says(scene, "alice", "approve", f"remediation/{name}")
    assert (answer.code, "awaits no approval now" in answer.err) == (1, True)


def test_a_no_by_kubectl_alone_is_the_end_of_automation_until_it_is_handed_back(scene: Scene) -> None:
    shown = asked(scene, "no")
    token = shown["status"]["approval"]["token"]
    annotations = (
        f"platelet.dev/reject={token}",
        "platelet.dev/rejected-by=alice",
        "platelet.dev/reject-reason=a test",
    )
    assert "bob may neither approve nor reject" in annotates(scene, "bob", shown, *annotations)
    assert annotates(scene, "alice", shown, *annotations) == ""
    ended = scene.until_state("no", "Escalated")["status"]
    assert ended["reason"] == "Rejected"
    assert ended["message"].startswith("rejected by alice: a test")
    assert scene.effects("no") == []
    where = f"rem/{shown['metadata']['name']}"
    scene.kubectl("wait", where, "--for=condition=Settled", "--timeout=10s")
    reason = 'jsonpath={.status.conditions[?(@.type=="Settled")].reason}'
    assert scene.kubectl("get", where, "-o", reason) == "Rejected"
    assert "bob may neither approve nor reject" in says(scene, "bob", "acknowledge", where).err
    assert says(scene, "alice", "acknowledge", where).code == 0
    by = 'jsonpath={.status.notifications[?(@.kind=="Escalated")].acknowledgedBy}'
    scene.until("who has heard of it", "no", lambda: scene.kubectl("get", where, "-o", by) == "alice")
    assert "bob may neither approve nor reject" in says(scene, "bob", "retry", where).err
    handed_back = says(scene, "alice", "retry", where)
    assert (handed_back.code, handed_back.err) == (0, "")
    again = asked(scene, "no", besides=token)["status"]
    assert [decision["by"] for decision in again["decisions"] if decision["reason"] == "HandedBack"] == ["escalation"]
    assert incidents.condition(asked(scene, "no", besides=token), "Escalated") == ("False", "HandedBack")


def test_a_yes_to_an_older_plan_does_nothing_and_is_told_so(scene: Scene) -> None:
    first = asked(scene, "overtaken")
    old = first["status"]["approval"]["token"]
    scene.release("overtaken", WORSE)
    second = asked(scene, "overtaken", besides=old)
    assert annotates(scene, "alice", second, f"platelet.dev/approve={old}", "platelet.dev/approved-by=alice") == ""

    def told() -> bool:
        (seen,) = [
            remediation
            for remediation in scene.remediations("overtaken")
            if remediation["status"]["state"] == "AwaitingApproval"
        ]
        return "the answer of alice is to another plan" in seen["status"]["message"]

    scene.until("the answer to be told to be another plan's", "overtaken", told)
    assert scene.effects("overtaken") == []
    assert says(scene, "alice", "approve", f"remediation/{second['metadata']['name']}").code == 0
    scene.until_state("overtaken", "Monitoring", "Closed", number=len(scene.remediations("overtaken")))
    assert scene.image("overtaken") == GOOD
    assert len(scene.effects("overtaken")) == 1


def test_where_nobody_answers_people_are_called(scene: Scene) -> None:
    ended = scene.until_state("nobody", "Escalated")["status"]
    assert (ended["reason"], ended["approval"]["answer"]) == ("ApprovalExpired", "Expired")
    assert scene.effects("nobody") == []
    reasons = {event["reason"] for event in scene.items("/apis/events.k8s.io/v1|events")}
    assert {"ApprovalNeeded", "Escalated"} <= reasons


def test_a_data_store_is_not_undone_without_a_yes_even_in_mode_enforce(scene: Scene) -> None:
    """TRAPS 45."""
    shown = asked(scene, "db")
    assert shown["spec"]["mode"] == "Enforce"
    assert "it replaces pods of a StatefulSet" in shown["status"]["approval"]["why"]
    assert scene.effects("db") == []
    assert says(scene, "alice", "approve", f"remediation/{shown['metadata']['name']}").code == 0
    healed = scene.until_state("db", "Monitoring", "Closed")
    assert (healed["status"]["attempts"][0]["approvedBy"], scene.image("db")) == ("alice", GOOD)


def test_each_way_to_act_can_be_switched_off(scene: Scene, operator: OperatorProcess) -> None:
    """Without its binding the API server refuses, which is on record, and people are called."""
    binding = scene.plane.kubectl("get", "clusterrolebinding", "platelet-scale-apps", "-o", "json")
    scene.plane.kubectl("delete", "clusterrolebinding", "platelet-scale-apps")
    try:
        manifests.send(operator.alerts_url, manifests.alert("Busy", scene.namespace, deployment="web"))
        ended = scene.until_state("web", "Escalated")["status"]
    finally:
        stored = json.loads(binding)
        kept = {**stored, "metadata": {"name": stored["metadata"]["name"]}}
        scene.plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(kept))
    (attempt,) = ended["attempts"]
    assert (ended["reason"], attempt["phase"]) == ("NoStepLeft", "Refused")
    assert "the API server refused: 403" in attempt["message"]
    assert scene.effects("web") == []
