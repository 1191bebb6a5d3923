"""The operator's rights are those that it uses: the audit log of everything that it does, against what is granted."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import yaml

from platelet.api.generation import cluster_role
from platelet.api.readers import records
from platelet.model import templates
from platelet.model.effects import RememberRevision
from platelet.model.workload import WorkloadRef
from tests.cluster import autoscalers, cron_jobs, incidents, installation, kubelet, manifests, operating, patience
from tests.cluster import control_plane as cluster
from tests.cluster.audit import AuditEvent
from tests.cluster.incidents import Scene
from tests.cluster.installation import NAMESPACE, OperatorProcess
from tests.cluster.manifests import RESTART, UNDO, Json
from tests.cluster.test_leader_label import make_pod

pytestmark = pytest.mark.cluster
ALL = ["Deployment", "StatefulSet", "DaemonSet"]
SICK = [{"pod": {"reasons": ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull"]}}]
BAD = "app:pullfail-2"
MORE_CPU = {"cpu": {"byPercent": 50, "max": 2}}
IN_PLACE = {**MORE_CPU, "inPlace": "Prefer"}
SWITCHED = {"configMap": "down", "key": "PROVIDER", "value": "there"}
POD = "replica-of-the-rights"
UNLESS_STREAMED = {
    ("", "nodes", "get"),
    ("", "nodes", "list"),
    ("apps", "replicasets", "get"),
    *(
        ("apps", plural, "list")
        for plural in ("deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions")
    ),
}
BETWEEN_EVENTS = 61  # seconds; an Event that is repeated earlier is only counted


ESCALATION = """
apiVersion: platelet.dev/v1alpha1
kind: EscalationPolicy
metadata: {name: oncall}
spec:
  sinks: [{name: oncall, webhook: {url: "http://127.0.0.1:1/calls"}}]
  levels: [{after: 0s, sinks: [oncall]}]
"""


def policy(name: str, triggers: list[Json], *steps: Json) -> str:
    """For the workloads of all kinds that are labelled with its name; nobody is asked."""
    targets = {"kinds": ALL, "selector": {"matchLabels": {manifests.POLICY_LABEL: name}}}
    escalation = {"policyRef": {"name": "oncall"}}
    return manifests.policy(name, triggers, *steps, targets=targets, approval={"kinds": []}, escalation=escalation)


@pytest.fixture(scope="module")
def requests(
    control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[AuditEvent]]:
    """What an operator that does everything has asked of the API server, by the audit log."""
    begun = datetime.now(UTC)
    with pytest.MonkeyPatch.context() as patch, incidents.scene(control_plane) as scene:
        patch.setenv("POD_NAME", POD)
        with operating.installed(control_plane, tmp_path_factory.mktemp("operator"), resync="5s") as installed:
            prepare(scene)
            replica = installed.start()
            operating.until_leading(replica)
            play(scene, replica)
        events = [
            event for event in control_plane.audit_events() if event.user == "platelet" and event.timestamp >= begun
        ]
        yield events
        control_plane.kubectl("delete", "pod", POD, "-n", NAMESPACE, "--grace-period=0", "--force")
        control_plane.kubectl("delete", "rempol,rbk", "everywhere", "-n", NAMESPACE)
        control_plane.kubectl("delete", "crd", "scaledobjects.keda.sh")


def prepare(scene: Scene) -> None:
    """The operator's pod; policies; workloads of all kinds; more records than are kept."""
    plane = scene.plane

    def has_account() -> bool:
        return "default" in plane.kubectl("get", "serviceaccounts", "-n", NAMESPACE, "-o", "name")

    patience.until("a service account", has_account)
    make_pod(plane, NAMESPACE, POD)
    everywhere = manifests.policy("everywhere", SICK, UNDO, namespaceSelector={"matchLabels": {"no": "such"}})
    plane.kubectl("apply", "-n", NAMESPACE, "-f", "-", input=everywhere)
    scene.apply(
        ESCALATION,
        policy("undo", SICK, UNDO),
        policy("restart", [manifests.fires("Slow")], RESTART),
        policy("scale", [manifests.fires("Busy")], manifests.step("scale", scale={"by": 1})),
        policy("more", [manifests.fires("Full")], raising("HorizontalPodAutoscaler")),
        policy("keda", [manifests.fires("Full")], raising("ScaledObject")),
        policy("hungry", [manifests.fires("Hungry")], manifests.step("more", adjustResources=MORE_CPU)),
        policy("tight", [manifests.fires("Tight")], manifests.step("more", adjustResources=IN_PLACE)),
        policy("down", [manifests.fires("Down")], manifests.step("switch", setConfig=SWITCHED)),
        policy("torn", [manifests.fires("Torn")], manifests.step("mend", job={"fromCronJob": "mend"})),
        policy("stuck", [manifests.fires("Stuck")], manifests.step("evict", evictPods={})),
        policy("stray", [manifests.fires("Stray")], RESTART),
        policy("nightly", [{"job": {"matchLabels": {"for": "nightly"}}}], RESTART),
    )
    scene.admit("undo", "api")
    scene.admit("scale", "web")
    scene.admit("restart", "owned")
    scene.admit("more", "more")
    scene.admit("hungry", "hungry")
    scene.kubectl("set", "resources", "deployment/hungry", "--limits=cpu=1")
    scene.admit("tight", "tight")
    scene.kubectl("set", "resources", "deployment/tight", "--limits=cpu=1")
    scene.kubectl("rollout", "status", "deployment/tight", "--timeout=60s")
    kubelet.give(scene, "tight")
    scene.admit("torn", "torn")
    scene.admit("stuck", "stuck")
    scene.admit("down", "down")
    scene.kubectl("create", "configmap", "down", "--from-literal=PROVIDER=here")
    scene.kubectl("set", "env", "deployment/down", "--from=configmap/down")
    scene.apply(cron_jobs.suspended("mend"), cron_jobs.suspended("nightly"))
    cron_jobs.end(scene, cron_jobs.start(scene, "nightly", "last-night"), "Failed")
    scene.admit("keda", "queue")
    scene.admit_kind("StatefulSet", "undo", "db", replicas=2, serviceName="db")
    scene.admit_kind("DaemonSet", "undo", "agent")
    scene.admit_kind("StatefulSet", "scale", "cache", replicas=1, serviceName="cache")
    autoscalers.install_keda(plane)
    scene.apply(autoscalers.scaled_object("queue"))
    (owner,) = scene.items(autoscalers.SCALED_OBJECTS)
    scene.apply(autoscalers.hpa("owned", 1, 2), autoscalers.hpa("more", 1, 2), autoscalers.hpa("queue", 1, 2, owner))
    scene.apply(*old_records(scene.namespace, "api", 22))
    closed = [closed_remediation(number) for number in range(12)]
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": closed})
    scene.kubectl("create", "-f", "-", text=listing)
    scene.kubectl("replace", "--subresource=status", "-f", "-", text=listing)


