"""Which workload an alert's labels name: the alerts of the standard mixin as a common Helm install labels them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.triggers.targeting import (
    ClaimNamed,
    HpaNamed,
    JobNamed,
    KindlessNamed,
    Located,
    Nothing,
    PdbNamed,
    PodNamed,
    ReplicaSetNamed,
    ServicesNamed,
    WorkloadNamed,
    locate,
    namespace_of,
    namespaces_of,
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
"""The standard mixin's alerts from kube-state-metrics: they carry its own pod and container (TRAPS 16)."""


@pytest.mark.parametrize(("name", "labels", "expected"), [pytest.param(*row, id=row[0]) for row in K_ALERTS])
def test_an_alert_with_the_exporters_pod_names_its_own_workload(
    name: str, labels: dict[str, str], expected: Located | tuple[str, str]
) -> None:
    if isinstance(expected, tuple):
        expected = WorkloadNamed(kind=expected[0], namespace="shop", name=expected[1])  # type: ignore[arg-type]
    located = locate({"alertname": name, "severity": "warning", "namespace": "shop"} | labels | EXPORTER)
    assert located == expected
    assert "kube-state-metrics" not in str(located)


@pytest.mark.parametrize(("name", "labels", "_expected"), [pytest.param(*row, id=row[0]) for row in K_ALERTS])
def test_without_its_workload_label_the_exporters_pod_is_no_target(
    name: str, labels: dict[str, str], _expected: object
) -> None:
    other = {key: value for key, value in labels.items() if key in {"condition", "status"}}
    located = locate({"alertname": name, "namespace": "monitoring"} | other | EXPORTER)
    assert isinstance(located, Nothing)
    assert "exporter" in located.reason


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
    assert namespaces_of(labels) == {"shop"}


def test_beside_an_exported_namespace_a_plain_pod_is_the_scraped_targets() -> None:
    located = locate({"namespace": "monitoring", "exported_namespace": "shop", "pod": "some-exporter-1"})
    assert isinstance(located, Nothing)


def test_an_exported_pod_without_its_namespace_is_nothing() -> None:
    """The plain namespace is the scraped target's."""
    assert isinstance(locate({"namespace": "monitoring", "exported_pod": "api-7f9-x"}), Nothing)


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"alertname": "ApiDown", "namespace": "shop", "severity": "page"}, id="no label names a thing"),
        pytest.param({"namespace": "shop", "instance": "10.0.0.9:8080", "job": "shop/api"}, id="job and instance"),
        pytest.param({"namespace": "shop", "job": "kubelet", "service": "prometheus-kubelet"}, id="the kubelet's own"),
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
    located = locate(labels)
    assert isinstance(located, Nothing)
    assert located.reason


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


