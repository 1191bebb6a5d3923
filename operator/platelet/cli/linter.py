"""What is wrong with manifests, without a cluster: all that the API server, admission and the operator would say."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter

from platelet.api import operator_config
from platelet.api.generation import crds, structural
from platelet.api.kinds import caveats, invalid, policy, policy_readiness, runbook
from platelet.api.kinds.caveats import Surroundings
from platelet.api.kinds.conditions import Readiness
from platelet.api.kinds.escalation_policy import read_escalation_policy
from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.readers import lenient
from platelet.cli.manifests import Manifest
from platelet.model import reasons
from platelet.model.near_names import nearest
from platelet.model.outside import Outside
from platelet.model.resource import NAME_PATTERN

Severity = Literal["fail", "warn"]
_SETTINGS = "OperatorConfig"
_LONGEST_NAME = 253  # characters, as Kubernetes has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to mend."""

    place: str  # FILE:LINE
    name: str  # such as `RemediationPolicy shop/heal`
    severity: Severity
    reason: str
    message: str


def lint(manifests: Sequence[Manifest], namespace: str, operator_namespace: str) -> list[Fault]:
    """Find what is wrong, in the order of the manifests. `namespace` is that of objects which name none.

    Other people's kinds are passed over, but for a ConfigMap that holds the operator's settings.
    """
    ours = [manifest for manifest in manifests if _is_ours(manifest)]
    outside, faults = _read_settings(manifests)
    others = {(manifest.kind, *key_of(manifest, namespace)): manifest for manifest in ours}
    for manifest in ours:
        judged = _judge(manifest, others, namespace, operator_namespace, outside)
        faults += [make_fault(manifest, namespace, *fault) for fault in judged]
    return faults


def _is_ours(manifest: Manifest) -> bool:
    group = lenient.text(manifest.content.get("apiVersion")).partition("/")[0]
    return group == crds.GROUP and manifest.kind != _SETTINGS


Others = Mapping[tuple[str, str, str], Manifest]
"""All manifests by kind, namespace and name."""
Finding = tuple[Severity, str, str]
"""Severity, reason, message."""


def _judge(
    manifest: Manifest,
    others: Others,
    namespace: str,
    operator_namespace: str,
    outside: Outside | None,
) -> Iterator[Finding]:
    kind = crds.BY_NAME.get(manifest.kind)
    wanted = f"{crds.GROUP}/{crds.VERSION}"
    if kind is None or manifest.content.get("apiVersion") != wanted:
        names = ", ".join(kind.name for kind in crds.KINDS)
        yield "fail", reasons.INVALID_SPEC, f"this platelet knows the kinds {names} of {wanted} only"
        return
    if name_fault := _find_fault_of_name(manifest, namespace):
        yield "fail", reasons.INVALID_SPEC, name_fault
        return
    stored = _as_stored(manifest, namespace)
    try:
        invalid.read(TypeAdapter(kind.spec), invalid.mapping(stored.get("spec"), "spec"), "spec")
        if kind.name == "Runbook":
            yield from _judge_runbook(stored, outside)
        elif kind.name == "RemediationPolicy":
            loaded = policy.read_policy(stored)
            yield from _judge_policy(loaded, others, namespace, operator_namespace, outside)
            yield from _judge_reference(loaded, others)
        elif kind.name == "EscalationPolicy":
            escalation = read_escalation_policy(stored)
            for caveat in caveats.find_in_escalation(escalation, outside, {}):
                yield "warn", caveat.reason, caveat.message
        spec, schema = _without_nulls(stored["spec"]), _schema(kind)
        for fault in (*structural.faults(spec, schema, "spec"), *structural.twins(spec, schema, "spec")):
            yield "fail", reasons.INVALID_SPEC, fault
    except InvalidSpec as error:
        yield "fail", reasons.INVALID_SPEC, str(error)


