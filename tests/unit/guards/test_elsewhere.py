"""The cause is elsewhere (TRAPS 44), or the workload belongs to someone else (TRAPS 12, 13; I17)."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import guards
from platelet.guards import cause_elsewhere, managed_elsewhere, protected_namespace, rollout_in_progress
from platelet.model import reasons
from platelet.model.policy import Settings
from platelet.model.rules import Moment
from platelet.model.situation import NodeHealth, Situation
from platelet.model.workload import DEADLINE_EXCEEDED, Owner, Pod
from tests.unit.situations import (
    BAD,
    BORN,
    GOOD,
    NOW,
    RESTART,
    SCALE,
    UNDO,
    a_pod,
    a_policy,
    a_record,
    a_remediation,
    a_sick_pod,
    a_signal,
    a_situation,
    a_stateful_set,
    a_status,
    a_workload,
    an_alert,
    an_attempt,
    asked,
    change,
    minutes,
)


def nodes(**health: NodeHealth) -> dict[str, NodeHealth]:
    return {f"node-{number.removeprefix('n')}": node for number, node in health.items()}


NOT_READY = nodes(n1=NodeHealth(name="node-1", ready=False))
WELL = nodes(n1=NodeHealth(name="node-1", ready=True))
PRESSED = nodes(n1=NodeHealth(name="node-1", ready=True, pressures=("MemoryPressure", "DiskPressure")))
PENDING = a_sick_pod("api-2-a", node="", unschedulable="0/3 nodes: insufficient cpu")

WITHIN = {
    "the nodes are well": a_situation(nodes=WELL),
    "the node is not known": a_situation(nodes={}),
    "one of two sick pods is on a well node": a_situation(
        nodes=NOT_READY | nodes(n2=NodeHealth(name="node-2", ready=True)),
        pods=(a_sick_pod("api-2-a"), a_sick_pod("api-2-b", node="node-2")),
    ),
    "one of two sick pods cannot be scheduled, the other crashes": a_situation(
        pods=(PENDING, a_sick_pod("api-2-b")), nodes=WELL
    ),
    "only a well pod is on the bad node": a_situation(
        nodes=NOT_READY, pods=(a_pod("api-2-c"), a_sick_pod("api-2-a", node="node-2"))
    ),
    "only a pod that is being deleted is on the bad node": a_situation(
        nodes=NOT_READY, pods=(a_sick_pod("api-2-a", deleting=True), a_sick_pod("api-2-b", node="node-2"))
    ),
    "a sick pod that the signal has no room to name is on a well node": a_situation(
        signals=(a_signal(pods=("api-2-a",)),),
        nodes=NOT_READY,
        pods=(a_sick_pod("api-2-a"), a_sick_pod("api-2-z", node="node-2")),
    ),
    "one of two signals is that a pod cannot be scheduled": a_situation(
        signals=(a_signal(reason="Unschedulable", pods=("api-2-a",)), a_signal(pods=("api-2-b",))),
        pods=(PENDING, a_sick_pod("api-2-b")),
        nodes=WELL,
    ),
    "an alert fires, and no pod is sick": a_situation(signals=(an_alert(),), pods=(a_pod(),), nodes=NOT_READY),
    "there are no pods": a_situation(pods=()),
    "no pods can be made, and the action asks for none": a_situation(
        workload=a_workload(cannot_create="exceeded quota: small"), nodes=WELL
    ),
}


@pytest.mark.parametrize("situation", WITHIN.values(), ids=WITHIN)
def test_the_cause_may_be_within_the_workload(situation: Situation) -> None:
    """One sick pod without an outside cause is enough to act."""
    assert asked(cause_elsewhere.deny, situation, NOW) is None


OUTSIDE = {
    "all sick pods are on a node that is not ready": (a_situation(nodes=NOT_READY), "node-1 is NotReady"),
    "all sick pods are on a node under pressure": (a_situation(nodes=PRESSED), "MemoryPressure, DiskPressure"),
    "no sick pod can be scheduled": (a_situation(pods=(PENDING,), nodes=WELL), "insufficient cpu"),
    "one cannot be scheduled and the other's node is not ready": (
        a_situation(pods=(PENDING, a_sick_pod("api-2-b")), nodes=NOT_READY),
        "all 2 sick pods",
    ),
    "a pod that is being deleted on a well node proves nothing": (
        a_situation(nodes=NOT_READY, pods=(a_sick_pod("api-2-a"), a_sick_pod("api-2-b", node="node-2", deleting=True))),
        "all 1 sick pods",
    ),
    "three things are missing": (
        a_situation(missing_references=("secret/a", "secret/b", "secret/c")),
        "secret/a, secret/b, secret/c is missing",
    ),
    "a replacement starts on a well node, which proves nothing yet": (
        a_situation(
            nodes=NOT_READY,
            pods=(a_sick_pod("api-2-a"), a_pod("api-2-c", node="node-2", ready=False, created_at=NOW)),
        ),
        "all 1 sick pods",
    ),
    "a pod that looks ready is named by the signal, on a bad node": (
        a_situation(pods=(a_pod("api-2-a"),), nodes=NOT_READY),
        "all 1 sick pods",
    ),
    "a Secret is missing that the last healthy template names too": (
        a_situation(missing_references=("secret/db",)),
        "secret/db is missing",
    ),
    "all that is known is that pods cannot be scheduled, though others are not ready either": (
        a_situation(
            signals=(a_signal(reason="Unschedulable", message="1 of 2 pods cannot be scheduled", pods=("api-2-a",)),),
            pods=(PENDING, a_sick_pod("api-2-b")),
            nodes=WELL,
        ),
        "1 of 2 pods cannot be scheduled",
    ),
    "all that is known is that pods hang in Terminating": (
        a_situation(signals=(a_signal(reason="StuckTerminating", message="1 of 1 pods hang in Terminating"),)),
        "1 of 1 pods hang in Terminating; nothing is deleted by force",
    ),
    "many things are missing": (
        a_situation(missing_references=("secret/a", "secret/b", "secret/c", "secret/d", "secret/e")),
        "secret/a, secret/b, secret/c and 2 more",
    ),
}


@pytest.mark.parametrize("action", [UNDO, RESTART, SCALE], ids=lambda action: action.name)
@pytest.mark.parametrize(("situation", "words"), OUTSIDE.values(), ids=OUTSIDE)
def test_an_outside_cause_goes_to_people_at_once(situation: Situation, words: str, action: Any) -> None:
    """No action on the workload mends it, so waiting is no use either."""
    denial = asked(cause_elsewhere.deny, change(situation, action=action), NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reasons.CAUSE_ELSEWHERE, True)
    assert words in denial.message


NEEDS_NVME = {"spec": {"nodeSelector": {"disk": "nvme"}}}
NO_NVME = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
HANGS = a_pod("api-2-a", node="", phase="Pending", ready=False, unschedulable=NO_NVME)
PENDING_SIGNAL = a_signal(reason="Unschedulable", message="1 of 1 pods cannot be scheduled", pods=("api-2-a",))


def a_release_that_hangs(*pods: Pod, **changes: Any) -> Situation:
    """Build a release that asks for nodes which there are not, beside well pods of the one before it."""
    known: dict[str, Any] = {
        "workload": a_workload(template=NEEDS_NVME),
        "pods": pods or (HANGS, a_pod("api-1-a", revision_hash="pth-1")),
        "signals": (PENDING_SIGNAL,),
        "nodes": WELL,
        "action": UNDO,
    }
    return a_situation(**(known | changes))


BROUGHT = {
    "its pods hang, and its selector is new": a_release_that_hangs(),
    "by a stuck rollout": a_release_that_hangs(signals=(a_signal(source="workload", pods=("api-2-a",)),)),
    "nobody knows a healthy template, and older pods are well": a_release_that_hangs(records=()),
    "a pod of it is on a bad node besides": a_release_that_hangs(
        HANGS, a_sick_pod("api-2-b"), signals=(PENDING_SIGNAL, a_signal()), nodes=NOT_READY
    ),
}


@pytest.mark.parametrize("situation", BROUGHT.values(), ids=BROUGHT)
def test_what_only_the_new_template_asks_of_nodes_is_its_own_fault(situation: Situation) -> None:
    """The undo may go ahead."""
    assert asked(cause_elsewhere.deny, situation, NOW) is None


@pytest.mark.parametrize("action", [RESTART, SCALE], ids=lambda action: action.name)
def test_what_a_release_asks_of_nodes_no_other_action_mends(action: Any) -> None:
    """Pods that are made anew hang as well."""
    denial = asked(cause_elsewhere.deny, a_release_that_hangs(action=action), NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reasons.CAUSE_ELSEWHERE, True)


NOT_BROUGHT = {
    "the last healthy template asks for it, too": a_release_that_hangs(records=(a_record(GOOD, template=NEEDS_NVME),)),
    "the live template is the last healthy one": a_release_that_hangs(
        records=(a_record(BAD, template=NEEDS_NVME), a_record(GOOD, health_since=BORN))
    ),
    "pods of the one before it hang as well": a_release_that_hangs(
        HANGS, replace(HANGS, name="api-1-a", revision_hash="pth-1")
    ),
    "the scheduler lacks something else": a_release_that_hangs(
        replace(HANGS, unschedulable="0/3 nodes are available: 3 Insufficient cpu.")
    ),
    "nobody knows a template that ran": a_release_that_hangs(HANGS, records=()),
    "its revision is not known": a_release_that_hangs(revisions=()),
}


@pytest.mark.parametrize("situation", NOT_BROUGHT.values(), ids=NOT_BROUGHT)
def test_what_the_new_template_did_not_change_is_elsewhere(situation: Situation) -> None:
    denial = asked(cause_elsewhere.deny, situation, NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reasons.CAUSE_ELSEWHERE, True)


def a_set_with(*pods: Pod, **changes: Any) -> Situation:
    """Build a StatefulSet of three that is one pod short."""
    known: dict[str, Any] = {
        "workload": a_stateful_set(available_replicas=2),
        "pods": (*pods, a_pod("db-0"), a_pod("db-2")),
        "signals": (a_signal(source="workload", reason="ReplicasUnavailable", pods=()),),
        "nodes": NOT_READY,
        "action": RESTART,
    }
    return a_situation(**(known | changes))


HANGS_ON_ITS_NODE = a_pod("db-1", deleting=True)


def test_a_pod_that_hangs_on_a_lost_node_is_a_cause_elsewhere() -> None:
    """Its controller makes no other, and a restart would only roll the store once the node is back."""
    denial = asked(cause_elsewhere.deny, a_set_with(HANGS_ON_ITS_NODE), NOW)
    assert denial is not None
    assert "node-1 is NotReady" in denial.message


WITHIN_ALL_THE_SAME = {
    "its node is well": a_set_with(HANGS_ON_ITS_NODE, nodes=WELL),
    "it has been replaced": a_set_with(HANGS_ON_ITS_NODE, a_pod("db-3")),
    "another pod is sick on a well node": a_set_with(
        HANGS_ON_ITS_NODE, a_sick_pod("db-3", node="node-2"), signals=(a_signal(pods=("db-3",)),)
    ),
}


@pytest.mark.parametrize("situation", WITHIN_ALL_THE_SAME.values(), ids=WITHIN_ALL_THE_SAME)
def test_a_pod_on_its_way_out_does_not_always_tell(situation: Situation) -> None:
    assert asked(cause_elsewhere.deny, situation, NOW) is None


NEEDS_ROOM_TRAITS = {"a restart": replace(RESTART, needs_room=True), "more replicas": replace(SCALE, needs_room=True)}
WAITS_FOR_A_NODE = a_pod(
    "api-2-c", node="", ready=False, unschedulable="3 Insufficient cpu", created_at=NOW - minutes(5)
)
AFTER_OURS = a_remediation(status=a_status(attempts=(an_attempt(intended_at=NOW - minutes(5)),)))


@pytest.mark.parametrize("action", NEEDS_ROOM_TRAITS.values(), ids=NEEDS_ROOM_TRAITS)
def test_what_our_own_attempt_found_no_room_for_asks_for_no_more(action: Any) -> None:
    """People are told the scheduler's words, once a cluster autoscaler had its time."""
    situation = a_situation(
        pods=(WAITS_FOR_A_NODE, a_sick_pod("api-2-a")), nodes=WELL, action=action, remediation=AFTER_OURS
    )
    denial = asked(cause_elsewhere.deny, situation, NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reasons.CAUSE_ELSEWHERE, True)
    assert "Insufficient cpu" in denial.message
    young = asked(cause_elsewhere.deny, situation, NOW - minutes(1))
    assert young is not None
    assert (young.escalate, young.retry_at) == (False, NOW)


