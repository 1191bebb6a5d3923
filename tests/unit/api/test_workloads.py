"""Kubernetes' own objects: what is read from them, and that nothing malformed in them stops the operator."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.api.readers import workloads
from platelet.model.workload import Kind, Owner
from tests.unit.api.values import JSON
from tests.unit.situations import a_pod

BORN = "2026-11-20T08:00:00Z"
METADATA: dict[str, Any] = {
    "namespace": "shop",
    "name": "api",
    "uid": "u-1",
    "resourceVersion": "9",
    "generation": 4,
    "creationTimestamp": BORN,
}
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-5d4f", "uid": "u-2", "controller": True}
DEPLOYMENT: dict[str, Any] = {
    "metadata": {**METADATA, "labels": {"tier": "api"}, "annotations": {"a": "b"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "api"}},
        "template": {
            "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T08:00:00Z"}},
            "spec": {"containers": []},
        },
    },
    "status": {
        "observedGeneration": 4,
        "replicas": 3,
        "updatedReplicas": 2,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    },
}
REPLICA_SET: dict[str, Any] = {
    "metadata": {
        **METADATA,
        "annotations": {"deployment.kubernetes.io/revision": "12"},
        "labels": {"pod-template-hash": "5d4f"},
    },
    "spec": {"replicas": 0, "template": {"spec": {}}},
}
STATEFUL_SET: dict[str, Any] = {
    "metadata": METADATA,
    "spec": {
        **DEPLOYMENT["spec"],
        "serviceName": "db",
        "ordinals": {"start": 1},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
    },
    "status": {
        **DEPLOYMENT["status"],
        "currentRevision": "api-7c",
        "updateRevision": "api-9f",
    },
}
DAEMON_SET: dict[str, Any] = {
    "metadata": METADATA,
    "spec": {
        "selector": {"matchLabels": {"app": "api"}},
        "template": {"spec": {"containers": []}},
        "updateStrategy": {"type": "OnDelete"},
    },
    "status": {
        "observedGeneration": 4,
        "desiredNumberScheduled": 5,
        "currentNumberScheduled": 4,
        "updatedNumberScheduled": 3,
        "numberReady": 2,
        "numberAvailable": 1,
        "numberMisscheduled": 7,
    },
}
CONTROLLER_REVISION: dict[str, Any] = {
    "metadata": {**METADATA, "name": "api-9f", "labels": {"app": "api", "controller-revision-hash": "9f"}},
    "revision": 3,
    "data": {
        "spec": {"template": {"$patch": "replace", "metadata": {"creationTimestamp": None}, "spec": {"containers": []}}}
    },
}
CRASHED = {"exitCode": 1, "reason": "Error", "startedAt": BORN, "finishedAt": "2026-11-20T08:00:05Z"}
POD: dict[str, Any] = {
    "metadata": {**METADATA, "ownerReferences": [OWNER], "labels": {"pod-template-hash": "5d4f"}},
    "spec": {"nodeName": "node-1"},
    "status": {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": "False", "lastTransitionTime": BORN},
            {"type": "PodScheduled", "status": "True"},
        ],
        "initContainerStatuses": [{"name": "migrate", "ready": True, "state": {"terminated": {"exitCode": 0}}}],
        "containerStatuses": [
            {
                "name": "api",
                "ready": False,
                "restartCount": 5,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": CRASHED},
            }
        ],
    },
}
READERS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "Deployment": (partial(workloads.read_workload, "Deployment"), DEPLOYMENT),
    "StatefulSet": (partial(workloads.read_workload, "StatefulSet"), STATEFUL_SET),
    "DaemonSet": (partial(workloads.read_workload, "DaemonSet"), DAEMON_SET),
    "ControllerRevision": (lambda obj: workloads.read_controller_revision("DaemonSet", obj, ()), CONTROLLER_REVISION),
    "ReplicaSet": (workloads.read_replica_set, REPLICA_SET),
    "Pod": (workloads.read_pod, POD),
}


def test_a_deployment_is_read() -> None:
    """Every field that decisions use."""
    read = workloads.read_workload("Deployment", DEPLOYMENT)
    assert str(read.ref) == "shop/deployment/api"
    assert (read.uid, read.resource_version, read.generation, read.observed_generation) == ("u-1", "9", 4, 4)
    assert read.created_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert (read.labels, read.annotations) == ({"tier": "api"}, {"a": "b"})
    assert read.selector == {"matchLabels": {"app": "api"}}
    assert (read.paused, read.deleting, read.owner) == (False, False, None)
    assert (read.replicas, read.status_replicas, read.updated_replicas) == (3, 3, 2)
    assert (read.ready_replicas, read.available_replicas) == (1, 1)
    assert read.restart_stamp == "2026-11-21T08:00:00Z"
    assert read.conditions == {"Progressing": ("False", "ProgressDeadlineExceeded")}


def test_a_stateful_set_is_read() -> None:
    """Which revisions it goes between, and how it replaces pods."""
    read = workloads.read_workload("StatefulSet", STATEFUL_SET)
    assert str(read.ref) == "shop/statefulset/api"
    assert (read.replicas, read.status_replicas, read.updated_replicas, read.available_replicas) == (3, 3, 2, 1)
    assert (read.current_revision, read.update_revision) == ("api-7c", "api-9f")
    assert (read.ordered, read.first_ordinal, read.partition, read.on_delete) == (True, 1, 2, False)
    assert workloads.read_availability("StatefulSet", STATEFUL_SET) == (3, 1)


def test_pods_of_a_parallel_stateful_set_do_not_wait_for_one_another() -> None:
    """Only those of an ordered one can be stuck behind a sick one."""
    parallel = {**STATEFUL_SET, "spec": {**STATEFUL_SET["spec"], "podManagementPolicy": "Parallel"}}
    assert not workloads.read_workload("StatefulSet", parallel).ordered


def test_a_daemon_set_is_read_in_its_own_words() -> None:
    """It wants as many pods as there are nodes for it; none while nobody has counted them."""
    read = workloads.read_workload("DaemonSet", DAEMON_SET)
    assert (read.replicas, read.status_replicas, read.updated_replicas) == (5, 4, 3)
    assert (read.ready_replicas, read.available_replicas) == (2, 1)
    assert (read.on_delete, read.ordered) == (True, False)
    assert workloads.read_workload("DaemonSet", {**DAEMON_SET, "status": {}}).replicas == 0


def test_a_controller_revision_is_read_as_the_template_that_it_restores() -> None:
    """Its data is a patch: without the directive, and by our hash, it is the template that people applied."""
    read = workloads.read_controller_revision("DaemonSet", CONTROLLER_REVISION, ())
    assert (read.number, read.revision_hash) == (3, "9f")
    assert "$patch" not in read.template
    assert read.template_hash == workloads.hash_template({"spec": {"containers": []}})


@pytest.mark.parametrize(("kind", "label"), [("StatefulSet", "api-9f"), ("DaemonSet", "9f")])
def test_a_controller_revision_knows_its_pods_by_their_label(kind: Kind, label: str) -> None:
    """A StatefulSet's pods carry the revision's name, a DaemonSet's its hash; those that go do not count."""
    pods = [a_pod(str(i), revision_hash=revision) for i, revision in enumerate([label, label, "other"])]
    gone = a_pod("gone", revision_hash=label, deleting=True)
    read = workloads.read_controller_revision(kind, CONTROLLER_REVISION, [*pods, gone])
    assert (read.revision_hash, read.replicas) == (label, 2)


