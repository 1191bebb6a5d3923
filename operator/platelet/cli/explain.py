"""`platelet explain`: why did, why did not, what next and when. It reads, and writes nothing."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.operator_config import load_config
from platelet.cli import batch_objects, named_objects, output, session, switches
from platelet.cli.answers import read_remediation
from platelet.cli.reading import Leader, Reader
from platelet.core import opening, signals
from platelet.explain import documents, incident, incident_text, jobs, lines, overview, overview_text
from platelet.explain.eligibility import Candidate, judge, shown, with_strays
from platelet.model.policy import Settings
from platelet.model.remediation import Remediation
from platelet.model.signal import Evidence
from platelet.model.snapshot import Snapshot
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.store.remediations import read_remediations

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Say why platelet acts or does not. It reads afresh, with your own rights, and decides with the very function that the
operator uses; nothing is written. For a Remediation you see each step with every guard's answer; for a workload the
policies that are or are not for it, its Remediations and its revisions; for a Job or a CronJob which policies tell of
it, since that is all that is ever done about one."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "explain", help="say why something was done or not, and what comes next", description=_DESCRIPTION
    )
    parser.add_argument(
        "what", type=named_objects.explained, metavar="KIND/NAME", help="remediation/NAME, deployment/NAME or job/NAME"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the operator's settings, if they protect more namespaces"
    )
    output.add_argument(parser)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Explain. Exit code 1 when it does not exist or cannot be read."""
    try:
        settings = _settings(options)
    except (OSError, UnicodeDecodeError, InvalidSpec) as error:
        return session.fail(f"{options.config}: {error}", code=2)
    return session.run(options, partial(_explain, options, settings))


async def _explain(options: argparse.Namespace, settings: Settings, client: "ClusterClient") -> int:
    kind, name = options.what
    namespace = session.namespace_of(options)
    reader = Reader(client, client.clock, settings)
    has_budget = await reader.read_epoch()
    if kind == "Remediation":
        explained = await _explain_remediation(reader, namespace, name)
        text, document = incident_text.text(explained), documents.of_incident(explained)
    elif kind in ("Job", "CronJob"):
        story = await batch_objects.explain(reader, kind, namespace, name)
        text, document = jobs.text(story), jobs.document(story)
    else:
        seen = await _explain_workload(reader, WorkloadRef(kind=kind, namespace=namespace, name=name))
        text, document = overview_text.text(seen), documents.of_overview(seen)
    remarks = notes(await reader.leader(), settings.namespace, client.clock.now(), has_budget=has_budget)
    remarks += reader.kube.unseen
    output.write(options, [*text, *(f"note: {remark}" for remark in remarks)], document | {"notes": remarks})
    return 0


def notes(leader: Leader | None, namespace: str, now: datetime, *, has_budget: bool) -> list[str]:
    """What keeps everything from happening, whatever is decided: no ActionBudget, nobody who leads."""
    answer = []
    if not has_budget:
        answer.append(f"there is no ActionBudget in namespace {namespace} that can be read, so no operator acts")
    if leader is not None and not leader.leads(now):
        since = f"; the Lease was last renewed at {lines.moment(leader.renewed_at, now)}" if leader.renewed_at else ""
        answer.append(f"no operator leads in namespace {namespace}, so nothing happens until one does{since}")
    return answer


async def _explain_remediation(reader: Reader, namespace: str, name: str) -> incident.Incident:
    return await _explained(reader, await read_remediation(reader.kube, namespace, name))


async def _explained(reader: Reader, remediation: Remediation) -> incident.Incident:
    return incident.explain(await reader.situation(remediation), reader.clock.now())


