"""The arrow MATCH: a fact about a target opens a Remediation, or is merged into the one that is open.

A target has at most one open Remediation that may act. Observing policies record beside it, in a series of their own.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from platelet.api.kinds.runbook import Runbook
from platelet.core import alert_episodes, earlier_incidents, notices, record, target_state
from platelet.model import reasons
from platelet.model.policy import ACTING, Policy
from platelet.model.remediation import (
    BEFORE_ACTING,
    PinnedRef,
    Remediation,
    RemediationSpec,
    RemediationStatus,
    TargetRef,
)
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef

_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Open a new Remediation under this name; a collision means that another creator was faster: look again."""

    namespace: str
    name: str
    spec: RemediationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Store this status on an existing Remediation."""

    remediation: Remediation
    status: RemediationStatus


def choose(policies: Iterable[Policy]) -> Policy | None:
    """Of several matching policies one acts: ready, in Approve or Enforce, the highest priority, then the name."""
    acting = [policy for policy in policies if policy.ready and policy.mode in ACTING]
    return min(acting, key=lambda policy: (-policy.priority, policy.name, policy.namespace), default=None)


def series(target: WorkloadRef, policy: Policy) -> str:
    """The prefix of the names of a target's Remediations; numbers follow. Observing ones name their policy."""
    return _prefix(target, *([policy.name, "observed"] if policy.mode == "Observe" else []))


def _prefix(target: WorkloadRef, *words: str) -> str:
    name = "-".join((target.kind.lower(), target.name, *words))
    if len(name) > _NAME_LENGTH:
        name = f"{name[:_NAME_LENGTH]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}-"


def receive(  # noqa: PLR0913 - a fact, its policy, and what is on record
    target: WorkloadRef,
    facts: Sequence[Evidence],
    policy: Policy,
    runbook: Runbook,
    others: Sequence[Remediation],
    incumbents: Mapping[str, Policy],
    live_template: str | None,
    now: datetime,
) -> Create | Update | None:
    """What facts lead to, given all Remediations of the namespace. None: they are on record already, or end nothing.

    A new Remediation opens with the first of them; asked again, the others are merged into it.
    `incumbents` are all policies by key: until its first attempt, an open Remediation yields to a policy that outranks
    its own. `live_template` is the hash of the target's template now, which tells a recurrence from a new incident.
    """
    siblings = [other for other in others if other.target == target and _same_series(other, policy)]
    opened = [sibling for sibling in siblings if sibling.status.state != "Closed"]
    current = min(opened, key=lambda sibling: sibling.spec.by_hand, default=None)
    if current is not None:
        firing = [fact for fact in facts if fact.resolved_at is None]
        if firing and _outranks(policy, current, incumbents, firing, now):
            return _cancelled(current, policy, now)
        if any(_is_another_incident(fact, current, live_template, now) for fact in facts):
            ended = reasons.RECOVERED if current.status.state == "Monitoring" else reasons.CANCELLED
            closed = record.close(current.status, ended, "something else was released meanwhile", now)
            return Update(remediation=current, status=notices.announce_end(closed, current.uid, now))
        known = merged = record.with_opening_evidence(current)
        for fact in facts:
            merged = record.merge_evidence(merged, fact)
        return Update(remediation=current, status=merged) if merged != known else None
    first = next((fact for fact in facts if fact.resolved_at is None and not _is_over(fact, siblings)), None)
    if first is None:
        return None
    number = _next_number(series(target, policy), others)
    return _create(target, first, policy, runbook, siblings, live_template, number, now)


def is_merged(step: Create | Update | None) -> bool:
    """Whether facts only become part of what is open, if anything comes of them at all."""
    return step is None or (isinstance(step, Update) and step.status.state != "Closed")