# Each row: labels of a sender, and what they are about.
SENDERS: dict[str, tuple[dict[str, str], Located]] = {
    "OpenTelemetry's attributes": (
        {"k8s_namespace_name": "shop", "k8s_deployment_name": "api", "k8s_pod_name": "api-1", "service_name": "front"},
        deployment(),
    ),
    "with their dots": ({"k8s.namespace.name": "shop", "k8s.deployment.name": "api"}, deployment()),
    "a StatefulSet's": (
        {"k8s_namespace_name": "shop", "k8s_statefulset_name": "db", "k8s_container_name": "pg"},
        WorkloadNamed(kind="StatefulSet", namespace="shop", name="db"),
    ),
    "a pod's": (
        {"k8s_namespace_name": "shop", "k8s_pod_name": "api-1", "k8s_pod_uid": UID, "k8s_node_name": "n1"},
        PodNamed(namespace="shop", pod="api-1", uid=UID),
    ),
    "a CronJob's": ({"k8s_namespace_name": "shop", "k8s_cronjob_name": "c"}, JobNamed(namespace="shop", name="c")),
    "a Job's": ({"k8s_namespace_name": "shop", "k8s_job_name": "c-1"}, JobNamed(namespace="shop", name="c-1")),
    "a ReplicaSet's": (
        {"k8s_namespace_name": "shop", "k8s_replicaset_name": "api-7f9"},
        ReplicaSetNamed(namespace="shop", name="api-7f9"),
    ),
    "beside the collector's own": (
        {"k8s_namespace_name": "shop", "k8s_deployment_name": "api", "namespace": "telemetry", "pod": "gateway-1",
         "service": "gateway", "job": "gateway"},
        deployment(),
    ),
    "an application's name only, beside the collector's own": (
        {"k8s_namespace_name": "shop", "service_name": "front", "namespace": "telemetry", "pod": "gateway-1"},
        ServicesNamed(namespace="shop", names=("front",)),
    ),
    "with the namespace that a rule has added": ({"namespace": "shop", "k8s_deployment_name": "api"}, deployment()),
    "Datadog's": ({"kube_namespace": "shop", "kube_stateful_set": "db", "pod_name": "db-0"},
        WorkloadNamed(kind="StatefulSet", namespace="shop", name="db")),
    "Fluent Bit's": ({"kubernetes_namespace_name": "shop", "kubernetes_pod_name": "api-1"},
        PodNamed(namespace="shop", pod="api-1")),
    "annotation-based discovery's": ({"kubernetes_namespace": "shop", "kubernetes_pod_name": "api-1", "app": "front"},
        PodNamed(namespace="shop", pod="api-1")),
    "annotation-based discovery's Service": ({"kubernetes_namespace": "shop", "kubernetes_name": "front"},
        ServicesNamed(namespace="shop", names=("front",))),
    "an exporter under it, of another namespace": (
        {"kubernetes_namespace": "monitoring", "kubernetes_pod_name": "kube-state-metrics-1", "namespace": "shop",
         "deployment": "api"},
        deployment(),
    ),
    "an old cAdvisor's": ({"namespace": "shop", "pod_name": "api-1", "container_name": "app"},
        PodNamed(namespace="shop", pod="api-1")),
    "its container's labels": (
        {"container_label_io_kubernetes_pod_namespace": "shop", "container_label_io_kubernetes_pod_name": "api-1"},
        PodNamed(namespace="shop", pod="api-1"),
    ),
    "with capitals": ({"namespaceName": "shop", "deploymentName": "api"}, deployment()),
    "Istio's destination, told by the caller": (
        {"reporter": "source", "namespace": "web", "pod": "web-1", "source_workload": "web",
         "source_workload_namespace": "web", "destination_workload": "api", "destination_workload_namespace": "shop",
         "destination_service_name": "front"},
        KindlessNamed(namespace="shop", name="api"),
    ),
    "Istio's Service": (
        {"destination_service_name": "front", "destination_service_namespace": "shop", "reporter": "destination"},
        ServicesNamed(namespace="shop", names=("front",)),
    ),
    "Istio's Service in the namespace of the alert": (
        {"namespace": "shop", "destination_service_name": "front"}, ServicesNamed(namespace="shop", names=("front",))
    ),
    "Istio's host": (
        {"namespace": "web", "reporter": "source", "destination_service": "front.shop.svc.cluster.local"},
        ServicesNamed(namespace="shop", names=("front",)),
    ),
    "Linkerd's inbound": ({"namespace": "shop", "deployment": "api", "direction": "inbound", "client_id": "x"},
        deployment()),
    "Linkerd's outbound": (
        {"namespace": "web", "deployment": "web", "direction": "outbound", "dst_namespace": "shop",
         "dst_deployment": "api"},
        deployment(),
    ),
    "Istio's destination of which it knows the Service only": (
        {"namespace": "web", "reporter": "source", "destination_workload": "unknown",
         "destination_service_name": "front", "destination_service_namespace": "shop"},
        ServicesNamed(namespace="shop", names=("front",)),
    ),
    "New Relic's": ({"k8s.namespaceName": "shop", "k8s.deploymentName": "api", "k8s.podName": "api-1"}, deployment()),
    "Dynatrace's": (
        {"k8s.namespace.name": "shop", "k8s.workload.name": "api", "k8s.workload.kind": "deployment"}, deployment()
    ),
    "Elastic's": ({"kubernetes.namespace": "shop", "kubernetes.deployment.name": "api"}, deployment()),
    "Google's": ({"namespace_name": "shop", "pod_name": "api-1", "cluster_name": ""},
        PodNamed(namespace="shop", pod="api-1")),
    "Hubble's": (
        {"source_namespace": "web", "source_pod": "web-1", "destination_namespace": "shop", "destination_pod": "api-1"},
        PodNamed(namespace="shop", pod="api-1"),
    ),
    "an ingress controller's": (
        {"namespace": "ingress", "pod": "ingress-1", "service": "ingress-metrics", "exported_namespace": "shop",
         "exported_service": "front", "ingress": "front", "controller_namespace": "ingress", "controller_pod": "x-1"},
        ServicesNamed(namespace="shop", names=("front",)),
    ),
    "a workload of no kind": ({"namespace": "shop", "workload": "api"}, KindlessNamed(namespace="shop", name="api")),
    "a Service": ({"namespace": "shop", "service": "front", "job": "front-metrics", "app": "api"},
        ServicesNamed(namespace="shop", names=("front",))),
    "an application's recommended label": (
        {"namespace": "shop", "app_kubernetes_io_name": "front", "job": "x"},
        ServicesNamed(namespace="shop", names=("front",), pod_label="app.kubernetes.io/name"),
    ),
    "an application's label": (
        {"namespace": "shop", "app": "front", "job": "x"},
        ServicesNamed(namespace="shop", names=("front",), pod_label="app"),
    ),
    "a scrape's job": ({"namespace": "shop", "job": "front"},
        ServicesNamed(namespace="shop", names=("front",), likely=False)),
    "a Service beside the exporter's job": ({"namespace": "shop", "service": "front", "job": "kube-state-metrics"},
        ServicesNamed(namespace="shop", names=("front",))),
    "an application's own label called like a target's": (
        {"namespace": "shop", "pod": "api-1", "exported_service": "payments", "exported_job": "nightly"},
        PodNamed(namespace="shop", pod="api-1"),
    ),
    "an exported namespace that is the same": ({"namespace": "shop", "pod": "api-1", "exported_namespace": "shop"},
        PodNamed(namespace="shop", pod="api-1")),
}  # fmt: skip


