"""A runbook by hand: choose the policy that sets its limits, create the Remediation, and follow it."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from platelet.api.kinds import parameters
from platelet.api.kinds import remediation as contract
from platelet.api.kinds import runbook as runbook_contract
from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.cli import output, session, terminal
from platelet.cli.reading import Reader
from platelet.cli.session import NothingToTellError
from platelet.explain import eligibility
from platelet.explain.eligibility import Unread
from platelet.model import reasons
from platelet.model.durations import format_duration, say_time
from platelet.model.policy import Policy, Settings
from platelet.model.remediation import RemediationStatus
from platelet.model.snapshot import Snapshot
from platelet.model.workload import WorkloadRef
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_PAUSE = 1.0  # seconds between two looks
_GOOD_ENDS = (reasons.RECOVERED, reasons.WOULD_HAVE_ACTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    target: WorkloadRef
    runbook: str
    policy: str = ""  # name, or namespace/name; empty: the one that would act anyway
    observe: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


async def ask(options: argparse.Namespace, client: "ClusterClient") -> int:
    """Create the Remediation. Exit code 1 when it cannot be, or when it was waited for and did not recover."""
    kind, name = options.what
    target = WorkloadRef(kind=kind, namespace=session.namespace_of(options), name=name)
    reader = Reader(client, client.clock, Settings(namespace=options.operator_namespace))
    snapshot = await reader.read_snapshot(target)
    if snapshot.workload is None:
        raise NothingToTellError(f"there is no {kind} {target.namespace}/{name}")
    wish = Wish(
        target=target,
        runbook=options.runbook,
        policy=options.policy or "",
        observe=options.observe,
        parameters=with_numbers(dict(options.parameters), snapshot),
    )
    policy = choose_policy(wish, await reader.resolved_policies(target.namespace), snapshot)
    waits = options.wait or options.observe
    if waits:
        await _expect_an_operator(reader)
    place = await _find_runbook(reader, wish, policy)
    body = remediation(wish, policy, place, await session.read_user(client), options.reason)
    created = await client.create(kube.REMEDIATIONS, target.namespace, body, agent="cli")
    document = {
        "remediation": {"namespace": target.namespace, "name": created["metadata"]["name"]},
        "spec": body["spec"],
    }
    if waits:
        return await _follow(options, client, document)
    output.write(options, text(document), document)
    return 0


def choose_policy(wish: Wish, resolved_policies: Sequence[ResolvedPolicy | Unread], snapshot: Snapshot) -> Policy:
    """The policy that sets mode and limits. Raises NothingToTellError that says why there is none."""
    known = [resolved for resolved in resolved_policies if isinstance(resolved, ResolvedPolicy)]
    if wish.policy:
        return _named(wish, resolved_policies, snapshot)
    fit = [resolved for resolved in known if not eligibility.unfit(resolved, wish.target, snapshot)]
    acting = [resolved.policy for resolved in fit if wish.observe or resolved.policy.mode != "Observe"]
    own = [resolved.policy for resolved in fit if resolved.policy in acting and resolved.loaded.runbook == wish.runbook]
    if not acting:
        ready = "" if not fit else " that may act; those that are for it only observe: ask with --observe"
        raise NothingToTellError(
            f"no policy that is ready is for {wish.target}{ready}, so nothing would set its limits;"
            f" why: platelet explain {wish.target.kind.lower()}/{wish.target.name} -n {wish.target.namespace}"
        )
    return min(own or acting, key=lambda policy: (-policy.priority, policy.name, policy.namespace))


def _named(wish: Wish, resolved_policies: Sequence[ResolvedPolicy | Unread], snapshot: Snapshot) -> Policy:
    key = wish.policy if "/" in wish.policy else f"{wish.target.namespace}/{wish.policy}"
    for resolved in resolved_policies:
        if isinstance(resolved, Unread) and resolved.key == key:
            raise NothingToTellError(f"policy {key}: {resolved.because}")
        if isinstance(resolved, ResolvedPolicy) and resolved.policy.key == key:
            obstacles = eligibility.unfit(resolved, wish.target, snapshot)
            if obstacles:
                raise NothingToTellError(f"policy {key} is not for {wish.target}: {'; '.join(obstacles)}")
            if resolved.policy.mode == "Observe" and not wish.observe:
                raise NothingToTellError(f"policy {key} is in mode Observe and does nothing: ask with --observe")
            return resolved.policy
    raise NothingToTellError(f"there is no RemediationPolicy {key} that reaches namespace {wish.target.namespace}")


async def _expect_an_operator(reader: Reader) -> None:
    """Nobody waits for an answer that nobody gives. Raises NothingToTellError."""
    leader = await reader.leader()
    if leader is not None and not leader.leads(reader.clock.now()):
        where = reader.settings.namespace
        raise NothingToTellError(
            f"no operator leads in namespace {where}, so nobody would answer; nothing was created: platelet doctor"
        )


def with_numbers(given: Mapping[str, str], snapshot: Snapshot) -> dict[str, str]:
    """Give the revision by its number, whether it was named so or by its ReplicaSet or ControllerRevision.

    Where none could be read the number is left to the operator. Raises NothingToTellError for one that is not there.
    """
    wanted = given.get("revision", "")
    if not wanted or (wanted.isdigit() and not snapshot.revisions):
        return dict(given)
    revision = next(
        (revision for revision in snapshot.revisions if wanted in (revision.name, str(revision.number))), None
    )
    if revision is None:
        known = ", ".join(f"{revision.name} ({revision.number})" for revision in snapshot.revisions) or "none"
        raise NothingToTellError(f"there is no revision {wanted}; there are: {known}")
    return {**given, "revision": str(revision.number)}


async def _find_runbook(reader: Reader, wish: Wish, policy: Policy) -> str:
    """Where the Runbook is: beside the workload, or beside the policy; it takes the parameters that are given."""
    for namespace in dict.fromkeys((wish.target.namespace, policy.namespace)):
        try:
            stored = await reader.kube.get(kube.RUNBOOKS, namespace, wish.runbook)
        except kube.NotFound:
            continue
        try:
            parameters.apply(runbook_contract.read_runbook(stored).steps, wish.parameters)
        except InvalidSpec as error:
            raise NothingToTellError(f"Runbook {namespace}/{wish.runbook}: {error}") from None
        return namespace
    namespace = wish.target.namespace
    raise NothingToTellError(
        f"there is no Runbook {namespace}/{wish.runbook}; list them: kubectl get runbooks -n {namespace}"
    )


def remediation(wish: Wish, policy: Policy, runbook_namespace: str, user: str, reason: str) -> dict[str, Any]:
    """The object to create. It carries no steps: the operator pins the Runbook's at its first look."""
    target = wish.target
    return {
        "apiVersion": kube.REMEDIATIONS.api_version,
        "kind": kube.REMEDIATIONS.kind,
        "metadata": {"namespace": target.namespace, "generateName": f"{target.kind.lower()}-{target.name}-by-hand-"},
        "spec": {
            "targetRef": {"kind": target.kind, "name": target.name},
            "policyRef": {"namespace": policy.namespace, "name": policy.name, "uid": policy.uid},
            "runbookRef": {"namespace": runbook_namespace, "name": wish.runbook},
            "mode": "Observe" if wish.observe else policy.mode,
            "requestedBy": user,
            **({"reason": reason} if reason else {}),
            **({"parameters": dict(wish.parameters)} if wish.parameters else {}),
        },
    }