def play(scene: Scene, operator: OperatorProcess) -> None:
    """Undo, restart and scale on all kinds; escalate; forget; tell people twice of the same."""
    alert = manifests.alert
    manifests.send(operator.alerts_url, alert("Stray", scene.namespace, job="a"))
    patience.until("the Event that is to be repeated", lambda: has_event(scene, 1))
    told_at = time.monotonic()
    scene.until_proven("api", "db", "agent")
    for name in ("api", "db", "agent"):
        scene.release(name, BAD)
    kubelet.kill(scene, "stuck")
    manifests.send(
        operator.alerts_url,
        alert("Busy", scene.namespace, deployment="web"),
        alert("Busy", scene.namespace, statefulset="cache"),
        alert("Slow", scene.namespace, pod=scene.pods("web")[0]["metadata"]["name"]),  # about no target: only looked up
        alert("Slow", scene.namespace, horizontalpodautoscaler="owned"),
        alert("Full", scene.namespace, deployment="more"),
        alert("Full", scene.namespace, deployment="queue"),
        alert("Hungry", scene.namespace, deployment="hungry"),
        alert("Tight", scene.namespace, deployment="tight"),
        alert("Torn", scene.namespace, deployment="torn"),
        alert("Down", scene.namespace, deployment="down"),
        alert("Stuck", scene.namespace, deployment="stuck"),
    )
    for name in ("api", "db", "agent", "web", "cache", "owned", "hungry"):
        scene.until_acted(name)
    for name in ("more", "queue"):
        scene.until(f"raised bounds of {name}", name, partial(is_raised, scene, name))
    scene.until("another provider", "down", lambda: "there" in scene.kubectl("get", "cm", "down", "-o", "yaml"))
    scene.until("a resize", "tight", partial(is_raised, scene, "tight"))
    scene.until("an eviction", "stuck", partial(is_raised, scene, "stuck"))
    scene.until("a Job", "torn", lambda: bool(scene.items(cron_jobs.JOBS)))
    scene.until("a failed Job", "nightly", lambda: bool(scene.policy("nightly")["status"].get("failedJobs")))
    scene.until_state("db", "Monitoring", "Closed")
    scene.until("old Remediations to be pruned", "old", lambda: len(scene.remediations("old")) <= 10)
    scene.until("old records to be forgotten", "api", lambda: len(of(scene, "api")) <= 22)
    time.sleep(max(0.0, BETWEEN_EVENTS - (time.monotonic() - told_at)))
    manifests.send(operator.alerts_url, alert("Stray", scene.namespace, job="b"))
    patience.until("the Event to be repeated", lambda: has_event(scene, 2))


