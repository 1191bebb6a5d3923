"""What a doctor's look comes to: findings, each with what to do. Pure: what was read goes in, findings come out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from platelet.api.generation import admission, cluster_role, crds
from platelet.api.kinds import notifications
from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS
from platelet.api.readers import lenient
from platelet.cli.reading import Leader
from platelet.cli.suspension import in_force
from platelet.cli.switches import Switch
from platelet.core import deliveries
from platelet.explain import lines
from platelet.model import reasons
from platelet.model.budget import Budget
from platelet.model.durations import say_length
from platelet.model.notification import OF_JOBS, Notification
from platelet.model.policy import OPERATOR_NAMESPACE
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
    findings = []
    for kind in crds.KINDS:
        name = f"{kind.plural}.{crds.GROUP}"
        wanted, live = crds.build_crd(kind), stored.get(name)
        if live is None:
            findings.append(_finding("crds", "fail", f"{name} is not installed", _APPLY))
        elif not _is_established(live):
            findings.append(_finding("crds", "fail", f"{name} is not established", f"kubectl describe crd {name}"))
        elif _shape(live) != _shape(wanted):
            findings.append(_finding("crds", "fail", f"{name} is of another version than this platelet", _APPLY))
    return findings or [_finding("crds", "ok", f"all {len(crds.KINDS)} are installed and of this version")]


def _is_established(stored: Mapping[str, Any]) -> bool:
    conditions = lenient.by_type(lenient.mapping(stored.get("status")).get("conditions"))
    return conditions.get("Established", {}).get("status") == "True"


def _shape(stored: Mapping[str, Any]) -> set[str]:
    """What a CRD admits, as far as it tells versions apart: fields, values and rules by place, in no encoding."""
    versions = lenient.mappings(lenient.mapping(stored.get("spec")).get("versions"))
    return {
        f"{version.get('name')}{line}"
        for version in versions
        for line in _lines(lenient.mapping(lenient.mapping(version.get("schema")).get("openAPIV3Schema")))
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
    findings = [] if _is_known(home["metadata"]) else [_unknown(home["metadata"]["name"])]
    for wanted in admission.build_documents():
        name = admission.name_of(wanted)
        live = stored.get(name)
        if live is None:
            message = f"{name} is not installed: people may write, and approve, what they may not do themselves"
            findings.append(_finding("admission", "fail", message, _APPLY))
        elif not _is_within(wanted["spec"], live.get("spec")):
            findings.append(_finding("admission", "fail", f"{name} is of another version than this platelet", _APPLY))
    return findings or [_finding("admission", "ok", "people may write and approve only what they may do themselves")]


def _is_known(metadata: Mapping[str, Any]) -> bool:
    labels = lenient.mapping(metadata.get("labels"))
    return metadata["name"] == OPERATOR_NAMESPACE or cluster_role.HOME_LABEL in labels


def _unknown(namespace: str) -> Finding:
    label = cluster_role.HOME_LABEL
    message = f"namespace {namespace} has no label {label}: its Runbooks are judged by their authors' rights there only"
    return _finding("admission", "fail", message, f"kubectl label namespace {namespace} {label}=true")


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
    findings = []
    for group, path, verb in sorted(denied):
        what = f"{account} may not {verb} {path}{'.' if group else ''}{group}"
        actions = switches.get((group, path, verb))
        if actions is None:
            findings.append(_finding("rights", "fail", what, _APPLY))
        else:
            findings.append(_finding("rights", "warn", f"{what}, so not: {actions}", f"if that is not meant: {_APPLY}"))
    return findings or [_finding("rights", "ok", f"{account} may do all that the operator needs")]


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
        message = f"it counts as full until {lines.moment(full, now)}: {why}"
        return _finding("budget", "fail", message, "wait: whether limits were used up by then is not known")
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
    message = f"this machine is {say_length(drift)} {way} the API server; what is shown counts in the server's time"
    return _finding("clock", "warn", message, "set the clock of this machine")


def of_policies(stored: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Policies that are not Ready, and those of which a part cannot work, each with its reason."""
    findings, ready = _of_conditions("policies", "platelet get policies", stored)
    return findings or [_finding("policies", "ok" if ready else "warn", _count(ready), "" if ready else "docs, README")]