def text(document: Mapping[str, Any]) -> list[str]:
    """What was created, and how to follow it."""
    ref, spec = document["remediation"], document["spec"]
    policy = f"{spec['policyRef']['namespace']}/{spec['policyRef']['name']}"
    given = "".join(f" with {name}={value}" for name, value in spec.get("parameters", {}).items())
    what = f"runbook {spec['runbookRef']['name']}{given} in mode {spec['mode']}, within the limits of policy {policy}"
    return [
        f"created remediation/{ref['name']}: {what}",
        f"to follow it: platelet explain remediation/{ref['name']} -n {ref['namespace']}",
    ]


async def _follow(options: argparse.Namespace, client: "ClusterClient", document: dict[str, Any]) -> int:
    """Say each change of state, until it is over for now."""
    ref, aloud = document["remediation"], not options.output
    if aloud:
        terminal.write(text(document), sys.stdout)
    last_line, ends_at = "", client.clock.now() + options.timeout
    while True:
        followed = contract.read_remediation(await client.get(kube.REMEDIATIONS, ref["namespace"], ref["name"]))
        status, now = followed.status, client.clock.now()
        line = f"{status.state}  {': '.join(part for part in (status.reason, status.message) if part)}".rstrip()
        if aloud and status.opened_at is not None and line != last_line:
            terminal.write([f"{say_time(now)}  {line}"], sys.stdout)
            sys.stdout.flush()
            last_line = line
        code = outcome(status)
        if code is not None:
            if not aloud:
                output.write(options, (), document | {"status": contract.write_status(status)})
            return code
        if now >= ends_at:
            waits = last_line or "no operator has looked at it"
            return session.fail(
                f"still not over after {format_duration(options.timeout)} ({waits}); it goes on without us"
            )
        await asyncio.sleep(_PAUSE)


def outcome(status: RemediationStatus) -> int | None:
    """The exit code once it is settled: 0 when it has recovered (or told what it would do), else 1; None before."""
    if status.state == "Monitoring":
        return 0
    if status.state == "Closed":
        return 0 if status.reason in _GOOD_ENDS else 1
    return 1 if status.state == "Escalated" else None
