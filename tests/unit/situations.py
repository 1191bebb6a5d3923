"""Builders of situations for tests: everything is well and allowed unless a test says otherwise.

`a_situation(**changes)` is a crash-looping Deployment `shop/api` whose second release is bad, with a policy in mode
Enforce, an empty budget and fresh reads at `NOW`: every guard allows the step's action. Each builder takes the fields
of its dataclass as keywords, so that a test names only what it is about.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from platelet import actions
from platelet.model.approval import Approval
from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.budget import Budget, BudgetSpec, BudgetStatus, Entry
from platelet.model.intent import PreState
from platelet.model.notification import Notification
from platelet.model.policy import ActionTraits, Limits, Policy, Scope, Settings, Step
from platelet.model.remediation import Attempt, PinnedRef, Remediation, RemediationSpec, RemediationStatus, TargetRef
from platelet.model.revision import RevisionRecord
from platelet.model.signal import Evidence, Signal
from platelet.model.situation import Knowledge, Ladder, OtherIncidents, OwnWrites, Situation, Surroundings
from platelet.model.snapshot import Snapshot
from platelet.model.verdict import Deny
from platelet.model.verifying import Verifying
from platelet.model.workload import Container, Pod, Revision, Workload, WorkloadRef
from platelet.sinks.webhook import Webhook
from tests.unit.pins import restored

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RELEASED = NOW - timedelta(minutes=5)  # the bad release
BORN = NOW - timedelta(days=3)  # the good one before it
A_MINUTE_AGO = NOW - timedelta(minutes=1)
GOOD, BAD = "good", "bad"  # template hashes
TARGET = WorkloadRef(kind="Deployment", namespace="shop", name="api")
UNDO = ActionTraits(name="rolloutUndo", changes_template=True, heals_rollout=True)
RESTART = ActionTraits(name="rolloutRestart")
SCALE = ActionTraits(name="scale", changes_replicas=True)


def seconds(count: float) -> timedelta:
    """Count seconds."""
    return timedelta(seconds=count)


def minutes(count: float) -> timedelta:
    """Count minutes."""
    return timedelta(minutes=count)


def a_workload(**changes: Any) -> Workload:
    """Build a Deployment `shop/api` of 2 replicas with its bad release rolled out completely (TRAPS 39)."""
    workload = Workload(
        ref=TARGET,
        uid="uid-api",
        resource_version="100",
        generation=2,
        observed_generation=2,
        created_at=BORN,
        selector={"matchLabels": {"app": "api"}},
        replicas=2,
        template_hash=BAD,
        status_replicas=2,
        updated_replicas=2,
        conditions={
            "Progressing": ("True", "NewReplicaSetAvailable"),
            "Available": ("False", "MinimumReplicasUnavailable"),
        },
    )
    return replace(workload, **changes)


def a_well_workload(**changes: Any) -> Workload:
    """Build the same Deployment with everything available."""
    well: dict[str, Any] = {
        "template_hash": GOOD,
        "ready_replicas": 2,
        "available_replicas": 2,
        "conditions": {
            "Progressing": ("True", "NewReplicaSetAvailable"),
            "Available": ("True", "MinimumReplicasAvailable"),
        },
    }
    return a_workload(**(well | changes))


def a_stateful_set(**changes: Any) -> Workload:
    """Build an ordered StatefulSet `shop/db` of 3 replicas whose bad release is rolled out completely."""
    known: dict[str, Any] = {
        "ref": WorkloadRef(kind="StatefulSet", namespace="shop", name="db"),
        "uid": "uid-db",
        "conditions": {},
        "ordered": True,
        "current_revision": "db-new",
        "update_revision": "db-new",
        **dict.fromkeys(("replicas", "status_replicas", "updated_replicas"), 3),
    }
    return a_workload(**(known | changes))


def a_daemon_set(**changes: Any) -> Workload:
    """Build a DaemonSet `shop/agent` on 3 nodes whose bad release is rolled out completely."""
    known: dict[str, Any] = {
        "ref": WorkloadRef(kind="DaemonSet", namespace="shop", name="agent"),
        "uid": "uid-agent",
        "conditions": {},
        **dict.fromkeys(("replicas", "status_replicas", "updated_replicas"), 3),
    }
    return a_workload(**(known | changes))


def bounds(least: int | None = 2, most: int | None = 10, **changes: Any) -> Bounds:
    """Build the bounds of the HPA `api-hpa`."""
    usual = Bounds(kind="HorizontalPodAutoscaler", name="api-hpa", uid="uid-hpa", min=least, max=most)
    return replace(usual, **changes)


def an_autoscaler(its_bounds: Bounds | None = None, **changes: Any) -> Autoscaler:
    """Build the HPA of `shop/api`, which asks for 2 to 10 replicas."""
    its_bounds = its_bounds or bounds()
    least, most = (1, 1) if its_bounds.kind == "HorizontalPodAutoscaler" else (0, 100)
    known = Autoscaler(
        bounds=its_bounds,
        resource_version="50",
        least=least if its_bounds.min is None else its_bounds.min,
        most=most if its_bounds.max is None else its_bounds.max,
    )
    return replace(known, **changes)


def a_revision(number: int, template_hash: str, **changes: Any) -> Revision:
    """Build a revision named after its number, without replicas."""
    revision = Revision(
        name=f"api-{number}",
        uid=f"uid-rs-{number}",
        number=number,
        replicas=0,
        created_at=BORN,
        template_hash=template_hash,
        revision_hash=f"pth-{number}",
    )
    return replace(revision, **changes)


def a_record(template_hash: str = GOOD, **changes: Any) -> RevisionRecord:
    """Build a Healthy revision record named after its hash."""
    record = RevisionRecord(
        name=f"api-{template_hash}",
        resource_version="1",
        target=TARGET,
        template_hash=template_hash,
        first_seen=BORN,
        health="Healthy",
        health_since=BORN + minutes(10),
        ever_healthy=True,
    )
    return replace(record, **changes)


def a_container(**changes: Any) -> Container:
    """Build a container that has run since the bad release without a restart."""
    return replace(Container(name="app", ready=True, state="running", started_at=RELEASED), **changes)


def a_pod(name: str = "api-2-a", **changes: Any) -> Pod:
    """Build a ready pod of the newest revision."""
    pod = Pod(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        created_at=RELEASED,
        resource_version="41",
        phase="Running",
        revision_hash="pth-2",
        node="node-1",
        ready=True,
        ready_changed_at=RELEASED,
        containers=(a_container(),),
    )
    return replace(pod, **changes)


def a_sick_pod(name: str = "api-2-a", **changes: Any) -> Pod:
    """Build a crash-looping pod of the newest revision."""
    crashing = a_container(
        ready=False,
        restarts=4,
        state="waiting",
        reason="CrashLoopBackOff",
        started_at=None,
        last_reason="Error",
        last_exit_code=1,
        last_started_at=NOW - seconds(40),
        last_finished_at=NOW - seconds(30),
    )
    return a_pod(name, **({"ready": False, "containers": (crashing,)} | changes))


def a_signal(**changes: Any) -> Signal:
    """Build a crash loop of two pods of the newest revision that has held for four minutes."""
    signal = Signal(
        source="pod",
        reason="CrashLoopBackOff",
        fingerprint="CrashLoopBackOff",
        message="2 pods crash-loop",
        since=RELEASED,
        holds_at=RELEASED + minutes(1),
        pods=("api-2-a", "api-2-b"),
        newest_only=True,
    )
    return replace(signal, **changes)


def an_alert(**changes: Any) -> Signal:
    """Build an alert that fires on the workload."""
    alert: dict[str, Any] = {
        "source": "alert",
        "reason": "ApiDown",
        "fingerprint": "f00d+2026-11-21T11:55:00Z",
        "message": "ApiDown fires",
        "pods": (),
        "newest_only": False,
    }
    return a_signal(**(alert | changes))


def evidence_of(signal: Signal, **changes: Any) -> Evidence:
    """Build a signal as a Remediation keeps it, last seen now."""
    evidence = Evidence(
        source=signal.source,
        reason=signal.reason,
        fingerprint=signal.fingerprint,
        message=signal.message,
        first_seen=signal.since,
        last_seen=NOW,
        holds_at=signal.holds_at,
    )
    return replace(evidence, **changes)


def a_policy(**changes: Any) -> Policy:
    """Build a policy `shop/heal-api` in mode Enforce with default limits."""
    return replace(Policy(namespace="shop", name="heal-api", uid="uid-policy", mode="Enforce"), **changes)


def a_listening_policy(**changes: Any) -> Policy:
    """Build the same policy with a webhook."""
    return a_policy(sinks={"webhook": Webhook(url="https://hooks.example.com/oncall")}, **changes)


def a_notification(**changes: Any) -> Notification:
    """Build what the webhook is still to be told of an escalation; it was not tried yet."""
    notification = Notification(
        id="rem-1/escalated", sink="webhook", kind="Escalated", reason="NoStepLeft", message="m", at=A_MINUTE_AGO
    )
    return replace(notification, **changes)


def an_approval(**changes: Any) -> Approval:
    """Build the question for a restart, asked a minute ago and open for half an hour."""
    asked = Approval(
        token="1-1-abc",
        attempt="rem-1/1/1",
        step=0,
        step_name="restart",
        action="rolloutRestart",
        summary="restart it",
        why="the policy's mode is Approve",
        plan_hash="abc",
        pre=PreState(uid="uid-api", generation=1, template_hash="t", replicas=2),
        changes=(),
        asked_at=A_MINUTE_AGO,
        expires_at=A_MINUTE_AGO + minutes(30),
    )
    return replace(asked, **changes)


def limits(**changes: Any) -> Limits:
    """Build the default limits, changed."""
    return replace(Limits(), **changes)


def a_step(action: str = "rolloutUndo", settings: Any = None, **changes: Any) -> Step:
    """Build a step named after its action, with the default verification."""
    known = actions.BY_KEY[action]
    traits = known.traits if settings is None else known.traits_with(settings)
    return replace(Step(name=action, action=action, settings=settings, traits=traits), **changes)


def an_attempt(**changes: Any) -> Attempt:
    """Build an undo of this remediation, from the bad to the good template, done a minute ago."""
    attempt = Attempt(
        id="rem-1/0/1",
        step=0,
        action="rolloutUndo",
        summary="undo",
        phase="Done",
        intended_at=A_MINUTE_AGO,
        outcome_at=A_MINUTE_AGO,
        pre=PreState(uid="uid-api", generation=2, template_hash=BAD, replicas=2),
        changes=restored(GOOD, "api-good"),
    )
    return replace(attempt, **changes)


def a_status(**changes: Any) -> RemediationStatus:
    """Build the status of a Remediation that waits at its first step."""
    status = RemediationStatus(opened_at=RELEASED + minutes(1), evidence=(evidence_of(a_signal()),))
    return replace(status, **changes)


def verifying(started_at: datetime = A_MINUTE_AGO, complete_at: datetime | None = None) -> Verifying:
    """Build the clocks of a verification."""
    return Verifying(started_at=started_at, complete_at=complete_at)


def a_remediation(**changes: Any) -> Remediation:
    """Build the Remediation `shop/deployment-api-1` with uid `rem-1`."""
    remediation = Remediation(
        namespace="shop",
        name="deployment-api-1",
        uid="rem-1",
        resource_version="7",
        spec=RemediationSpec(
            target_ref=TargetRef(kind="Deployment", name="api"),
            policy_ref=PinnedRef(namespace="shop", name="heal-api", uid="uid-policy"),
            runbook_ref=PinnedRef(namespace="shop", name="api-down", uid="uid-runbook"),
            mode="Enforce",
            signal=evidence_of(a_signal()),
        ),
        status=a_status(),
    )
    return replace(remediation, **changes)


def an_entry(**changes: Any) -> Entry:
    """Build a reservation of another remediation of this target and policy, done half an hour ago and settled."""
    entry = Entry(
        id="rem-0/0/1",
        target=TARGET,
        policy="shop/heal-api",
        epoch=1,
        reserved_at=NOW - minutes(30),
        outcome="Done",
        outcome_at=NOW - minutes(30),
        settled_at=NOW - minutes(25),
    )
    return replace(entry, **changes)


def a_budget(*entries: Entry, spec: BudgetSpec | None = None, **status: Any) -> Budget:
    """Build the ActionBudget with these entries, 10 actions per hour unless `spec` says otherwise."""
    return Budget(
        uid="uid-budget",
        resource_version="5",
        spec=spec or BudgetSpec(),
        status=replace(BudgetStatus(epoch=1, holder="me", entries=entries), **status),
    )


def a_situation(**changes: Any) -> Situation:
    """Build the bad release of `shop/api`, on which every guard allows an undo (and, being rolled out, a restart)."""
    situation = Situation(
        settings=Settings(namespace="platelet-system"),
        remediation=a_remediation(),
        ladder=Ladder(steps=(a_step(),)),
        policy=a_policy(),
        snapshot=Snapshot(
            workload=a_workload(),
            revisions=(a_revision(2, BAD, replicas=2, created_at=RELEASED), a_revision(1, GOOD)),
            pods=(a_sick_pod("api-2-a"), a_sick_pod("api-2-b")),
            records=(
                a_record(BAD, first_seen=RELEASED, health="Unknown", health_since=None, ever_healthy=False),
                a_record(),
            ),
        ),
        signals=(a_signal(),),
        budget=a_budget(),
        surroundings=Surroundings(scope=Scope(total=1, sick=frozenset({TARGET}))),
        knowledge=Knowledge(epoch=1),
    )
    return change(situation, **changes)


_PARTS = {
    "ladder": Ladder,
    "snapshot": Snapshot,
    "surroundings": Surroundings,
    "others": OtherIncidents,
    "knowledge": Knowledge,
    "own_writes": OwnWrites,
}
_PART_OF = {field.name: part for part, kind in _PARTS.items() for field in fields(kind)}


def change(situation: Situation, *, action: ActionTraits | None = None, **changes: Any) -> Situation:
    """Replace fields of a situation and of its parts by their names; `action` is what the current step does."""
    direct: dict[str, Any] = {name: value for name, value in changes.items() if name not in _PART_OF}
    for name, part in _PART_OF.items():
        if name in changes:
            direct[part] = replace(direct.get(part, getattr(situation, part)), **{name: changes[name]})
    changed = replace(situation, **direct)
    if action is None:
        return changed
    current, steps = changed.remediation.status.step, changed.ladder.steps
    acting = tuple(replace(step, traits=action) if at == current else step for at, step in enumerate(steps))
    return replace(changed, ladder=replace(changed.ladder, steps=acting))


def asked(
    deny: Callable[[Situation, ActionTraits, datetime], Deny | None], situation: Situation, now: datetime
) -> Deny | None:
    """Ask a guard about the action of the situation's current step."""
    return deny(situation, situation.ladder.traits(situation.remediation.status.step), now)