def test_a_pod_says_which_revision_it_is_of() -> None:
    """By the label of its kind of workload."""
    pod = copy.deepcopy(POD)
    pod["metadata"]["labels"] = {"controller-revision-hash": "api-9f"}
    assert workloads.read_pod(pod).revision_hash == "api-9f"


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"}, "exceeded quota: small"),
        ({"status": "True", "reason": "FailedCreate"}, "FailedCreate"),
        ({"status": "False", "reason": "FailedCreate", "message": "exceeded quota: small"}, ""),
        ({"status": "True", "reason": "FailedDelete", "message": "no"}, ""),
    ],
)
def test_why_no_pods_can_be_made_is_read_from_replica_failure(condition: dict[str, str], why: str) -> None:
    """TRAPS 44: a pod that was refused is nowhere else to be seen."""
    status = {"conditions": [{"type": "ReplicaFailure", **condition}]}
    assert workloads.read_workload("Deployment", {**DEPLOYMENT, "status": status}).cannot_create == why


def test_secrets_of_a_template_do_not_show() -> None:
    """TRAPS 48: a workload in a log line carries no env value."""
    secret = copy.deepcopy(DEPLOYMENT)
    secret["spec"]["template"]["spec"]["containers"] = [{"env": [{"name": "P", "value": "hunter2"}]}]
    assert "hunter2" not in repr(workloads.read_workload("Deployment", secret))