async def _explain_workload(reader: Reader, target: WorkloadRef) -> overview.Overview:
    snapshot = await reader.read_snapshot(target)
    siblings = [
        remediation
        for remediation in await read_remediations(reader.kube, target.namespace)
        if (remediation.spec.target_ref.kind, remediation.spec.target_ref.name) == (target.kind, target.name)
    ]
    if snapshot.workload is None and not siblings:
        raise session.NothingToTellError(f"there is no {target.kind} {target.namespace}/{target.name}")
    resolved_policies, now = await reader.resolved_policies(target.namespace), reader.clock.now()
    opened = [sibling for sibling in siblings if sibling.status.state != "Closed"]
    facts = _facts_by_policy(opened)
    off = await _switched_off(reader, target)
    candidates = judge(resolved_policies, target, snapshot, facts, now) if snapshot.workload is not None else ()
    candidates = with_strays(candidates, reader.untargeted)
    incidents = [await _explained(reader, remediation) for remediation in opened]
    known = [resolved for resolved in resolved_policies if isinstance(resolved, ResolvedPolicy)]
    imagined = [await _explained(reader, candidate) for candidate in _to_open(target, candidates, known, siblings, now)]
    acting = next((remediation for remediation in opened if remediation.spec.mode != "Observe"), None)
    goal, undo = overview.find_undo_goal(target, snapshot, acting, reader.settings, now)
    return overview.Overview(
        target=target,
        exists=snapshot.workload is not None,
        replicas=_replicas(snapshot),
        why=(*overview.conclude(snapshot, candidates, incidents, imagined), *switches.describe(off)),
        pods=shown(snapshot.pods, now),
        candidates=candidates,
        open=tuple(incidents),
        would_open=tuple(imagined),
        closed=tuple(_newest_closed(siblings)),
        records=overview.without_templates(snapshot.records),
        live_template=snapshot.workload.template_hash if snapshot.workload is not None else "",
        undo_goal=goal,
        undo=undo,
        now=now,
    )


def _facts_by_policy(opened: Sequence[Remediation]) -> dict[str, list[Evidence]]:
    """What is on record of the open incidents, by the policy that looked for it."""
    facts: dict[str, list[Evidence]] = {}
    for remediation in opened:
        known = facts.setdefault(remediation.policy_key, [])
        known += remediation.status.evidence or (remediation.spec.signal,)
    return facts


async def _switched_off(reader: Reader, target: WorkloadRef) -> list[switches.Switch]:
    """What keeps this very workload from being healed, although nothing may be wrong with it now."""
    resource = kube.WORKLOADS[target.kind]
    namespace = await reader.kube.get(kube.NAMESPACES, "", target.namespace)
    try:
        workload = [await reader.kube.get(resource, target.namespace, target.name)]
    except kube.NotFound:
        workload = []
    return switches.find([namespace], [], {resource: workload}, reader.clock.now())


def _to_open(
    target: WorkloadRef,
    candidates: Sequence[Candidate],
    resolved_policies: Sequence[ResolvedPolicy],
    siblings: Sequence[Remediation],
    now: datetime,
) -> list[Remediation]:
    """The Remediations that the operator would open on what is seen now, as they would be."""
    policies = {resolved.policy.key: resolved.policy for resolved in resolved_policies}
    matching = {candidate.key: candidate.signals for candidate in candidates if candidate.matches and candidate.signals}
    acting = opening.choose([policies[key] for key in matching])
    created = []
    for resolved in resolved_policies:
        policy, holding = resolved.policy, matching.get(resolved.policy.key)
        if not holding or resolved.runbook is None or (policy.mode != "Observe" and policy != acting):
            continue
        facts = [signals.as_evidence(signal, now) for signal in holding]
        step = opening.receive(target, facts, policy, resolved.runbook, siblings, policies, None, now)
        if isinstance(step, opening.Create):
            remediation = Remediation(
                namespace=step.namespace, name=step.name, uid="", resource_version="", spec=step.spec
            )
            created.append(remediation)
    return created


def _replicas(snapshot: Snapshot) -> str:
    workload = snapshot.workload
    if workload is None:
        return ""
    wanted, updated, available = workload.replicas, workload.updated_replicas, workload.available_replicas
    return f"{wanted} replicas wanted, {updated} updated, {available} available"


def _newest_closed(siblings: Sequence[Remediation]) -> list[Remediation]:
    closed = [(sibling.status.closed_at, sibling) for sibling in siblings if sibling.status.closed_at is not None]
    return [remediation for _, remediation in sorted(closed, key=lambda pair: pair[0], reverse=True)]


def _settings(options: argparse.Namespace) -> Settings:
    """What of the operator's settings bears on decisions."""
    if options.config is None:
        return Settings(namespace=options.operator_namespace)
    config = load_config(options.config.read_text(encoding="utf-8"))
    return Settings(
        namespace=config.namespace,
        healthy_for=config.healthy_for,
        protected_namespaces=frozenset(config.protected_namespaces),
    )
