"""Which workload an alert's labels name: the alerts of the standard mixin as a common Helm install labels them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.triggers.targeting import (
    ClaimNamed,
    HpaNamed,
    JobNamed,
    Located,
    Nothing,
    PdbNamed,
    PodNamed,
    WorkloadNamed,
    locate,
    namespace_of,
)

EXPORTER = {
    "pod": "monitoring-kube-state-metrics-7d9f8b6c5-x2x7k",
    "container": "kube-state-metrics",
    "job": "kube-state-metrics",
    "service": "monitoring-kube-state-metrics",
    "endpoint": "http",
    "instance": "10.0.0.9:8080",
}
"""The labels of the scraped exporter, which stay on each alert that does not bring its own (TRAPS 16)."""

UID = "0f3c1a52-9b1e-4a6e-8f53-2f6f3f0f9d11"


def deployment(name: str = "api") -> WorkloadNamed:
    """Name a Deployment in `shop`."""
    return WorkloadNamed(kind="Deployment", namespace="shop", name=name)


K_ALERTS = [
    ("KubeDeploymentReplicasMismatch", {"deployment": "api"}, deployment()),
    ("KubeDeploymentRolloutStuck", {"deployment": "api", "condition": "Progressing", "status": "false"}, deployment()),
    ("KubeDeploymentGenerationMismatch", {"deployment": "api"}, deployment()),
    ("KubeStatefulSetReplicasMismatch", {"statefulset": "db"}, ("StatefulSet", "db")),
    ("KubeStatefulSetGenerationMismatch", {"statefulset": "db"}, ("StatefulSet", "db")),
    ("KubeDaemonSetRolloutStuck", {"daemonset": "agent"}, ("DaemonSet", "agent")),
    ("KubeDaemonSetNotScheduled", {"daemonset": "agent"}, ("DaemonSet", "agent")),
    ("KubeDaemonSetMisScheduled", {"daemonset": "agent"}, ("DaemonSet", "agent")),
    ("KubeHpaMaxedOut", {"horizontalpodautoscaler": "api"}, HpaNamed(namespace="shop", name="api")),
    ("KubeHpaReplicasMismatch", {"horizontalpodautoscaler": "api"}, HpaNamed(namespace="shop", name="api")),
    ("KubePdbNotEnoughHealthyPods", {"poddisruptionbudget": "api"}, PdbNamed(namespace="shop", name="api")),
    ("KubeJobFailed", {"job_name": "import-1", "condition": "true"}, JobNamed(namespace="shop", name="import-1")),
]
"""The rows that ALERTS.md marks with K: they carry the exporter's own pod and container."""


@pytest.mark.parametrize(("name", "labels", "expected"), [pytest.param(*row, id=row[0]) for row in K_ALERTS])
def test_an_alert_with_the_exporters_pod_names_its_own_workload(
    name: str, labels: dict[str, str], expected: Located | tuple[str, str]
) -> None:
    if isinstance(expected, tuple):
        expected = WorkloadNamed(kind=expected[0], namespace="shop", name=expected[1])  # type: ignore[arg-type]
    found = locate({"alertname": name, "severity": "warning", "namespace": "shop"} | labels | EXPORTER)
    assert found == expected
    assert "kube-state-metrics" not in str(found)


@pytest.mark.parametrize(("name", "labels", "_expected"), [pytest.param(*row, id=row[0]) for row in K_ALERTS])
def test_without_its_workload_label_the_exporters_pod_is_no_target(
    name: str, labels: dict[str, str], _expected: object
) -> None:
    other = {key: value for key, value in labels.items() if key in {"condition", "status"}}
    found = locate({"alertname": name, "namespace": "monitoring"} | other | EXPORTER)
    assert isinstance(found, Nothing)
    assert "exporter" in found.reason


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param(
            {"pod": "api-7f9-x", "container": "app", "reason": "CrashLoop", "uid": UID, "job": "kube-state-metrics"},
            PodNamed(namespace="shop", pod="api-7f9-x", uid=UID),
            id="KubePodCrashLooping",
        ),
        pytest.param({"pod": "api-7f9-x"}, PodNamed(namespace="shop", pod="api-7f9-x"), id="KubePodNotReady"),
        pytest.param(
            {"pod": "api-7f9-x", "container": "app", "reason": "ImagePullBackOff", "uid": UID},
            PodNamed(namespace="shop", pod="api-7f9-x", uid=UID),
            id="KubeContainerWaiting",
        ),
        pytest.param(
            {"pod": "api-7f9-x", "container": "app", "instance": "10.0.0.2:10250", "service": "kubelet"},
            PodNamed(namespace="shop", pod="api-7f9-x"),
            id="CPUThrottlingHigh",
        ),
        pytest.param(
            {"statefulset": "db"},
            WorkloadNamed(kind="StatefulSet", namespace="shop", name="db"),
            id="KubeStatefulSetUpdateNotRolledOut",
        ),
        pytest.param({"job_name": "import-1"}, JobNamed(namespace="shop", name="import-1"), id="KubeJobNotCompleted"),
        pytest.param(
            {"persistentvolumeclaim": "data-db-0"},
            ClaimNamed(namespace="shop", name="data-db-0"),
            id="KubePersistentVolumeFillingUp",
        ),
        pytest.param({"deployment": "api", "pod": "api-7f9-x"}, deployment(), id="a workload label beats a pod label"),
        pytest.param(
            {"workload": "api", "workload_type": "deployment", "pod": "api-7f9-x"}, deployment(),
            id="workload and workload_type",
        ),
        pytest.param({"workload": "api", "workload_type": "Deployment"}, deployment(), id="in either case"),
        pytest.param(
            {"horizontalpodautoscaler": "api", "deployment": "other"},
            HpaNamed(namespace="shop", name="api"),
            id="an autoscaler beats a workload label",
        ),
        pytest.param(
            {"rollout": "api"}, WorkloadNamed(kind="Rollout", namespace="shop", name="api"), id="an Argo Rollout"
        ),
    ],
)  # fmt: skip
def test_labels_lead_to_the_thing_they_name(labels: dict[str, str], expected: Located) -> None:
    assert locate({"alertname": "x", "namespace": "shop"} | labels) == expected


