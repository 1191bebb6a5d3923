"""What every EscalationPolicy says, and which of its sinks can tell nobody: read and checked."""

from dataclasses import dataclass, replace

from platelet.api.kinds import caveats
from platelet.api.kinds.caveats import Caveat
from platelet.api.kinds.conditions import Readiness
from platelet.api.kinds.escalation_policy import EscalationPolicy, read_escalation_policy
from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.kinds.policy import LoadedPolicy
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.shell.kube import ESCALATION_POLICIES, ApiError, Json, NotFound, Reads, Refused
from platelet.shell.store.policy_references import PolicyReferences


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """One as it is stored, or why it cannot be followed."""

    escalation: EscalationPolicy | None
    fault: Caveat | None = None  # of the policy that refers to it


def read(loaded: LoadedPolicy, stored: Json | None) -> Referred:
    """Read the one that a policy refers to; None: there is none of that name."""
    if stored is None:
        return Referred(escalation=None, fault=caveats.no_escalation_policy(loaded.escalation, loaded.policy.namespace))
    try:
        return Referred(escalation=read_escalation_policy(stored))
    except InvalidSpec as error:
        return Referred(escalation=None, fault=caveats.bad_escalation_policy(loaded.escalation, str(error)))


def follow(loaded: LoadedPolicy, referred: Referred) -> LoadedPolicy:
    """The policy with the levels and sinks that it refers to."""
    if referred.escalation is None:
        return loaded
    escalation = referred.escalation
    policy = replace(
        loaded.policy,
        sinks=escalation.sinks,
        levels=escalation.levels,
        templates=escalation.templates,
        callbacks=frozenset(escalation.callbacks),
    )
    return replace(loaded, policy=policy)


async def list_all(kube: Reads) -> list[Json]:
    """List all; none where CRDs or roles are older than the operator: that keeps nothing else from working."""
    try:
        return await kube.list(ESCALATION_POLICIES)
    except (NotFound, Refused):
        return []


async def judge(
    stored: Json, outside: Outside | None, references: PolicyReferences | None
) -> tuple[Readiness, tuple[Caveat, ...] | None]:
    """Judge one; without `references`, or where they cannot be looked up now, its caveats are not known."""
    try:
        escalation = read_escalation_policy(stored)
    except InvalidSpec as error:
        return Readiness(ready=False, reason=reasons.INVALID_SPEC, message=str(error)), ()
    levels = len(escalation.levels)
    readiness = Readiness(ready=True, reason=reasons.READY, message="1 level" if levels == 1 else f"{levels} levels")
    if references is None:
        return readiness, None
    try:
        faults = await references.faults_of(escalation)
        key_faults = await references.key_faults_of(escalation)
    except ApiError:
        return readiness, None
    return readiness, caveats.find_in_escalation(escalation, outside, faults, key_faults)