def test_where_a_pod_waits_for_a_node_no_larger_ones_are_asked_for() -> None:
    """Whoever made it: with the template that asks for more there is even less room."""
    larger = replace(RESTART, name="adjustResources", changes_template=True, needs_room=True)
    situation = a_situation(pods=(WAITS_FOR_A_NODE, a_sick_pod("api-2-a")), nodes=WELL, action=larger)
    denial = asked(cause_elsewhere.deny, situation, NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reasons.CAUSE_ELSEWHERE, True)


def test_a_pod_of_others_that_waits_for_a_node_stops_no_restart() -> None:
    """It was there before: a rolling restart may make its own room."""
    situation = a_situation(
        pods=(WAITS_FOR_A_NODE, a_sick_pod("api-2-a")), nodes=WELL, action=NEEDS_ROOM_TRAITS["a restart"]
    )
    assert asked(cause_elsewhere.deny, situation, NOW) is None


QUOTA = 'pods "api-3" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'
NO_ROOM = a_workload(replicas=3, cannot_create=QUOTA)
NEEDS_ROOM = [replace(RESTART, needs_room=True), replace(SCALE, needs_room=True)]


@pytest.mark.parametrize("action", NEEDS_ROOM, ids=lambda action: action.name)
def test_where_no_pods_can_be_made_no_new_ones_are_asked_for(action: Any) -> None:
    """Not even while all pods that are there are well: the guard on rollouts leaves it to this one."""
    situation = a_situation(workload=NO_ROOM, action=action, signals=(an_alert(),), pods=(a_pod(),))
    denial = guards.first_denial(situation, NOW)
    assert denial is not None
    assert (denial[0], denial[1].reason, denial[1].escalate) == ("causeElsewhere", reasons.CAUSE_ELSEWHERE, True)
    assert QUOTA in denial[1].message


