"""How much of what a policy is for is sick, in all its namespaces: what the brake against a common cause asks (I8)."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from platelet import actions
from platelet.api import workloads
from platelet.core import causes
from platelet.guards import max_unhealthy
from platelet.model.policy import ACTING, Scope
from platelet.model.remediation import BEFORE_ACTING, Remediation
from platelet.model.situation import Situation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell.kube import REMEDIATIONS, WORKLOADS, Json, Kube, Refused, Resource
from platelet.shell.policy_book import Standing
from platelet.shell.sight import see
from platelet.shell.survey import Survey, survey

_ONE_BY_ONE = 4  # namespaces; more are read in one list of all
_LOOKED_INTO = 20  # sick targets; of more it is not asked where their causes lie
_TROUBLED = (*BEFORE_ACTING, "Acting", "Verifying", "Escalated")


async def read_scope(kube: Kube, situation: Situation, standing: Standing | None, home: Survey) -> Scope | None:
    """All targets of the policy that want pods, and the sick ones: not Available, or with an incident that is not over.

    `home` are the Remediations of the target's own namespace. None where anything of it may not be read. Raises
    ApiError when a read fails otherwise.
    """
    if standing is None:
        return None
    try:
        surveys, listed = await asyncio.gather(
            _survey(kube, situation.target.namespace, standing.namespaces, home), _targets(kube, standing)
        )
        incidents = [each for found in surveys for each in found.open]
        unreadable = [each.target for found in surveys for each in found.open_unreadable if each.target is not None]
        scope = _count(situation.target, listed, _troubled(incidents).union(unreadable))
        scope = _note_what_is_told(scope, situation.remediation, incidents)
        return await _look_into(kube, situation, scope, incidents)
    except Refused:
        return None


async def _survey(kube: Kube, own: str, namespaces: Collection[str], home: Survey) -> list[Survey]:
    """The Remediations of all the policy's namespaces."""
    elsewhere = sorted({*namespaces} - {own})
    if len(elsewhere) > _ONE_BY_ONE:
        return [home, Survey(await _list(kube, REMEDIATIONS, elsewhere))]
    return [home, *await asyncio.gather(*(survey(kube, namespace) for namespace in elsewhere))]


async def _targets(kube: Kube, standing: Standing) -> list[tuple[WorkloadRef, Json]]:
    """All that the policy is for and that is there to stay."""
    chosen, namespaces = standing.loaded.targets, sorted(standing.namespaces)
    lists = await asyncio.gather(*(_list(kube, WORKLOADS[kind], namespaces) for kind in chosen.all_kinds))
    found = [(kind, each) for kind, stored in zip(chosen.all_kinds, lists, strict=True) for each in stored]
    return [
        (_ref(kind, each), each)
        for kind, each in found
        if "deletionTimestamp" not in each["metadata"]
        and chosen.matches(each["metadata"].get("labels") or {}, each["metadata"]["name"], kind)
    ]


async def _list(kube: Kube, resource: Resource, namespaces: Sequence[str]) -> list[Json]:
    if len(namespaces) > _ONE_BY_ONE:
        inside = set(namespaces)
        return [each for each in await kube.list(resource) if each["metadata"]["namespace"] in inside]
    lists = await asyncio.gather(*(kube.list(resource, namespace) for namespace in namespaces))
    return [each for stored in lists for each in stored]


def _troubled(incidents: Sequence[Remediation]) -> frozenset[WorkloadRef]:
    """What has an incident that is not over, of whichever policy."""
    return frozenset(
        each.target
        for each in incidents
        if each.status.state in _TROUBLED and not each.mere_request and each.status.quiet_since is None
    )


def _count(target: WorkloadRef, listed: Sequence[tuple[WorkloadRef, Json]], troubled: Collection[WorkloadRef]) -> Scope:
    """Count what wants pods: what is switched off cannot be sick, unless an incident says that it is."""
    total, sick = 0, {target}
    for ref, stored in listed:
        wanted, available = workloads.read_availability(ref.kind, stored)
        concerned = ref in troubled or ref == target
        total += wanted > 0 or concerned
        if concerned or (wanted > 0 and _is_unavailable(ref.kind, stored, wanted, available)):
            sick.add(ref)
    return Scope(total=total, sick=frozenset(sick))


def _is_unavailable(kind: Kind, stored: Json, wanted: int, available: int) -> bool:
    """By the workload's own word; the template is not looked at, so that 1,000 of them cost little.

    A Deployment says whether too many pods are missing. The other kinds only count, so one missing pod is enough.
    """
    if kind != "Deployment":
        return available < wanted
    conditions = (stored.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Available" and each.get("status") != "True" for each in conditions)


def _note_what_is_told(scope: Scope, mine: Remediation, incidents: Sequence[Remediation]) -> Scope:
    """Note what people hear of by another incident of the same policy."""
    policy = mine.spec.policy_ref.name, mine.spec.policy_ref.namespace or mine.namespace
    told, left = set(), set()
    for each in incidents:
        ref, held = each.spec.policy_ref, each.status.held
        if held is None or each.uid == mine.uid or (ref.name, ref.namespace or each.namespace) != policy:
            continue
        if held.told_at is not None:
            told.add(held.reason)
        elif each.status.state in BEFORE_ACTING and each.spec.mode in ACTING and _order(each) < _order(mine):
            left.add(held.reason)
    return replace(scope, told_by_others=frozenset(told), left_to_others=frozenset(left))


def _order(remediation: Remediation) -> tuple[bool, str, str]:
    opened_at = remediation.status.opened_at
    return opened_at is None, opened_at.isoformat() if opened_at else "", remediation.uid


async def _look_into(kube: Kube, situation: Situation, scope: Scope, incidents: Sequence[Remediation]) -> Scope:
    """Where the brake would hold an undo: which of the sick have their cause in a new template of their own."""
    others = sorted(scope.sick - {situation.target}, key=str)
    if not _is_held(situation, scope) or len(others) > _LOOKED_INTO or not causes.is_own(situation):
        return scope
    in_vain = {each.target for each in incidents if causes.was_acted_on_in_vain(each)}
    sights = await asyncio.gather(*(see(kube, ref, situation.settings.namespace) for ref in others))
    own = {
        ref
        for ref, sight in zip(others, sights, strict=True)
        if sight.workload is not None
        and causes.lies_in_template(sight.workload, sight.revisions, sight.pods, sight.records)
    }
    return replace(scope, at_fault=frozenset({*own, situation.target} - in_vain))


def _is_held(situation: Situation, scope: Scope) -> bool:
    policy, steps = situation.policy, situation.steps[situation.remediation.status.step :]
    undoes = any(actions.BY_KEY[step.action].traits_with(step.settings).heals_rollout for step in steps)
    return undoes and policy is not None and max_unhealthy.is_too_much(policy.limits.max_unhealthy, scope)


def _ref(kind: Kind, stored: Json) -> WorkloadRef:
    metadata = stored["metadata"]
    return WorkloadRef(kind=kind, namespace=metadata["namespace"], name=metadata["name"])