def _create(  # noqa: PLR0913 - a fact, its policy, and what is on record
    target: WorkloadRef,
    fact: Evidence,
    policy: Policy,
    runbook: Runbook,
    siblings: Sequence[Remediation],
    live_template: str | None,
    number: int,
    now: datetime,
) -> Create:
    before, first_step = earlier_incidents.find(siblings, policy, runbook, live_template, now)
    return Create(
        namespace=target.namespace,
        name=f"{series(target, policy)}{number}",
        spec=RemediationSpec(
            target_ref=TargetRef(kind=target.kind, name=target.name),
            policy_ref=PinnedRef(namespace=policy.namespace, name=policy.name, uid=policy.uid),
            runbook_ref=PinnedRef(
                namespace=runbook.namespace, name=runbook.name, uid=runbook.uid, generation=runbook.generation
            ),
            mode=policy.mode,
            signal=fact,
            continues=before.name if before else "",
            first_step=first_step,
            steps=runbook.steps,
        ),
    )


def _same_series(remediation: Remediation, policy: Policy) -> bool:
    if policy.mode != "Observe":
        return remediation.spec.mode != "Observe"
    mine = remediation.spec.policy_ref
    same = (mine.namespace or remediation.namespace, mine.name) == (policy.namespace, policy.name)
    return remediation.spec.mode == "Observe" and same


def _outranks(
    policy: Policy, current: Remediation, incumbents: Mapping[str, Policy], facts: Sequence[Evidence], now: datetime
) -> bool:
    """Until the first attempt the acting policy is chosen anew, afterwards it is fixed; by hand people choose it.

    What people have already is taken up again only by a higher priority, on a fact that holds.
    """
    if current.spec.by_hand or policy.mode == "Observe":
        return False
    incumbent = incumbents.get(f"{current.spec.policy_ref.namespace}/{current.spec.policy_ref.name}")
    if incumbent is None or policy.key == incumbent.key or choose([policy, incumbent]) != policy:
        return False
    if current.status.state == "Escalated":
        holds = any(fact.holds_at is None or fact.holds_at <= now for fact in facts)
        return holds and policy.priority > incumbent.priority
    return current.status.state in BEFORE_ACTING and not current.status.attempts


def _cancelled(current: Remediation, policy: Policy, now: datetime) -> Update:
    message = f"policy {policy.key} takes precedence"
    closed = record.close(current.status, reasons.CANCELLED, message, now)
    return Update(remediation=current, status=notices.announce_end(closed, current.uid, now))


def _is_another_incident(fact: Evidence, current: Remediation, live_template: str | None, now: datetime) -> bool:
    """Whether a target fails because people have released something else since our act, verified or not.

    The template that our act left there, or one that our undo left and others put back, belongs to the old incident.
    """
    status = current.status
    if status.state not in ("Monitoring", "Verifying") or fact.resolved_at is not None or live_template is None:
        return False
    known = {target_state.expected_template(status), *target_state.replaced_templates(status)}
    return live_template not in known and (fact.holds_at is None or fact.holds_at <= now)


def _is_over(fact: Evidence, siblings: Sequence[Remediation]) -> bool:
    """A late duplicate of an alert that has resolved opens nothing."""
    return any(alert_episodes.is_late(fact, known) for sibling in siblings for known in sibling.status.evidence)


def _next_number(prefix: str, others: Sequence[Remediation]) -> int:
    """The next of all in the namespace: `api` observed by `x-y` is called as `api-x` is that is observed by `y`."""
    tails = [other.name.removeprefix(prefix) for other in others if other.name.startswith(prefix)]
    return max((int(tail) for tail in tails if tail.isdigit()), default=0) + 1


def adopt(target: WorkloadRef, attempt: str, policy: str, others: Sequence[Remediation], now: datetime) -> Create:
    """Open a Remediation whose only task is a revert that has outlived its own, whatever became of the policy.

    `policy` is its key, `namespace/name`.
    """
    namespace, _, name = policy.partition("/")
    prefix = _prefix(target)
    return Create(
        namespace=target.namespace,
        name=f"{prefix}{_next_number(prefix, others)}",
        spec=RemediationSpec(
            target_ref=TargetRef(kind=target.kind, name=target.name),
            policy_ref=PinnedRef(namespace=namespace, name=name or "none"),
            runbook_ref=PinnedRef(namespace=namespace, name="none"),
            mode="Enforce",
            signal=Evidence(
                source="revert",
                reason=reasons.REVERTED,
                fingerprint=record.clip(f"revert/{attempt}", 256),
                message="a temporary change outlived its Remediation and is to be reverted",
                first_seen=now,
                last_seen=now,
            ),
        ),
    )