def test_an_undo_is_no_remedy_for_pods_that_are_refused_after_a_complete_rollout() -> None:
    """The template ran before the quota was full; while one of its pods is sick, it is a suspect as ever."""
    short = a_situation(workload=NO_ROOM, action=UNDO, pods=(a_pod(),), nodes=WELL)
    denial = asked(cause_elsewhere.deny, short, NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate, denial.undo_helps) == (reasons.CAUSE_ELSEWHERE, True, False)
    assert asked(cause_elsewhere.deny, change(short, pods=(a_pod(), a_sick_pod("api-2-b"))), NOW) is None


@pytest.mark.parametrize("action", NEEDS_ROOM, ids=lambda action: action.name)
def test_a_rollout_that_goes_on_may_make_room_for_itself(action: Any) -> None:
    """Pods of the old template free the quota as they go; after its deadline it has not."""
    on = replace(NO_ROOM, conditions={"Progressing": ("True", "ReplicaSetUpdated")})
    denial = asked(rollout_in_progress.deny, a_situation(workload=on, action=action), NOW)
    assert denial is not None
    assert denial.reason == reasons.ROLLOUT_IN_PROGRESS
    over = replace(NO_ROOM, conditions={"Progressing": ("False", DEADLINE_EXCEEDED)})
    assert asked(rollout_in_progress.deny, a_situation(workload=over, action=action), NOW) is None


