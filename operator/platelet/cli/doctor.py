"""`platelet doctor`: what keeps platelet from healing, each with the fix. It writes nothing in the cluster."""

import argparse
import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from platelet.api.generation import admission, cluster_role, crds
from platelet.api.kinds import budget as budget_contract
from platelet.api.kinds.invalid import InvalidSpec
from platelet.cli import alert_route, checkup, output, session, switches
from platelet.cli.checkup import Finding, Right
from platelet.cli.reading import Reader
from platelet.cli.suspension import BUDGET
from platelet.model.budget import Budget
from platelet.model.durations import format_time
from platelet.model.policy import Settings
from platelet.shell import kube
from platelet.shell.store.remediations import list_remediations

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_CRDS = kube.Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)  # noqa: FBT003 - namespaced
_ADMISSION = {
    kind: kube.Resource("admissionregistration.k8s.io", "v1", plural, kind, namespaced=False)
    for kind, plural in (
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    )
}
_ACCESS_REVIEWS = kube.Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
_DESCRIPTION = """\
Check everything that healing needs: the CRDs, the admission policies, the operator's rights, its ActionBudget, the
leader, the clock, whether policies and EscalationPolicies are Ready, and with --alertmanager whether an alert gets from
there to the operator (no policy is asked about the test alert). The exit code is 1 when a check fails, but not for a
warning."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("doctor", help="find what keeps platelet from healing", description=_DESCRIPTION)
    parser.add_argument(
        "--alertmanager", metavar="URL", help="post a test alert to this Alertmanager, and wait until it arrives"
    )
    parser.add_argument(
        "--timeout",
        type=session.read_duration,
        default=timedelta(minutes=2),
        metavar="DURATION",
        help="how long to wait for the test alert (its route has a group_wait); default: 2m",
    )
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="look at policies in all namespaces")
    output.add_argument(parser)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Look, and tell."""
    return session.run(options, partial(_examine, options))


async def _examine(options: argparse.Namespace, client: "ClusterClient") -> int:
    namespace = options.operator_namespace
    reader = Reader(client, client.clock, Settings(namespace=namespace))
    findings = [*await _crds(client), *await _admission(client, namespace), *await _rights(client, namespace)]
    budget = await _budget(client, namespace)
    leader = await reader.leader()
    now = client.clock.now()
    findings += [checkup.of_budget(budget, now) if not isinstance(budget, Finding) else budget]
    findings += [checkup.of_leader(leader, now, namespace), checkup.of_clock(datetime.now(UTC), now)]
    looked_at = "" if options.all_namespaces else session.namespace_of(options)
    findings += await _as_allowed("policies", _policies(client, looked_at))
    findings += await _as_allowed("escalation", _escalations(client, looked_at))
    findings += await _as_allowed("suspended", _switches_of_people(client, looked_at))
    findings += await _as_allowed("notices", _notices(client, looked_at))
    if options.alertmanager:
        findings.append(await alert_route.examine(client, namespace, options.alertmanager, options.timeout))
    output.write(options, checkup.text(findings), checkup.document(findings, format_time(now)))
    return 1 if any(finding.outcome == "fail" for finding in findings) else 0


async def _crds(client: "ClusterClient") -> list[Finding]:
    names = [f"{kind.plural}.{crds.GROUP}" for kind in crds.KINDS]
    try:
        return checkup.of_crds({name: await _find(client, _CRDS, name) for name in names})
    except kube.Refused as error:
        return [_unseen("crds", error)]


async def _admission(client: "ClusterClient", namespace: str) -> list[Finding]:
    stored: dict[str, Mapping[str, Any] | None] = {}
    try:
        for document in admission.build_documents():
            kind = _ADMISSION[document["kind"]]
            stored[admission.name_of(document)] = await _find(client, kind, document["metadata"]["name"])
        home = await _find(client, kube.NAMESPACES, namespace)
    except kube.Refused as error:
        return [_unseen("admission", error)]
    return checkup.of_admission(stored, home or {"metadata": {"name": namespace}})