def raising(kind: str) -> Json:
    return manifests.step("more", scale={"to": 3, "revertAfter": "1h", "autoscaler": kind})


def is_raised(scene: Scene, name: str) -> bool:
    return any(
        a["phase"] == "Done"
        for remediation in scene.remediations(name)
        for a in remediation["status"].get("attempts", [])
    )


def has_event(scene: Scene, times: int) -> bool:
    """Whether people were told so often of alerts without a target."""
    events = [event for event in scene.items("/apis/events.k8s.io/v1|events") if event["reason"] == "NoTarget"]
    return any((event.get("series") or {}).get("count", 1) >= times for event in events)


def of(scene: Scene, target: str) -> list[Json]:
    """The revision records of a workload."""
    stored = scene.items("/apis/apps/v1|controllerrevisions")
    return [record for record in stored if (record["metadata"].get("labels") or {}).get(records.TARGET) == target]


def old_records(namespace: str, target: str, count: int) -> list[str]:
    """Revision records of long ago."""
    ref, names = WorkloadRef(kind="Deployment", namespace=namespace, name=target), []
    for number in range(count):
        volumes = [
            {"name": "settings", "configMap": {"name": "gone"}},  # goals that lack something: all of it is looked for
            {"name": "data", "persistentVolumeClaim": {"claimName": "gone"}},
        ]
        containers = [{"name": "app", "image": f"app:old-{number}"}]
        template = {"spec": {"containers": containers, "volumes": volumes, "serviceAccountName": "gone"}}
        seen = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
        effect = RememberRevision(
            target=ref, template_hash=templates.hash_template(template), template=template, first_seen=seen
        )
        names.append(yaml.safe_dump(records.write_record(effect)))
    return names


def closed_remediation(number: int) -> Json:
    """One of a target that is gone."""
    moment = f"2026-01-01T00:{number:02d}:00Z"
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": f"deployment-old-{number}"},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "old"},
            "policyRef": {"name": "undo"},
            "runbookRef": {"name": "undo"},
            "mode": "Enforce",
            "signal": {
                "source": "pod",
                "reason": "Unready",
                "fingerprint": "x",
                "message": "",
                "firstSeen": moment,
                "lastSeen": moment,
            },
        },
        "status": {"state": "Closed", "reason": "Recovered", "openedAt": moment, "closedAt": moment},
    }


def right(event: AuditEvent) -> tuple[str, str, str]:
    """What a request needs."""
    path = f"{event.resource}/{event.subresource}" if event.subresource else event.resource
    return event.api_group, path, event.verb


def test_nothing_is_missing(requests: list[AuditEvent]) -> None:
    assert {right(request) for request in requests if request.resource} - cluster_role.granted() == set()
    assert {right(request) for request in requests if request.lacks_right} == set()


def test_nothing_is_unused(requests: list[AuditEvent]) -> None:
    """Who adds a right lets this file's play use it; but for what is read only where a stream does not know it."""
    used = {right(request) for request in requests if request.code < 400 or request.code == 404}
    assert cluster_role.granted() - used <= UNLESS_STREAMED


@pytest.mark.usefixtures("requests")  # it has installed them
def test_the_roles_on_the_cluster_grant_just_that(control_plane: cluster.ControlPlane) -> None:
    """By what the API server holds, not by the generator."""
    rights = set()
    for kind in ("clusterroles", "roles"):
        everywhere = json.loads(control_plane.kubectl("get", kind, "-A", "-o", "json"))["items"]
        ours = [role for role in everywhere if is_the_operators(control_plane, role)]
        rights |= {
            (group, path, verb)
            for role in ours
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for path in rule["resources"]
            for verb in rule["verbs"]
        }
    assert rights == cluster_role.granted()


def is_the_operators(plane: cluster.ControlPlane, role: Json) -> bool:
    """Whether a binding gives it to the operator's account."""
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in json.loads(plane.kubectl("get", kind, "-A", "-o", "json"))["items"]:
            names = {
                subject["name"] for subject in binding.get("subjects") or () if subject["kind"] == "ServiceAccount"
            }
            same = (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (role["kind"], role["metadata"]["name"])
            if same and names == {installation.NAMESPACE.removesuffix("-system")}:
                return True
    return False
