"""The words in which senders name Kubernetes objects: which label names what, and whose object that is.

Sources: kube-state-metrics and cAdvisor (`namespace`, `deployment`, `pod`; `exported_` where Prometheus renames), the
semantic conventions of OpenTelemetry (`k8s.namespace.name`), Datadog (`kube_deployment`), Prometheus' own example of
annotation-based discovery (`kubernetes_namespace`), Istio (`destination_workload`), Linkerd (`dst_deployment`), Hubble
(`source_pod`). Dots, dashes and capitals within a label are read as underscores.
"""

import functools
import re
from dataclasses import dataclass
from typing import Final, Literal

Side = Literal["own", "called", "caller"]
"""Of a call, a mesh names both ends; other senders know one object only."""
Origin = Literal["resource", "exported", "plain", "discovered"]
"""resource: of what has made the measurement; exported: renamed by Prometheus; discovered: of the scraped target."""

NOT_UNDERSTOOD: Final = "notUnderstood"
"""What names a namespace, a workload or a pod in words that are not read: never taken for naming nothing."""
OTHER: Final = "otherObject"
"""An object that is no workload and belongs to none for sure: a quota, a volume."""
POD_LABELS: Final = {"appName": "app.kubernetes.io/name", "app": "app"}
"""What is called like a label of pods has mostly been made of it."""
SCRAPE_JOB: Final = "scrapeJob"
"""Prometheus' own label `job`: often, but not always, called like the Service that is scraped."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one label names."""

    side: Side
    origin: Origin
    concept: str  # one of _CONCEPTS, or one of the names above


_CONCEPTS: Final = {
    "namespace": ("namespace", "ns", "pod_namespace", "workload_namespace"),
    "deployment": ("deployment",),
    "statefulset": ("statefulset", "stateful_set"),
    "daemonset": ("daemonset", "daemon_set"),
    "rollout": ("rollout",),
    "replicaset": ("replicaset", "replica_set"),
    "job": ("cronjob", "cron_job"),
    "horizontalpodautoscaler": ("horizontalpodautoscaler", "horizontal_pod_autoscaler", "hpa"),
    "poddisruptionbudget": ("poddisruptionbudget", "pod_disruption_budget", "pdb"),
    "persistentvolumeclaim": ("persistentvolumeclaim", "persistent_volume_claim", "pvc"),
    "pod": ("pod",),
    "uid": ("uid", "pod_uid"),
    "container": ("container",),
    "workload": ("workload",),
    "workloadType": ("workload_type", "workload_kind"),
    "service": ("service",),
    "appName": ("app_kubernetes_io", "label_app_kubernetes_io"),
    "app": ("app", "canonical_service"),
    OTHER: (
        "resourcequota",
        "resource_quota",
        "persistentvolume",
        "persistent_volume",
        "volumename",
        "scaledobject",
        "scaled_object",
        "verticalpodautoscaler",
    ),
    NOT_UNDERSTOOD: ("ingress",),  # a route to Services, which its controller's metrics name, too
}
_BY_TEXT: Final = {text: concept for concept, texts in _CONCEPTS.items() for text in texts}
_SIDES: Final[tuple[tuple[str, Side], ...]] = (
    ("destination_", "called"),
    ("dst_", "called"),
    ("server_", "called"),
    ("peer_", "called"),
    ("backend_", "called"),
    ("parent_", "called"),
    ("source_", "caller"),
    ("src_", "caller"),
    ("client_", "caller"),
)
_ORIGINS: Final[tuple[tuple[str, Origin], ...]] = (
    ("exported_", "exported"),
    ("resource_k8s_", "resource"),
    ("k8s_", "resource"),
    ("kube_", "resource"),
    ("container_label_io_kubernetes_", "resource"),
    ("io_kubernetes_", "resource"),
    ("kubernetes_", "discovered"),
)
_OF_THE_RESOURCE: Final = frozenset({"service_name"})  # OpenTelemetry's service.name; no scrape adds a label so named
_NAMES_NOTHING: Final = frozenset(
    {"deployment_environment", "deployment_environment_name", "pod_template_hash", "control_plane_ns"}
)
_NAMES_SOMETHING: Final = re.compile(
    r"(^|_)(namespace|ns|deployment|stateful_?set|daemon_?set|replica_?set|workload|pod|cron_?job)s?(name)?(_|$)"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR: Final = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 128  # characters of a label's name that is looked at


def plain(label: str) -> str:
    """Write a label's name in small letters and underscores, in whatever style it comes."""
    return _SEPARATOR.sub("_", _CAMEL.sub("_", label[:_LONGEST])).strip("_").lower()


@functools.lru_cache(maxsize=4096)
def read(label: str) -> Word | None:
    """Say what a label of this name names; None when that is nothing of Kubernetes."""
    text = plain(label)
    if text in _NAMES_NOTHING:
        return None
    rest, origin, side = text, "resource" if text in _OF_THE_RESOURCE else "plain", "own"
    for prefix, meant in _SIDES:
        if rest.startswith(prefix):
            rest, side = rest.removeprefix(prefix), meant
            break
    for prefix, meant_origin in _ORIGINS:
        if rest.startswith(prefix):
            rest, origin = rest.removeprefix(prefix), meant_origin
            break
    concept = _concept(rest, side, origin)
    if concept:
        return Word(side=side, origin=origin, concept=concept)  # type: ignore[arg-type]
    return Word(side="own", origin="plain", concept=NOT_UNDERSTOOD) if _NAMES_SOMETHING.search(text) else None


def _concept(text: str, side: str, origin: str) -> str:
    if text in {"job", "job_name"}:
        return SCRAPE_JOB if text == "job" and side == "own" and origin in {"plain", "exported"} else "job"
    if text == "service_namespace" and side != "own":  # Istio's; OpenTelemetry's is a group of services
        return "namespace"
    if text == "name" and origin == "discovered":  # kubernetes_name: the Service that is scraped
        return "service"
    return _BY_TEXT.get(text) or _BY_TEXT.get(text.removesuffix("_name"), "")