async def _find(client: "ClusterClient", resource: kube.Resource, name: str) -> kube.Json | None:
    try:
        return await client.get(resource, "", name)
    except kube.NotFound:
        return None


async def _rights(client: "ClusterClient", namespace: str) -> list[Finding]:
    """What the operator's account may do, where the caller may ask that."""
    account = f"system:serviceaccount:{namespace}:{cluster_role.NAME}"
    at_home = {
        (rule.group, path, verb) for rule in cluster_role.AT_HOME for path in rule.resources for verb in rule.verbs
    }
    everywhere = {
        (rule.group, path, verb)
        for rule in (*cluster_role.EVERYWHERE, *(switch.rule for switch in cluster_role.switches()))
        for path in rule.resources
        for verb in rule.verbs
    }
    asked = [(right, namespace) for right in at_home - everywhere] + [(right, "") for right in everywhere]
    try:
        answers = await asyncio.gather(*(_may(client, account, right, place) for right, place in asked))
    except kube.Refused as error:
        if error.code != kube.FORBIDDEN:
            raise
        return [_unseen("rights", error)]
    denied = [right for (right, _), allowed in zip(asked, answers, strict=True) if not allowed]
    return checkup.of_rights(account, denied, _switches())


async def _may(client: "ClusterClient", account: str, right: Right, namespace: str) -> bool:
    """Ask the API server."""
    group, path, verb = right
    resource, _, subresource = path.partition("/")
    attributes = {"group": group, "resource": resource, "subresource": subresource, "verb": verb}
    spec: dict[str, Any] = {"resourceAttributes": {**attributes, "namespace": namespace}, "user": account}
    body = {"apiVersion": _ACCESS_REVIEWS.api_version, "kind": _ACCESS_REVIEWS.kind, "spec": spec}
    answer = await client.create(_ACCESS_REVIEWS, "", body, agent="cli")
    return bool(answer.get("status", {}).get("allowed"))


def _switches() -> dict[Right, str]:
    return {
        (switch.rule.group, path, verb): ", ".join(switch.actions)
        for switch in cluster_role.switches()
        for path in switch.rule.resources
        for verb in switch.rule.verbs
    }


async def _budget(client: "ClusterClient", namespace: str) -> Budget | Finding | None:
    try:
        return budget_contract.read_budget(await client.get(kube.BUDGETS, namespace, BUDGET))
    except (kube.NotFound, InvalidSpec):
        return None
    except kube.Refused as error:
        return _unseen("budget", error)


async def _as_allowed(check: str, findings: Awaitable[list[Finding]]) -> list[Finding]:
    """None where there is no such namespace or kind, which other findings say; a warning where it may not be read."""
    try:
        return await findings
    except kube.NotFound:
        return []
    except kube.Refused as error:
        return [_unseen(check, error)]


async def _policies(client: "ClusterClient", namespace: str) -> list[Finding]:
    stored = await client.list(kube.POLICIES, namespace)
    return [*checkup.of_policies(stored), *checkup.of_untargeted(stored), *checkup.of_failed_jobs(stored)]


async def _escalations(client: "ClusterClient", namespace: str) -> list[Finding]:
    return checkup.of_escalations(await client.list(kube.ESCALATION_POLICIES, namespace))


async def _switches_of_people(client: "ClusterClient", namespace: str) -> list[Finding]:
    return checkup.of_switches(await switches.read(client, client.clock, namespace))


async def _notices(client: "ClusterClient", namespace: str) -> list[Finding]:
    remediations = (await list_remediations(client, namespace)).readable
    return checkup.of_notices(remediations, await client.list(kube.POLICIES, namespace))


def _unseen(check: str, error: kube.Refused) -> Finding:
    return Finding(check=check, outcome="warn", message=f"not looked at: {error.message}", fix="ask with more rights")