@pytest.mark.parametrize(("written", "read"), [(0, 0), (5, 5), (None, 1), ("3", 1), (True, 1), (-1, 1)])
def test_replicas_default_to_one(written: object, read: int) -> None:
    """0 is 0; absent and malformed are the API's default."""
    obj = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": written}}
    assert workloads.read_workload("Deployment", obj).replicas == read


def test_a_paused_deployment_that_is_being_deleted() -> None:
    """Both are seen."""
    obj = {
        "metadata": {**METADATA, "deletionTimestamp": BORN},
        "spec": {**DEPLOYMENT["spec"], "paused": True},
    }
    read = workloads.read_workload("Deployment", obj)
    assert (read.paused, read.deleting) == (True, True)


@pytest.mark.parametrize(
    ("annotation", "revision"), [("12", 12), ("", 0), ("x", 0), ("-3", 0), ("³", 0), ("9" * 30, 0), (None, 0), (7, 0)]
)
def test_a_revision_that_is_no_number_is_zero(annotation: object, revision: int) -> None:
    """Nothing goes back to revision 0."""
    obj = copy.deepcopy(REPLICA_SET)
    obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = annotation
    assert workloads.read_replica_set(obj).number == revision


def test_a_replica_set_is_read() -> None:
    """Its number, its pods' label, and 0 replicas as 0."""
    read = workloads.read_replica_set(REPLICA_SET)
    assert (read.number, read.replicas, read.revision_hash) == (12, 0, "5d4f")
    assert read.template_hash == workloads.hash_template({"spec": {}})


def test_the_numbers_that_a_replica_set_had_before_are_read() -> None:
    """The Deployment controller keeps them, joined by commas; what is no number is none."""
    metadata = {**REPLICA_SET["metadata"], "annotations": {"deployment.kubernetes.io/revision-history": "1,7,x,"}}
    assert workloads.read_replica_set({**REPLICA_SET, "metadata": metadata}).earlier_numbers == (1, 7)


def test_a_pod_is_read() -> None:
    """A crash-looping pod with everything that the trigger needs."""
    read = workloads.read_pod(POD)
    assert read.owner == Owner(api_version="apps/v1", kind="ReplicaSet", name="api-5d4f", uid="u-2")
    assert (read.phase, read.node, read.revision_hash, read.ready) == ("Running", "node-1", "5d4f", False)
    assert read.ready_changed_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    migrate, api = read.containers
    assert (migrate.name, migrate.state, migrate.exit_code) == ("migrate", "terminated", 0)
    assert (api.state, api.reason, api.message, api.restarts) == ("waiting", "CrashLoopBackOff", "back-off 40s", 5)
    assert (api.last_reason, api.last_exit_code) == ("Error", 1)
    assert api.last_finished_at == datetime(2026, 11, 20, 8, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"status": "False", "message": "0/3 nodes"}, "0/3 nodes"),
        ({"status": "False", "reason": "SchedulingGated"}, "SchedulingGated"),
        ({"status": "False"}, "not scheduled"),
        ({"status": "True", "message": "old"}, ""),
    ],
)
def test_an_unschedulable_pod_says_so(condition: dict[str, str], words: str) -> None:
    """Also when the scheduler gave no message."""
    obj = {"metadata": METADATA, "status": {"conditions": [{"type": "PodScheduled", **condition}]}}
    assert workloads.read_pod(obj).unschedulable == words


def field_owner(manager: str, time: str, *path: str, **more: Any) -> dict[str, Any]:
    """An entry of managedFields for one field below these."""
    fields: dict[str, Any] = {}
    for name in reversed(path):
        fields = {f"f:{name}": fields}
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


TEMPLATE_MANAGERS: dict[str, tuple[list[Any], str]] = {
    "who wrote to the template last": (
        [
            field_owner("kubectl-create", "2026-11-01T00:00:00Z", "spec", "template", "spec"),
            field_owner("ci-bot", "2026-11-21T22:34:00Z", "spec", "template", "spec"),
        ],
        "ci-bot",
    ),
    "whoever writes something else is not": (
        [
            field_owner("ci-bot", "2026-11-21T22:34:00Z", "spec", "template", "spec"),
            field_owner("hpa", "2026-11-21T23:00:00Z", "spec", "replicas"),
            field_owner("kube", "2026-11-21T23:00:00Z", "status", "replicas", subresource="status"),
        ],
        "ci-bot",
    ),
    "nor is platelet": ([field_owner("platelet", "2026-11-21T22:34:00Z", "spec", "template", "spec")], ""),
    "not known": ([], ""),
    "spoilt": (["x", {"manager": 3, "fieldsV1": "y"}, {"fieldsV1": {"f:spec": {"f:template": {}}}}], ""),
}