YOUNG = a_signal(holds_at=NOW + minutes(1))
HOPELESS: dict[str, Any] = {
    "the cause is elsewhere": (cause_elsewhere, {"nodes": NOT_READY}),
    "no pods can be made": (cause_elsewhere, {"workload": NO_ROOM, "action": NEEDS_ROOM[0]}),
    "something is missing": (cause_elsewhere, {"missing_references": ("secret/db",)}),
    "GitOps owns the workload": (
        managed_elsewhere,
        {"workload": a_workload(labels={"helm.toolkit.fluxcd.io/name": "api"})},
    ),
    "an operator owns the workload": (
        managed_elsewhere,
        {"workload": a_workload(owner=Owner(api_version="v1", kind="Database", name="orders", uid="uid"))},
    ),
    "the namespace is protected": (protected_namespace, {"settings": Settings(namespace="shop")}),
}


@pytest.mark.parametrize(("guard", "changes"), HOPELESS.values(), ids=HOPELESS)
def test_people_are_not_told_before_the_signal_holds(guard: Any, changes: dict[str, Any]) -> None:
    """A blip must not call anybody: denied at once, told only when the trigger's `for` is over."""
    action = changes.get("action", UNDO)
    brake = next(listed for listed in guards.GUARDS if listed.judge is guard.deny)
    young = brake.ask(a_situation(signals=(YOUNG,), **changes), action, NOW, Moment.PLAN)
    assert young is not None
    assert (young.escalate, young.retry_at) == (False, YOUNG.holds_at)
    old = brake.ask(a_situation(signals=(YOUNG,), **changes), action, YOUNG.holds_at, Moment.PLAN)
    assert old is not None
    assert (old.escalate, old.retry_at) == (True, None)
    gone = brake.ask(a_situation(signals=(), **(changes | {"pods": (PENDING,)})), action, NOW, Moment.PLAN)
    assert gone is None or not gone.escalate


