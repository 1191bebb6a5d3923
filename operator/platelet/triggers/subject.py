"""Of all that an alert's labels name, what the alert is about: its namespace, and the names that belong there.

Up to three voices speak in one set of labels: the resource that made the measurement (`k8s_...`), the metric
(`exported_...` where Prometheus renames), and the target that was scraped. What they say counts in this order, and a
voice that speaks of another namespace is not heard. Where a mesh measures a call, it is about who was called: who
calls is the victim, and a restart of the victim heals nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from platelet.triggers import vocabulary

Names = dict[str, tuple[str, ...]]  # by concept, several where labels differ

_EXPORTERS: Final = ("kube-state-metrics", "node-exporter", "blackbox-exporter")
_COLLECTORS: Final = (*_EXPORTERS, "kubelet", "cadvisor", "pushgateway", "otel-collector")
_OF_TARGETS: Final = frozenset({"namespace", "pod", "container", "service", "appName", "app", vocabulary.SCRAPE_JOB})
"""What service discovery adds to each target; other words for objects are the metric's own, renamed or not."""
_MAY_BE_AN_APPLICATIONS: Final = frozenset({"service", "appName", "app", "container", vocabulary.SCRAPE_JOB})
_NO_PROOF: Final = frozenset(
    {"namespace", "uid", "container", "appName", "app", vocabulary.SCRAPE_JOB, vocabulary.NOT_UNDERSTOOD}
)
_BY_CALLERS: Final = (("reporter", "source"), ("direction", "outbound"))  # Istio, Linkerd


_UNKNOWN: Final = "unknown"  # Istio's word for an end of a call that is not in the mesh


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an alert is about. With a `doubt`, that cannot be told, and `namespaces` are all that it may be about."""

    namespace: str = ""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubt: str = ""
    namespaces: frozenset[str] = frozenset()
    exporters_pod: str = ""  # a pod that is named, but only as the one that was scraped


def read(labels: Mapping[str, str]) -> Subject:
    """Find the subject of these labels."""
    sides: dict[str, dict[str, Names]] = {"own": {}, "called": {}, "caller": {}}
    strangers = False
    for label, value in labels.items():
        word = vocabulary.read(label) if value else None
        if word is not None and word.side != "own" and value == _UNKNOWN:
            strangers = True
        elif word is not None:
            names = sides[word.side].setdefault(word.origin, {})
            names[word.concept] = tuple(dict.fromkeys((*names.get(word.concept, ()), value)))
    own = _own(sides["own"])
    called, caller = (_merged(*sides[side].values()) for side in ("called", "caller"))
    by_caller = any(labels.get(label) == value for label, value in _BY_CALLERS)
    if called:
        return _called(called, caller, own, by_caller=by_caller)
    if caller or strangers or (by_caller and own.names):
        around = own.namespaces | frozenset(caller.get("namespace", ()))
        return Subject(doubt="the labels name only who calls, and not who is called", namespaces=around)
    return own


def _called(called: Names, caller: Names, own: Subject, *, by_caller: bool) -> Subject:
    namespaces = called.get("namespace", ())
    names = {concept: values for concept, values in called.items() if concept != "namespace"}
    hosts = {place for service in names.get("service", ()) if (place := namespace_of_host(service))}
    if not namespaces:
        beside = () if by_caller or own.doubt or not own.namespace else (own.namespace,)
        namespaces = tuple(hosts) or beside
    if len(namespaces) == 1:
        return Subject(namespace=namespaces[0], names=names, namespaces=frozenset(namespaces))
    around = frozenset(namespaces) or own.namespaces | frozenset(caller.get("namespace", ()))
    return Subject(doubt="the labels do not say in which namespace that is which was called", namespaces=around)


def _own(origins: Mapping[str, Names]) -> Subject:
    resource = origins.get("resource", {})
    metric, scraped = _voices(origins)
    spaces = [voice.get("namespace", ()) for voice in (resource, metric, scraped)]
    around = frozenset(name for names in spaces for name in names)
    if any(len(names) > 1 for names in spaces):
        return Subject(doubt="the labels name several namespaces", namespaces=around)
    doubt = "" if spaces[0] else _doubt(origins, metric, scraped)
    if doubt:
        return Subject(doubt=doubt, namespaces=around)
    namespace = next((names[0] for names in spaces if names), "")
    heard = [voice for voice in (resource, metric, scraped) if voice.get("namespace", (namespace,)) == (namespace,)]
    names = _merged(*heard)
    names.pop("namespace", None)
    seen = _without_exporters(names)
    pod = names["pod"][0] if "pod" in names and "pod" not in seen else ""
    around = frozenset({namespace} - {""})
    return Subject(namespace=namespace, names=seen, namespaces=around, exporters_pod=pod)


def _voices(origins: Mapping[str, Names]) -> tuple[Names, Names]:
    """The metric's own words, and those of the target that was scraped."""
    plain, exported, discovered = (origins.get(origin, {}) for origin in ("plain", "exported", "discovered"))
    if discovered:
        return _merged(exported, plain), discovered
    if not exported:
        return plain, {}
    own = {concept: values for concept, values in plain.items() if concept not in _OF_TARGETS}
    metric = _merged(exported, {concept: values for concept, values in own.items() if concept not in exported})
    if "namespace" not in exported:  # an application's labels that are called like those of targets
        metric = {concept: values for concept, values in metric.items() if concept not in _MAY_BE_AN_APPLICATIONS}
    return metric, {concept: values for concept, values in plain.items() if concept in _OF_TARGETS}