def test_exported_labels_win_over_those_of_the_scraped_target() -> None:
    """Where the scrape does not honour labels, Prometheus renames the metric's own ones."""
    labels = {"namespace": "monitoring", "exported_namespace": "shop"} | EXPORTER
    assert locate(labels | {"deployment": "api"}) == deployment()
    pod = locate(labels | {"exported_pod": "api-7f9-x", "exported_container": "app", "uid": UID})
    assert pod == PodNamed(namespace="shop", pod="api-7f9-x", uid=UID)
    assert namespace_of(labels) == "shop"


def test_beside_an_exported_namespace_a_plain_pod_is_the_scraped_targets() -> None:
    found = locate({"namespace": "monitoring", "exported_namespace": "shop", "pod": "some-exporter-1"})
    assert isinstance(found, Nothing)


def test_an_exported_pod_without_its_namespace_is_nothing() -> None:
    """The plain namespace is the scraped target's."""
    assert isinstance(locate({"namespace": "monitoring", "exported_pod": "api-7f9-x"}), Nothing)


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"alertname": "ApiDown", "namespace": "shop", "severity": "page"}, id="no label names a thing"),
        pytest.param({"namespace": "shop", "service": "api", "job": "api", "app": "api"}, id="service, job and app"),
        pytest.param({"node": "n1", "condition": "Ready", "job": "kube-state-metrics"}, id="a node alert"),
        pytest.param(
            {"namespace": "monitoring", "pod": "node-exporter-x1", "container": "node-exporter", "job": "node"},
            id="a node alert with its exporter's pod",
        ),
        pytest.param({"namespace": "shop", "resourcequota": "q"} | EXPORTER, id="a quota alert"),
        pytest.param({"deployment": "api"}, id="a workload without a namespace"),
        pytest.param({"pod": "api-7f9-x"}, id="a pod without a namespace"),
        pytest.param({"namespace": "shop", "deployment": "api", "statefulset": "api"}, id="two workloads at once"),
        pytest.param({"namespace": "shop", "workload": "api", "workload_type": "barepod"}, id="a type we do not know"),
        pytest.param({"namespace": "shop", "deployment": ""}, id="an empty label is a missing one"),
    ],
)  # fmt: skip
def test_what_names_no_workload_is_nothing_with_a_reason(labels: dict[str, str]) -> None:
    found = locate(labels)
    assert isinstance(found, Nothing)
    assert found.reason


@pytest.mark.parametrize(
    "name",
    [
        "../../secrets",
        "api/scale",
        "API",
        "api_1",
        "-api",
        "api-",
        "a" * 254,
        "api\n",
        "a..b",
        "api?x=1",
        "*",
        "ä",
        ".",
    ],
)
@pytest.mark.parametrize("label", ["deployment", "pod", "horizontalpodautoscaler", "job_name", "namespace", "uid"])
def test_an_invalid_name_is_never_used(label: str, name: str) -> None:
    if label == "uid" and name in {"API", "-api", "api-"}:
        name = "a b"
    labels = (
        {"namespace": "shop", "deployment": "api"} if label == "namespace" else {"namespace": "shop", "pod": "api-1"}
    )
    assert isinstance(locate(labels | {label: name}), Nothing)


def test_a_namespace_has_no_dots() -> None:
    assert isinstance(locate({"namespace": "a.b", "deployment": "api"}), Nothing)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [("eu-1", "eu-1", True), ("eu-1", "us-1", False), ("eu-1", "", True), ("", "us-1", True)],
)
def test_an_alert_of_another_cluster_names_nothing(ours: str, theirs: str, found: object) -> None:
    located = locate({"namespace": "shop", "deployment": "api", "cluster": theirs}, cluster=ours)
    assert isinstance(located, WorkloadNamed) is found


names = st.sampled_from(
    ["deployment", "statefulset", "pod", "namespace", "container", "exported_pod", "exported_namespace", "uid",
     "job_name", "workload", "workload_type", "horizontalpodautoscaler", "poddisruptionbudget", "cluster"]
)  # fmt: skip


@given(st.dictionaries(names, st.sampled_from(["api", "shop", "deployment", *EXPORTER.values()]) | st.text(max_size=9)))
def test_whatever_the_labels_no_exporter_pod_is_ever_named(labels: dict[str, str]) -> None:
    found = locate(labels)
    if isinstance(found, PodNamed):
        assert "kube-state-metrics" not in found.pod
        assert labels.get("exported_container") or labels.get("container") != "kube-state-metrics"