ARGO = {"argocd.argoproj.io/tracking-id": "shop-app:apps/Deployment:shop/api"}
FLUX_KUSTOMIZE = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
FLUX_HELM = {"helm.toolkit.fluxcd.io/name": "api"}
OWNER = Owner(api_version="db.example.com/v1", kind="Database", name="orders", uid="uid-orders")

OWNED = {
    "Argo CD, whose tracking id names this object": (
        a_workload(annotations=ARGO),
        reasons.GITOPS_MANAGED,
        "application shop-app",
    ),
    "Argo CD, with a colon in the application's name": (
        a_workload(annotations={"argocd.argoproj.io/tracking-id": "argocd:shop:apps/Deployment:shop/api"}),
        reasons.GITOPS_MANAGED,
        "application argocd:shop",
    ),
    "a Flux Kustomization": (a_workload(labels=FLUX_KUSTOMIZE), reasons.GITOPS_MANAGED, "kustomize apps"),
    "a Flux HelmRelease": (a_workload(labels=FLUX_HELM), reasons.GITOPS_MANAGED, "helm api"),
    "another operator's resource": (a_workload(owner=OWNER), reasons.OPERATOR_MANAGED, "Database orders"),
    "OLM from another namespace, by its labels": (
        a_workload(labels={"olm.owner": "orders.v1", "olm.owner.kind": "ClusterServiceVersion"}),
        reasons.OPERATOR_MANAGED,
        "ClusterServiceVersion orders.v1",
    ),
    "GitOps and an operator, of which GitOps is said": (
        a_workload(labels=FLUX_HELM, owner=OWNER),
        reasons.GITOPS_MANAGED,
        "helm api",
    ),
}


@pytest.mark.parametrize("action", [UNDO, SCALE], ids=lambda action: action.name)
@pytest.mark.parametrize(("workload", "reason", "words"), OWNED.values(), ids=OWNED)
def test_denies_what_the_owner_would_revert(workload: Any, reason: str, words: str, action: Any) -> None:
    """Undo and scale would be reverted: people are told, who change it at the source."""
    brake = next(guard for guard in guards.GUARDS if guard.judge is managed_elsewhere.deny)
    denial = brake.ask(a_situation(workload=workload), action, NOW, Moment.PLAN)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reason, True)
    assert words in denial.message


@pytest.mark.parametrize(("workload", "reason", "words"), OWNED.values(), ids=OWNED)
def test_allows_a_restart_of_what_others_own(workload: Any, reason: str, words: str) -> None:  # noqa: ARG001
    """A restart survives GitOps and owning operators."""
    assert guards.first_denial(a_situation(workload=workload, action=RESTART), NOW) is None


@pytest.mark.parametrize(("workload", "reason", "words"), OWNED.values(), ids=OWNED)
def test_force_in_the_policy_overrides(workload: Any, reason: str, words: str) -> None:  # noqa: ARG001
    """People who know better say so in the policy."""
    situation = a_situation(workload=workload, policy=a_policy(force=True))
    assert managed_elsewhere.deny(situation, NOW) is None


def test_without_a_policy_nobody_forces() -> None:
    """A deleted policy overrides nothing."""
    assert managed_elsewhere.deny(a_situation(workload=a_workload(owner=OWNER), policy=None), NOW) is not None


FREE = {
    "a plain Helm release": {"labels": {"app.kubernetes.io/instance": "api", "app.kubernetes.io/managed-by": "Helm"}},
    "a tracking id of another object, copied": {
        "annotations": {"argocd.argoproj.io/tracking-id": "shop-app:apps/Deployment:shop/web"}
    },
    "a tracking id of the same name in another namespace": {
        "annotations": {"argocd.argoproj.io/tracking-id": "shop-app:apps/Deployment:stage/api"}
    },
    "a tracking id of another kind of the same name": {
        "annotations": {"argocd.argoproj.io/tracking-id": "shop-app:apps/StatefulSet:shop/api"}
    },
    "a tracking id that only ends like this object": {
        "annotations": {"argocd.argoproj.io/tracking-id": "shop-app:apps/Deployment:my-shop/api"}
    },
    "an empty tracking id": {"annotations": {"argocd.argoproj.io/tracking-id": ""}},
    "a Flux label on the annotations": {"annotations": FLUX_HELM},
    "nothing": {},
}


@pytest.mark.parametrize("marks", FREE.values(), ids=FREE)
def test_allows_what_nobody_takes_back(marks: dict[str, Any]) -> None:
    """Every Helm chart sets app.kubernetes.io/instance: it says nothing about GitOps."""
    assert managed_elsewhere.deny(a_situation(workload=a_workload(**marks)), NOW) is None