def _doubt(origins: Mapping[str, Names], metric: Names, scraped: Names) -> str:
    """Whether the metric's `namespace` may be none of Kubernetes, as Temporal's is, or is missing."""
    exported = origins.get("exported", {})
    renamed = {concept for concept in exported if concept not in {"namespace", *_MAY_BE_AN_APPLICATIONS}}
    if renamed and "namespace" not in exported:
        pod = exported.get("pod", ("",))[0]
        what = f"pod {pod[:100]!r}" if pod else "what is named"
        return f"the namespace of {what} is not known: exported_namespace is missing"
    theirs, ours = metric.get("namespace", ()), scraped.get("namespace", ())
    if not theirs or not ours or theirs == ours or _is_exporters(scraped):
        return ""
    proof = set(exported) if exported else set(metric) - {"service"}
    if proof - _NO_PROOF:
        return ""
    return (
        f"it is about namespace {ours[0][:63]!r}, or about {theirs[0][:63]!r}, which may be a word of the application"
    )


def _is_exporters(names: Names) -> bool:
    marks = [value for concept in _OF_TARGETS - {"namespace"} for value in names.get(concept, ())]
    return any(mark in value for mark in _EXPORTERS for value in marks)


def _without_exporters(names: Names) -> Names:
    """Drop what names the exporter or collector itself: the alert came by it and is not about it (TRAPS 16)."""
    pods = (*names.get("pod", ()), *names.get("container", ()))
    if any(mark in value for mark in _EXPORTERS for value in pods):
        return {concept: values for concept, values in names.items() if concept not in _OF_TARGETS}
    kept = {}
    for concept, values in names.items():
        if concept in {"service", "appName", "app", vocabulary.SCRAPE_JOB}:
            kept[concept] = tuple(value for value in values if not any(mark in value for mark in _COLLECTORS))
        else:
            kept[concept] = values
    return {concept: values for concept, values in kept.items() if values}


def _merged(*voices: Names) -> Names:
    """The first that names a thing of a kind is believed."""
    names: Names = {}
    for voice in voices:
        for concept, values in voice.items():
            names.setdefault(concept, values)
    return names


def namespace_of_host(host: str) -> str:
    """Give the namespace in a Service's host name, as in `api.shop.svc.cluster.local:8080`; else nothing."""
    parts = host.partition(":")[0].split(".")
    return parts[1] if len(parts) > 2 and parts[2] == "svc" else ""  # noqa: PLR2004 - name, namespace, svc
