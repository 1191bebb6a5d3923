"""From an alert's labels to the workload that they name, as data; the shell follows owners and references.

What names a workload goes before what names a pod, so `workload` and `workload_type` before `pod`. In the common Helm
install every workload-level alert also carries the exporter's own pod (TRAPS 16), so an exporter's pod is never a
target, not even where it is the only thing named. A Service is asked last: only where nothing else is named, and `job`
only where nothing else names a Service. `instance` names no workload.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from platelet.triggers import subject, vocabulary

WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Rollout"]

_KINDS: Final[Mapping[str, WorkloadKind]] = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "rollout": "Rollout",
}
NOT_SAID: Final = "no label names a workload: name the target in the policy's targets.refs"
_ONE_ONLY: Final = (*_KINDS, "workload", "pod", "uid", "horizontalpodautoscaler")
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
class ReplicaSetNamed:
    """A ReplicaSet, perhaps of a Deployment."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindlessNamed:
    """A workload by its name alone: a mesh does not say of which kind it is."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesNamed:
    """Services, whose selectors find the workload. Labels that differ are several names for one thing."""

    namespace: str
    names: tuple[str, ...]
    pod_label: str = ""  # where no Service is called so, pods whose label this is
    likely: bool = True  # False: the label says what was scraped, which need not be a Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No workload that may be acted on, and why, for people."""

    reason: str
    named: bool = False  # something is named, but which workload that is cannot be told


Named = (
    WorkloadNamed
    | KindlessNamed
    | PodNamed
    | ReplicaSetNamed
    | HpaNamed
    | JobNamed
    | PdbNamed
    | ClaimNamed
    | ServicesNamed
)
Located = Named | Nothing


def locate(labels: Mapping[str, str]) -> Located:
    """Find what the labels name, in this cluster: `clusters.elsewhere` says of which one they are."""
    about = subject.read(labels)
    if about.doubt:
        return Nothing(reason=about.doubt, named=True)
    named = _name(about)
    if isinstance(named, Nothing):
        return named
    if not named.namespace:
        reason = "the alert has no namespace label: name the target in the policy's targets.refs"
        return Nothing(reason=reason, named=not isinstance(named, ServicesNamed) or named.likely)
    for name, pattern, longest in _spelled(named):
        if len(name) > longest or not pattern.fullmatch(name):
            return Nothing(reason=f"{_shown(name)} is not a name of a Kubernetes object", named=True)
    return named


def namespace_of(labels: Mapping[str, str]) -> str:
    """Give the namespace that the alert is about, empty when it says none or that is in doubt."""
    return subject.read(labels).namespace


def namespaces_of(labels: Mapping[str, str]) -> frozenset[str]:
    """Give all namespaces that the alert may be about: mostly one; none when it says none."""
    return subject.read(labels).namespaces


def _name(about: subject.Subject) -> Located:
    several = [concept for concept in _ONE_ONLY if len(about.names.get(concept, ())) > 1]
    if several:
        both = " and ".join(_shown(name) for name in about.names[several[0]])
        return Nothing(reason=f"the labels name several objects of one kind: {both}", named=True)
    named = {concept: names[0] for concept, names in about.names.items()}
    return _workload(named, about.namespace) or _object(named, about.namespace) or _service(about)


def _workload(named: Mapping[str, str], namespace: str) -> Located | None:
    if name := named.get("horizontalpodautoscaler"):
        return HpaNamed(namespace=namespace, name=name)
    workloads = [(kind, named[concept]) for concept, kind in _KINDS.items() if concept in named]
    if len(workloads) > 1:
        reason = f"the labels name several workloads: {', '.join(kind for kind, _ in workloads)}"
        return Nothing(reason=reason, named=True)
    if not workloads and "workload" in named:
        if "workloadType" not in named:
            return KindlessNamed(namespace=namespace, name=named["workload"])
        kind = _KINDS.get(named["workloadType"].lower())
        if kind is None:
            reason = f"workload {_shown(named['workload'])} is of type {_shown(named['workloadType'])}"
            return Nothing(reason=reason, named=True)
        workloads = [(kind, named["workload"])]
    return WorkloadNamed(kind=workloads[0][0], namespace=namespace, name=workloads[0][1]) if workloads else None


def _object(named: Mapping[str, str], namespace: str) -> Located | None:
    """What may belong to a workload, or surely is none."""
    if name := named.get("job"):
        return JobNamed(namespace=namespace, name=name)
    if name := named.get("poddisruptionbudget"):
        return PdbNamed(namespace=namespace, name=name)
    if name := named.get("pod"):
        return PodNamed(namespace=namespace, pod=name, uid=named.get("uid", ""))
    if name := named.get("replicaset"):
        return ReplicaSetNamed(namespace=namespace, name=name)
    if name := named.get("persistentvolumeclaim"):
        return ClaimNamed(namespace=namespace, name=name)
    if name := named.get(vocabulary.OTHER):
        return Nothing(reason=f"the alert is about {_shown(name)}, which is no workload", named=True)
    return None


def _service(about: subject.Subject) -> Located:
    """The best word for a Service; else why nothing is named."""
    for concept in ("service", *vocabulary.POD_LABELS):
        if names := about.names.get(concept):
            return _services(names, about.namespace, vocabulary.POD_LABELS.get(concept, ""))
    if about.exporters_pod:
        pod = _shown(about.exporters_pod)
        return Nothing(reason=f"pod {pod} is the exporter's, and no other label names a workload")
    if names := about.names.get(vocabulary.NOT_UNDERSTOOD):
        reason = f"a label names {_shown(names[0])} in words that are not understood: see docs/alerts.md"
        return Nothing(reason=reason, named=True)
    jobs = tuple(name for name in about.names.get(vocabulary.SCRAPE_JOB, ()) if _LABEL.fullmatch(name))
    return ServicesNamed(namespace=about.namespace, names=jobs, likely=False) if jobs else Nothing(reason=NOT_SAID)


def _services(names: tuple[str, ...], namespace: str, pod_label: str) -> Located:
    hosts = {place for name in names if (place := subject.namespace_of_host(name))}
    if hosts - {namespace} and (namespace or len(hosts) > 1):
        return Nothing(reason=f"Service {_shown(names[0])} is of another namespace", named=True)
    short = (name.partition(".")[0] if subject.namespace_of_host(name) else name for name in names)
    namespace = namespace or next(iter(hosts), "")
    return ServicesNamed(namespace=namespace, names=tuple(dict.fromkeys(short)), pod_label=pod_label)


def _spelled(named: Named) -> list[tuple[str, re.Pattern[str], int]]:
    """What must be names of Kubernetes objects, and how those are spelled."""
    names = [(named.namespace, _LABEL, 63)]
    if isinstance(named, PodNamed):
        names.append((named.pod, _SUBDOMAIN, 253))
        names += [(named.uid, _UID, 128)] if named.uid else []
    elif isinstance(named, ServicesNamed):
        names += [(name, _LABEL, 63) for name in named.names]
    else:
        names.append((named.name, _SUBDOMAIN, 253))
    return names


def _shown(value: str) -> str:
    return repr(value[:100])
