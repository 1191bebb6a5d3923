"""From an alert's labels to the workload that they name, as data; the shell follows owners and references.

The order is that of ALERTS.md with one change: `workload` and `workload_type` go before `pod`, since a workload label
beats a pod label. In the common Helm install every workload-level alert also carries the exporter's own pod (TRAPS 16),
so an exporter's pod is never a target, not even where it is the only thing named. `service`, `job`, `instance` and
`app` name no workload: such alerts act through `targets.refs` only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Rollout"]

_WORKLOAD_LABELS: Final[Mapping[str, WorkloadKind]] = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "rollout": "Rollout",
}
_EXPORTERS = ("kube-state-metrics", "node-exporter", "blackbox-exporter")
_EXPORTED = "exported_"  # Prometheus renames a metric's own label so, where the scraped target has the same one
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_UID = re.compile(r"[0-9A-Za-z-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadNamed:
    """A workload by kind and name. A Rollout is named so that people can be told."""

    kind: WorkloadKind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodNamed:
    """A pod, whose owners lead to the workload. With a uid only that very pod is meant."""

    namespace: str
    pod: str
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HpaNamed:
    """A HorizontalPodAutoscaler, whose scaleTargetRef is the workload."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNamed:
    """A Job, perhaps of a CronJob."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PdbNamed:
    """A PodDisruptionBudget, whose selector finds pods."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNamed:
    """A PersistentVolumeClaim, which pods mount."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No workload that may be acted on, and why, for people."""

    reason: str
    named: bool = False  # something is named, but which workload that is cannot be told


Located = WorkloadNamed | PodNamed | HpaNamed | JobNamed | PdbNamed | ClaimNamed | Nothing


def locate(labels: Mapping[str, str], cluster: str = "") -> Located:
    """Find what the labels name. `cluster` is our own name, when known: an alert of another cluster names nothing."""
    theirs = labels.get("cluster", "")
    if cluster and theirs and theirs != cluster:
        return Nothing(reason=f"the alert is about cluster {_shown(theirs)}", named=True)
    found = _name(labels)
    if isinstance(found, Nothing):
        return found
    if not found.namespace:
        reason = "the alert has no namespace label: name the target in the policy's targets.refs"
        return Nothing(reason=reason, named=True)
    for name, pattern, longest in _names(found):
        if len(name) > longest or not pattern.fullmatch(name):
            return Nothing(reason=f"{_shown(name)} is not a name of a Kubernetes object", named=True)
    return found


def namespace_of(labels: Mapping[str, str]) -> str:
    """Give the namespace that the alert is about, empty when it says none."""
    return _own(labels, "namespace")


def _name(labels: Mapping[str, str]) -> Located:
    namespace = namespace_of(labels)
    if name := _own(labels, "horizontalpodautoscaler"):
        return HpaNamed(namespace=namespace, name=name)
    workload = _workload(labels, namespace)
    if workload is not None:
        return workload
    if name := _own(labels, "job_name"):
        return JobNamed(namespace=namespace, name=name)
    if name := _own(labels, "poddisruptionbudget"):
        return PdbNamed(namespace=namespace, name=name)
    pod = _pod(labels, namespace)
    if pod is not None:
        return pod
    if name := _own(labels, "persistentvolumeclaim"):
        return ClaimNamed(namespace=namespace, name=name)
    if labels.get("pod"):
        return Nothing(reason=f"pod {_shown(labels['pod'])} is the exporter's, and no other label names a workload")
    return Nothing(reason="no label names a workload: name the target in the policy's targets.refs")


def _workload(labels: Mapping[str, str], namespace: str) -> WorkloadNamed | Nothing | None:
    found = [(kind, name) for label, kind in _WORKLOAD_LABELS.items() if (name := _own(labels, label))]
    if len(found) > 1:
        reason = f"the labels name several workloads: {', '.join(kind for kind, _ in found)}"
        return Nothing(reason=reason, named=True)
    kind = _WORKLOAD_LABELS.get(_own(labels, "workload_type").lower())
    if not found and kind is not None and (name := _own(labels, "workload")):
        found = [(kind, name)]
    return WorkloadNamed(kind=found[0][0], namespace=namespace, name=found[0][1]) if found else None


def _pod(labels: Mapping[str, str], namespace: str) -> PodNamed | Nothing | None:
    """Tell the subject's pod from the exporter's: only the latter keeps its plain name beside an `exported_` one."""
    exported = labels.get(_EXPORTED + "pod", "")
    if exported and not labels.get(_EXPORTED + "namespace"):
        reason = f"the namespace of pod {_shown(exported)} is not known: exported_namespace is missing"
        return Nothing(reason=reason, named=True)
    if labels.get(_EXPORTED + "namespace") and not exported:
        return None
    name = exported or labels.get("pod", "")
    container = _own(labels, "container")
    if not name or any(each == container or each in name for each in _EXPORTERS):
        return None
    return PodNamed(namespace=namespace, pod=name, uid=_own(labels, "uid"))


def _own(labels: Mapping[str, str], name: str) -> str:
    """Give the metric's own label, not that of the scraped target."""
    return labels.get(_EXPORTED + name) or labels.get(name, "")


def _names(
    found: WorkloadNamed | PodNamed | HpaNamed | JobNamed | PdbNamed | ClaimNamed,
) -> list[tuple[str, re.Pattern[str], int]]:
    names = [(found.namespace, _LABEL, 63)]
    if isinstance(found, PodNamed):
        names.append((found.pod, _SUBDOMAIN, 253))
        names += [(found.uid, _UID, 128)] if found.uid else []
    else:
        names.append((found.name, _SUBDOMAIN, 253))
    return names


def _shown(value: str) -> str:
    return repr(value[:100])