@pytest.mark.parametrize(("entries", "manager"), TEMPLATE_MANAGERS.values(), ids=TEMPLATE_MANAGERS)
def test_the_api_server_knows_who_released(entries: list[Any], manager: str) -> None:
    """By metadata.managedFields."""
    obj = {"metadata": {**METADATA, "managedFields": entries}, "spec": {}}
    assert workloads.read_workload("Deployment", obj).template_manager == manager


def owned_by(api_version: str, **more: Any) -> dict[str, Any]:
    """A reference to an owner named after its group, without the controller flag."""
    return {"apiVersion": api_version, "kind": "Thing", "name": api_version, "uid": "u-3", **more}


OWNERS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a custom resource that does not control": ([owned_by("operators.coreos.com/v1alpha1", controller=False)], "oper"),
    "one that does not say": ([owned_by("db.example.com/v1")], "db.example"),
    "a CRD of a Kubernetes project": ([owned_by("leaderworkerset.x-k8s.io/v1")], "leaderworkerset"),
    "a controller before a custom resource": ([owned_by("a.io/v1"), owned_by("apps/v1", controller=True)], "apps"),
    "the second of two": ([owned_by("v1"), owned_by("b.io/v1")], "b.io"),
}


@pytest.mark.parametrize(("references", "begins"), OWNERS.values(), ids=OWNERS)
def test_a_custom_resource_among_the_owners_takes_changes_back(references: list[Any], begins: str) -> None:
    """OLM and others own without the controller flag."""
    obj = {"metadata": {**METADATA, "ownerReferences": references}, "spec": {}}
    owner = workloads.read_workload("Deployment", obj).owner
    assert owner is not None
    assert owner.name.startswith(begins)


@pytest.mark.parametrize("version", ["v1", "apps/v1", "batch/v1", "networking.k8s.io/v1"])
def test_an_owner_of_kubernetes_own_kinds_only_collects_garbage(version: str) -> None:
    """Nothing reconciles a Deployment that a ConfigMap owns."""
    obj = {"metadata": {**METADATA, "ownerReferences": [owned_by(version)]}, "spec": {}}
    assert workloads.read_workload("Deployment", obj).owner is None


def test_only_the_controlling_owner_counts() -> None:
    """An owner reference for garbage collection alone is not who manages it."""
    obj = {"metadata": {**METADATA, "ownerReferences": [{**OWNER, "controller": False}, {**OWNER, "name": "boss"}]}}
    owner = workloads.read_pod(obj).owner
    assert owner is not None
    assert owner.name == "boss"


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_no_junk_in_a_users_object_raises(kind: str, data: st.DataObject) -> None:
    """Any part of spec, status or of optional metadata may be replaced by any JSON."""
    read, good = READERS[kind]
    obj = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 3))):
        _spoil(obj, data)
    read(obj)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("key", ["name", "uid", "creationTimestamp"])
def test_an_object_without_identity_is_not_read(kind: str, key: str) -> None:
    """Without its name, uid or birth nothing safe can be done."""
    read, good = READERS[kind]
    metadata = {name: value for name, value in good["metadata"].items() if name != key}
    with pytest.raises(KeyError):
        read({**good, "metadata": metadata})


def _spoil(obj: dict[str, Any], data: st.DataObject) -> None:
    """Replace one thing, somewhere below spec, status, labels, annotations or ownerReferences."""
    roots = [obj, obj["metadata"]]
    root = data.draw(st.sampled_from(roots))
    names = {"spec", "status"} if root is obj else {"labels", "annotations", "ownerReferences", "generation"}
    place: Any = root
    key: Any = data.draw(st.sampled_from(sorted(names)))
    while data.draw(st.booleans()):
        inner = place.get(key) if isinstance(place, dict) else place[key]
        if isinstance(inner, dict) and inner:
            place, key = inner, data.draw(st.sampled_from(sorted(inner)))
        elif isinstance(inner, list) and inner:
            place, key = inner, data.draw(st.integers(0, len(inner) - 1))
        else:
            break
    place[key] = data.draw(JSON)