@pytest.mark.parametrize(("labels", "expected"), SENDERS.values(), ids=SENDERS)
def test_the_words_of_each_sender_are_understood(labels: dict[str, str], expected: Located) -> None:
    assert locate({"alertname": "HighErrorRate", "severity": "critical"} | labels) == expected
    assert namespaces_of(labels) == {"shop"}


# Each row: labels that name something, the namespaces that may be meant, and a word of why it cannot be told.
IN_DOUBT: dict[str, tuple[dict[str, str], set[str], str]] = {
    "an application's namespace": (
        {"namespace": "shop", "pod": "api-1", "container": "app", "exported_namespace": "orders"},
        {"shop", "orders"},
        "word of the application",
    ),
    "with a workload label": (
        {"namespace": "shop", "deployment": "api", "exported_namespace": "orders"},
        {"shop", "orders"},
        "word of the application",
    ),
    "under annotation-based discovery": (
        {"kubernetes_namespace": "shop", "kubernetes_pod_name": "api-1", "app": "front", "namespace": "orders"},
        {"shop", "orders"},
        "word of the application",
    ),
    "a certificate beside its controller's pod": (
        {"namespace": "cert-manager", "pod": "cert-manager-1", "exported_namespace": "shop", "name": "front-tls"},
        {"shop", "cert-manager"},
        "word of the application",
    ),
    "a word that nobody knows": ({"team_namespace": "shop"}, set(), "not understood"),
    "a pod's address": ({"namespace": "shop", "k8s_pod_ip": "10.0.0.9"}, {"shop"}, "not understood"),
    "a quota": ({"namespace": "shop", "resourcequota": "q"}, {"shop"}, "no workload"),
    "a volume": ({"persistentvolume": "pv-1", "job": "x"}, set(), "no workload"),
    "an Ingress": ({"exported_namespace": "shop", "ingress": "front"}, {"shop"}, "not understood"),
    "a call to what is not in the mesh": (
        {"namespace": "shop", "pod": "api-1", "destination_workload": "unknown", "destination_app": "unknown"},
        {"shop"},
        "only who calls",
    ),
    "only who calls, of Istio": (
        {"namespace": "shop", "pod": "api-1", "source_workload": "api", "source_workload_namespace": "shop"},
        {"shop"},
        "only who calls",
    ),
    "only who calls, of Linkerd": (
        {"namespace": "shop", "deployment": "api", "direction": "outbound"}, {"shop"}, "only who calls"
    ),
    "the proxy of who calls": ({"namespace": "shop", "pod": "api-1", "reporter": "source"}, {"shop"}, "only who calls"),
    "a called Service without a namespace, told by the caller": (
        {"namespace": "shop", "reporter": "source", "destination_service_name": "front"}, {"shop"}, "which namespace"
    ),
    "a called workload without a namespace": ({"dst_deployment": "api"}, set(), "which namespace"),
    "a Service that is none": ({"namespace": "shop", "destination_service_name": "PassthroughCluster"}, {"shop"},
        "not a name"),
    "a Service of another namespace": ({"namespace": "shop", "service": "front.web.svc"}, {"shop"},
        "another namespace"),
    "two Deployments": ({"namespace": "shop", "deployment": "api", "deployment_name": "web"}, {"shop"}, "several"),
    "two namespaces": ({"namespace": "shop", "pod_namespace": "web", "pod": "x"}, {"shop", "web"}, "several"),
    "OpenTelemetry's namespace of services": ({"namespace": "shop", "service_namespace": "group"}, {"shop"},
        "not understood"),
}  # fmt: skip


