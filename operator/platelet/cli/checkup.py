"""What a doctor's look comes to: findings, each with what to do. Pure: what was read goes in, findings come out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from platelet.api import admission, cluster_role, crds, evidence, lenient
from platelet.cli import lines
from platelet.cli.reading import Leader
from platelet.cli.suspension import in_force
from platelet.cli.switches import Switch
from platelet.core import delivering
from platelet.model import reasons
from platelet.model.budget import Budget
from platelet.model.remediation import Remediation

Outcome = Literal["ok", "warn", "fail"]
_DRIFT = timedelta(seconds=5)  # the Date header tells whole seconds, and takes its way
_APPLY = "kubectl apply -k deploy/base"
Right = tuple[str, str, str]
"""API group, resource or resource/subresource, verb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    outcome: Outcome
    message: str
    fix: str = ""


def of_crds(stored: Mapping[str, Mapping[str, Any] | None]) -> list[Finding]:
    """Whether each CRD is there, served, and of this version. None: it does not exist."""
    found = []
    for kind in crds.KINDS:
        name = f"{kind.plural}.{crds.GROUP}"
        wanted, live = crds.build_crd(kind), stored.get(name)
        if live is None:
            found.append(_finding("crds", "fail", f"{name} is not installed", _APPLY))
        elif not _is_established(live):
            found.append(_finding("crds", "fail", f"{name} is not established", f"kubectl describe crd {name}"))
        elif _shape(live) != _shape(wanted):
            found.append(_finding("crds", "fail", f"{name} is of another version than this platelet", _APPLY))
    return found or [_finding("crds", "ok", f"all {len(crds.KINDS)} are installed and of this version")]


def _is_established(stored: Mapping[str, Any]) -> bool:
    conditions = lenient.by_type(lenient.mapping(stored.get("status")).get("conditions"))
    return conditions.get("Established", {}).get("status") == "True"


def _shape(stored: Mapping[str, Any]) -> set[str]:
    """What a CRD admits, as far as it tells versions apart: fields, values and rules by place, in no encoding."""
    versions = lenient.mappings(lenient.mapping(stored.get("spec")).get("versions"))
    return {
        f"{each.get('name')}{line}"
        for each in versions
        for line in _lines(lenient.mapping(lenient.mapping(each.get("schema")).get("openAPIV3Schema")))
    }


def _lines(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"={value}" for value in schema.get("enum") or ())
    yield from (f"?{rule.get('rule')}" for rule in lenient.mappings(schema.get("x-kubernetes-validations")))
    for name, inner in lenient.mapping(schema.get("properties")).items():
        yield f".{name}"
        yield from (f".{name}{line}" for line in _lines(lenient.mapping(inner)))
    if "items" in schema:
        yield from (f"[]{line}" for line in _lines(lenient.mapping(schema["items"])))


def of_admission(stored: Mapping[str, Mapping[str, Any] | None], home: Mapping[str, Any]) -> list[Finding]:
    """Whether people are held to their own rights, by `Kind/name` of what does it. None: it does not exist.

    `home` is the operator's own namespace, whose Runbooks may act everywhere.
    """
    found = [] if _is_known(home["metadata"]) else [_unknown(home["metadata"]["name"])]
    for wanted in admission.build_documents():
        name = admission.name_of(wanted)
        live = stored.get(name)
        if live is None:
            said = f"{name} is not installed: people may write, and approve, what they may not do themselves"
            found.append(_finding("admission", "fail", said, _APPLY))
        elif not _is_within(wanted["spec"], live.get("spec")):
            found.append(_finding("admission", "fail", f"{name} is of another version than this platelet", _APPLY))
    return found or [_finding("admission", "ok", "people may write and approve only what they may do themselves")]


def _is_known(metadata: Mapping[str, Any]) -> bool:
    labels = lenient.mapping(metadata.get("labels"))
    return metadata["name"] == cluster_role.OPERATOR_NAMESPACE or cluster_role.HOME_LABEL in labels


def _unknown(namespace: str) -> Finding:
    label = cluster_role.HOME_LABEL
    said = f"namespace {namespace} has no label {label}: its Runbooks are judged by their authors' rights there only"
    return _finding("admission", "fail", said, f"kubectl label namespace {namespace} {label}=true")