def of_escalations(stored: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """The same of EscalationPolicies; nothing where there is none, since nobody needs one."""
    findings, ready = _of_conditions("escalation", "kubectl get escalationpolicies", stored)
    return findings or ([_finding("escalation", "ok", _count(ready))] if ready else [])


def _of_conditions(check: str, command: str, stored: Iterable[Mapping[str, Any]]) -> tuple[list[Finding], int]:
    """What their conditions say, and how many are Ready."""
    findings, ready = [], 0
    for policy in stored:
        metadata = lenient.mapping(policy.get("metadata"))
        key = f"{metadata.get('namespace')}/{metadata.get('name')}"
        by_type = lenient.by_type(lenient.mapping(policy.get("status")).get("conditions"))
        condition, warning = by_type.get("Ready"), by_type.get("Warning", {})
        look = f"{command} -n {metadata.get('namespace')} -o wide"
        if condition is None:
            findings.append(_finding(check, "warn", f"{key} was not judged by an operator yet", look))
        elif condition.get("status") == "True":
            ready += 1
            if warning.get("status") == "True":
                findings.append(_finding(check, "warn", f"{key}: {warning.get('message')}", look))
        else:
            why = f"{condition.get('reason')}: {condition.get('message')}"
            findings.append(_finding(check, "fail", f"{key} is not Ready: {why}", look))
    return findings, ready


def of_untargeted(stored: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """The alerts that policies are for and that lead to no workload here: nothing is done about them."""
    findings = []
    for policy in stored:
        metadata, status = lenient.mapping(policy.get("metadata")), lenient.mapping(policy.get("status"))
        firing = [fact for fact in ALERTS.read(status) if fact.resolved_at is None]
        ours = [fact for fact in firing if fact.reason != reasons.ANOTHER_CLUSTER]
        if ours:
            key = f"{metadata.get('namespace')}/{metadata.get('name')}"
            message = (
                f"{key}: alerts that lead to no workload: {len(ours)}, such as {ours[-1].reason}: {ours[-1].message}"
            )
            findings.append(_finding("alerts", "warn", message, "docs/alerts.md: which labels name a workload"))
    return findings


def of_failed_jobs(stored: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """The Jobs that have failed, by the policies that look for such: people have them."""
    fix = "kubectl describe job, kubectl logs job/NAME; it is over once a Job succeeds, or this one is deleted"
    findings = []
    for policy in stored:
        metadata = lenient.mapping(policy.get("metadata"))
        for entry in FAILED_JOBS.read(lenient.mapping(policy.get("status"))):
            if entry.is_open:
                message = f"policy {metadata.get('namespace')}/{metadata.get('name')}: {entry.message}"
                findings.append(_finding("jobs", "warn", message, fix))
    return findings


def of_notices(remediations: Iterable[Remediation], policies: Iterable[Mapping[str, Any]] = ()) -> list[Finding]:
    """Notices that sinks have not taken, and why: people may not know of them."""
    findings = []
    for remediation in remediations:
        about = f"Remediation {remediation.namespace}/{remediation.name}"
        findings += _untold(remediation.spec.policy_ref.name, about, remediation.status.notifications)
    for stored in policies:
        name = lenient.text(lenient.mapping(stored.get("metadata")).get("name"))
        listed, _ = notifications.read_notifications(lenient.mapping(stored.get("status")))
        of_jobs = [notification for notification in listed if notification.kind in OF_JOBS]
        of_alerts = [notification for notification in listed if notification.kind not in OF_JOBS]
        findings += [*_untold(name, "an alert without a target", of_alerts), *_untold(name, "a Job", of_jobs)]
    return findings or [_finding("notices", "ok", "sinks have taken all that people were to be told")]


def _untold(policy: str, about: str, listed: Sequence[Notification]) -> list[Finding]:
    """The first that a sink was told in vain so far."""
    return [
        _finding(
            "notices",
            "fail",
            f"policy {policy}: its {untold.sink} was not told of {about} in {untold.tries} tries: {untold.error}",
            f"mend escalation.{untold.sink} of the policy, or what it names; it is tried again",
        )
        for untold in deliveries.undelivered(listed)[:1]
    ]


def of_switches(off: Iterable[Switch]) -> list[Finding]:
    """What people have switched off, and may have forgotten."""
    findings = [_finding("suspended", "warn", str(switch), f"if that is over: {switch.resume}") for switch in off]
    return findings or [_finding("suspended", "ok", "no namespace, workload or policy is suspended")]


def _count(ready: int) -> str:
    return f"all {ready} are Ready" if ready else "there is none, so nothing is done"


def _finding(check: str, outcome: Outcome, message: str, fix: str = "") -> Finding:
    return Finding(check=check, outcome=outcome, message=message, fix=fix)


def text(findings: Iterable[Finding]) -> list[str]:
    """One line each, and the fix below it."""
    answer = []
    for finding in findings:
        answer.append(f"{finding.outcome:<4}  {finding.check}: {finding.message}")
        answer += [f"      fix: {finding.fix}"] if finding.fix else []
    return answer


def document(findings: Iterable[Finding], now: str) -> dict[str, Any]:
    """The same for machines."""
    listed = [
        {"check": finding.check, "outcome": finding.outcome, "message": finding.message}
        | ({"fix": finding.fix} if finding.fix else {})
        for finding in findings
    ]
    return {"healthy": all(finding["outcome"] != "fail" for finding in listed), "findings": listed, "now": now}