@pytest.mark.parametrize(("labels", "namespaces", "why"), IN_DOUBT.values(), ids=IN_DOUBT)
def test_what_names_something_unclear_is_never_taken_for_naming_nothing(
    labels: dict[str, str], namespaces: set[str], why: str
) -> None:
    """What names nothing acts on a policy's refs: another namespace's alert must not."""
    located = locate({"alertname": "HighErrorRate"} | labels)
    assert isinstance(located, Nothing)
    assert located.named
    assert why in located.reason
    assert namespaces_of(labels) == namespaces
    assert namespace_of(labels) in {"", *namespaces}


@pytest.mark.parametrize(
    "label", ["deployment_environment", "pod_template_hash", "node", "team", "instance", "endpoint"]
)
def test_labels_that_only_sound_like_it_name_nothing(label: str) -> None:
    located = locate({"alertname": "ApiDown", label: "production"})
    assert isinstance(located, Nothing)
    assert not located.named


names = st.sampled_from(
    ["k8s_namespace_name", "k8s_pod_name", "exported_deployment", "destination_workload", "dst_namespace", "service",
     "source_workload", "kubernetes_namespace", "kubernetes_pod_name", "reporter", "app", "ns", "target_pod",
     "deployment", "statefulset", "pod", "namespace", "container", "exported_pod", "exported_namespace", "uid",
     "job_name", "workload", "workload_type", "horizontalpodautoscaler", "poddisruptionbudget", "cluster"]
)  # fmt: skip


@given(st.dictionaries(names, st.sampled_from(["api", "shop", "deployment", *EXPORTER.values()]) | st.text(max_size=9)))
def test_whatever_the_labels_no_exporter_pod_is_ever_named(labels: dict[str, str]) -> None:
    located = locate(labels)
    if isinstance(located, PodNamed):
        assert "kube-state-metrics" not in located.pod
        assert labels.get("exported_container") or labels.get("container") != "kube-state-metrics"


@given(st.dictionaries(names, st.sampled_from(["api", "shop", "web", "source", "outbound"]) | st.text(max_size=9)))
def test_what_is_found_is_in_the_one_namespace_that_the_alert_is_about(labels: dict[str, str]) -> None:
    """So a policy of another namespace can never be the one that acts."""
    located = locate(labels)
    if not isinstance(located, Nothing):
        assert {located.namespace} == namespaces_of(labels)
        assert located.namespace in {part for value in labels.values() for part in (value, *value.split("."))}


def test_who_calls_a_service_by_linkerds_outbound_metrics_is_never_the_target() -> None:
    """They name the caller plainly, and what is called as the parent of the route."""
    labels = {"namespace": "web", "deployment": "web", "parent_kind": "Service", "parent_namespace": "shop"}
    assert isinstance(locate(labels), Nothing)
    assert namespaces_of(labels) == {"shop"}