def _is_within(wanted: Any, live: Any) -> bool:
    """Whether all that is wanted is there; what the API server has filled in beside it does not matter."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(_is_within(value, live.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(live, list) and len(live) == len(wanted)
        return same and all(map(_is_within, wanted, live))
    return bool(wanted == live)


def of_rights(account: str, denied: Iterable[Right], switches: Mapping[Right, str]) -> list[Finding]:
    """What the account lacks. A way to act may be switched off on purpose: that is a warning."""
    found = []
    for group, path, verb in sorted(denied):
        what = f"{account} may not {verb} {path}{'.' if group else ''}{group}"
        actions = switches.get((group, path, verb))
        if actions is None:
            found.append(_finding("rights", "fail", what, _APPLY))
        else:
            found.append(_finding("rights", "warn", f"{what}, so not: {actions}", f"if that is not meant: {_APPLY}"))
    return found or [_finding("rights", "ok", f"{account} may do all that the operator needs")]


def of_budget(budget: Budget | None, now: datetime) -> Finding:
    """Whether anything may act at all."""
    if budget is None:
        return _finding("budget", "fail", "there is no ActionBudget that can be read: nothing acts", _APPLY)
    paused = budget.spec.suspended
    if paused is not None and in_force(paused, now):
        until = f"until {lines.moment(paused.until, now)}" if paused.until else "until resumed"
        return _finding("budget", "warn", f"everything is paused {until}: {paused.reason or 'no reason'}", "resume")
    full = budget.status.full_until
    if full is not None and full > now:
        why = budget.status.full_reason or "its history was lost"
        said = f"it counts as full until {lines.moment(full, now)}: {why}"
        return _finding("budget", "fail", said, "wait: whether limits were used up by then is not known")
    return _finding("budget", "ok", f"used {budget.status.used or 'nothing yet'}")


def of_leader(leader: Leader | None, now: datetime, namespace: str) -> Finding:
    """Whether an operator leads, and renews its Lease."""
    look = f"kubectl get pods -n {namespace}"
    if leader is None:
        return _finding("leader", "warn", "you may not read its Lease", f"ask for get leases in {namespace}")
    if leader.leads(now):
        return _finding("leader", "ok", f"{leader.holder} leads")
    at = f"; the Lease was last renewed at {lines.moment(leader.renewed_at, now)}" if leader.renewed_at else ""
    return _finding("leader", "fail", f"no operator leads{at}", look)


def of_clock(local: datetime, server: datetime) -> Finding:
    """How far this machine is from the API server. The operator itself counts in the server's time only."""
    drift = abs(local - server)
    if drift <= _DRIFT:
        return _finding("clock", "ok", "this machine and the API server agree on the time")
    way = "ahead of" if local > server else "behind"
    said = f"this machine is {lines.lasting(drift)} {way} the API server; what is shown counts in the server's time"
    return _finding("clock", "warn", said, "set the clock of this machine")


def of_policies(stored: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Those that are not Ready, and those of which a part cannot work, each with its reason."""
    found, ready = [], 0
    for each in stored:
        metadata = lenient.mapping(each.get("metadata"))
        key = f"{metadata.get('namespace')}/{metadata.get('name')}"
        by_type = lenient.by_type(lenient.mapping(each.get("status")).get("conditions"))
        condition, warning = by_type.get("Ready"), by_type.get("Warning", {})
        look = f"platelet get policies -n {metadata.get('namespace')} -o wide"
        if condition is None:
            found.append(_finding("policies", "warn", f"{key} was not judged by an operator yet", look))
        elif condition.get("status") == "True":
            ready += 1
            if warning.get("status") == "True":
                found.append(_finding("policies", "warn", f"{key}: {warning.get('message')}", look))
        else:
            why = f"{condition.get('reason')}: {condition.get('message')}"
            found.append(_finding("policies", "fail", f"{key} is not Ready: {why}", look))
    return found or [_finding("policies", "ok" if ready else "warn", _count(ready), "" if ready else "docs, README")]


def of_untargeted(stored: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """The alerts that policies are for and that lead to no workload here: nothing is done about them."""
    found = []
    for each in stored:
        metadata, status = lenient.mapping(each.get("metadata")), lenient.mapping(each.get("status"))
        firing = [fact for fact in evidence.read_evidence(status.get("untargetedAlerts")) if fact.resolved_at is None]
        ours = [fact for fact in firing if fact.reason != reasons.ANOTHER_CLUSTER]
        if ours:
            key = f"{metadata.get('namespace')}/{metadata.get('name')}"
            said = f"{key}: alerts that lead to no workload: {len(ours)}, such as {ours[-1].reason}: {ours[-1].message}"
            found.append(_finding("alerts", "warn", said, "docs/alerts.md: which labels name a workload"))
    return found


def of_notices(remediations: Iterable[Remediation]) -> list[Finding]:
    """What webhooks have not taken, and why: people may know nothing of it."""
    found = [
        _finding(
            "notices",
            "fail",
            f"policy {each.spec.policy_ref.name}: its webhook was not told of Remediation {each.namespace}/{each.name} "
            f"in {told.deliveries} tries: {told.last_error}",
            "mend escalation.webhook of the policy, or what it names; it is tried again",
        )
        for each in remediations
        for told in delivering.undelivered(each.status)[:1]
    ]
    return found or [_finding("notices", "ok", "webhooks have taken all that people were to be told")]


def of_switches(off: Iterable[Switch]) -> list[Finding]:
    """What people have switched off, and may have forgotten."""
    found = [_finding("suspended", "warn", str(switch), f"if that is over: {switch.resume}") for switch in off]
    return found or [_finding("suspended", "ok", "no namespace, workload or policy is suspended")]


def _count(ready: int) -> str:
    return f"all {ready} are Ready" if ready else "there is none, so nothing is done"


def _finding(check: str, outcome: Outcome, message: str, fix: str = "") -> Finding:
    return Finding(check=check, outcome=outcome, message=message, fix=fix)


def text(findings: Iterable[Finding]) -> list[str]:
    """One line each, and the fix below it."""
    said = []
    for each in findings:
        said.append(f"{each.outcome:<4}  {each.check}: {each.message}")
        said += [f"      fix: {each.fix}"] if each.fix else []
    return said


def document(findings: Iterable[Finding], now: str) -> dict[str, Any]:
    """The same for machines."""
    listed = [
        {"check": each.check, "outcome": each.outcome, "message": each.message}
        | ({"fix": each.fix} if each.fix else {})
        for each in findings
    ]
    return {"healthy": all(each["outcome"] != "fail" for each in listed), "findings": listed, "now": now}