@functools.cache
def _schema(kind: crds.Kind) -> structural.Schema:
    """What the API server admits as the spec: of types it is stricter than we are."""
    version = crds.build_crd(kind)["spec"]["versions"][0]
    schema: structural.Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def _without_nulls(value: Any) -> Any:
    """As the API server takes it: a field that is null is not there."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(field) for key, field in value.items() if field is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _judge_runbook(stored: Mapping[str, Any], outside: Outside | None) -> Iterator[Finding]:
    book = runbook.read_runbook(stored)
    readiness = runbook.check_runbook(book, outside)
    if not readiness.ready:
        yield _refusal(readiness)
        return
    for caveat in caveats.find_in_runbook(runbook.read_steps(book.steps), outside):
        yield "warn", caveat.reason, caveat.message


def _judge_policy(
    loaded: policy.LoadedPolicy,
    others: Others,
    namespace: str,
    operator_namespace: str,
    outside: Outside | None,
) -> Iterator[Finding]:
    """Judge a policy by itself; what is wrong with its Runbook is told of the Runbook."""
    book = others.get(("Runbook", loaded.policy.namespace, loaded.runbook))
    read = _read_book(book, namespace)
    readiness = policy_readiness.check_policy(loaded, read or _ANY_BOOK, "", operator_namespace, outside)
    unused = caveats.find_unused(loaded, outside) if readiness.ready else ()
    yield from (("fail", fault.reason, fault.message) for fault in unused)
    if not readiness.ready:
        yield _refusal(readiness)
    elif book is None and loaded.runbook:
        message = f"there is no Runbook {loaded.runbook} of namespace {loaded.policy.namespace} among these files"
        fix = _fix_of_reference("Runbook", loaded.policy.namespace, loaded.runbook, others)
        yield "fail", reasons.RUNBOOK_NOT_FOUND, f"{message}: {fix}"
    elif read is not None or not loaded.runbook:
        steps = runbook.read_steps(read.steps) if read is not None else ()
        for caveat in caveats.find_own(loaded, steps, outside, Surroundings()):
            yield "warn", caveat.reason, caveat.message


def _judge_reference(loaded: policy.LoadedPolicy, others: Others) -> Iterator[Finding]:
    """Whether there is the EscalationPolicy that a policy refers to; what is wrong with it is told of itself."""
    namespace, name = loaded.policy.namespace, loaded.escalation
    if name and ("EscalationPolicy", namespace, name) not in others:
        message = f"there is no EscalationPolicy {name} of namespace {namespace} among these files"
        fix = _fix_of_reference("EscalationPolicy", namespace, name, others)
        yield "fail", reasons.ESCALATION_POLICY_NOT_FOUND, f"{message}: {fix}"


def _find_fault_of_name(manifest: Manifest, namespace: str) -> str:
    """Why no object can have its name; empty: one can."""
    name = key_of(manifest, namespace)[1]
    if not name:
        return "metadata.name: is required: add it"
    if len(name) > _LONGEST_NAME or not re.fullmatch(NAME_PATTERN, name):
        return f"metadata.name: {invalid.show(name)} is no name: write lower-case letters, digits, - and . only"
    return ""


def _fix_of_reference(kind: str, namespace: str, name: str, others: Others) -> str:
    known = [key[2] for key in others if key[:2] == (kind, namespace)]
    meant = nearest(name, known)
    return f"write {meant}, or name its file, too" if meant else "name its file, too"


_ANY_BOOK = runbook.Runbook(
    namespace="", name="", uid="", generation=1, steps=({"name": "restart", "rolloutRestart": {}},)
)
"""Stands in for a Runbook that is missing or is faulty by itself, so that the rest of a policy is judged."""


def _read_book(manifest: Manifest | None, namespace: str) -> runbook.Runbook | None:
    """The Runbook, if nothing is wrong with it."""
    if manifest is None:
        return None
    try:
        book = runbook.read_runbook(_as_stored(manifest, namespace))
    except InvalidSpec:
        return None
    return book if runbook.check_runbook(book, None).ready else None


def _refusal(readiness: Readiness) -> Finding:
    return "fail", readiness.reason, readiness.message


def _read_settings(manifests: Iterable[Manifest]) -> tuple[Outside | None, list[Fault]]:
    """What the operator's settings among the files allow; None without any. Faulty ones are faults, and no settings."""
    outside, faults = None, []
    for manifest in manifests:
        for where, text in _settings_in(manifest):
            try:
                outside = operator_config.load_config(text).outside
            except InvalidSpec as error:
                faults.append(
                    Fault(
                        place=manifest.place,
                        name=where,
                        severity="fail",
                        reason=reasons.INVALID_SPEC,
                        message=str(error),
                    )
                )
    return outside, faults


def _settings_in(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The texts of settings: a file of their own, or an entry of a ConfigMap."""
    if manifest.kind == _SETTINGS:
        yield _SETTINGS, yaml.safe_dump(manifest.content)
    elif manifest.kind == "ConfigMap":
        for entry, text in lenient.texts(manifest.content.get("data")).items():
            if f"kind: {_SETTINGS}" in text:
                yield f"ConfigMap {key_of(manifest, '')[1]}, {entry}", text


def _as_stored(manifest: Manifest, namespace: str) -> dict[str, Any]:
    """The object with what the API server would have added, as far as readers ask for it."""
    place, name = key_of(manifest, namespace)
    return {**manifest.content, "metadata": {"namespace": place, "name": name, "uid": "", "resourceVersion": ""}}


def key_of(manifest: Manifest, namespace: str) -> tuple[str, str]:
    """The namespace and the name of an object; `namespace` stands in for one that it does not say."""
    metadata = lenient.mapping(manifest.content.get("metadata"))
    return lenient.text(metadata.get("namespace")) or namespace, lenient.text(metadata.get("name"))


def make_fault(manifest: Manifest, namespace: str, severity: Severity, reason: str, message: str) -> Fault:
    """Make the fault of one object."""
    place, name = key_of(manifest, namespace)
    return Fault(
        place=manifest.place,
        name=f"{manifest.kind} {place}/{name or '?'}",
        severity=severity,
        reason=reason,
        message=message,
    )
