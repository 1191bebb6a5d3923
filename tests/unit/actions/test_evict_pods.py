"""Evictions: which pods go, which are waited for, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.actions import evict_pods
from platelet.actions.evict_pods import EvictPods
from platelet.model import reasons
from platelet.model.resource import DISRUPTION_BUDGETS
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Pod
from tests.unit.changes.test_evicted_pod import OWNER
from tests.unit.model.test_disruption import a_budget
from tests.unit.situations import (
    NOW,
    a_container,
    a_pod,
    a_sick_pod,
    a_signal,
    a_situation,
    a_workload,
    an_alert,
    minutes,
    seconds,
)

WORKLOAD = a_workload(template={"metadata": {"labels": {"app": "api"}}})


def owned(pod: Pod, **changes: Any) -> Pod:
    return replace(pod, owner=OWNER, **changes)


def sick(name: str = "a", **changes: Any) -> Pod:
    return owned(a_sick_pod(name), **changes)


def waiting(reason: str, **changes: Any) -> Pod:
    """A pod whose container has never started, for this reason."""
    container = a_container(ready=False, state="waiting", reason=reason, started_at=None)
    return owned(a_pod("a", phase="Pending", ready=False, ready_changed_at=None, containers=(container,), **changes))


def unready(**changes: Any) -> Pod:
    return owned(a_pod("a", **({"ready": False, "containers": (a_container(ready=False),)} | changes)))


def among(*pods: Pod, budgets: Any = None, **changes: Any) -> Situation:
    """An alert is what speaks against the workload, unless a test says otherwise: no pod is named by a signal."""
    lists = {} if budgets is None else {DISRUPTION_BUDGETS.plural: tuple(budgets)}
    known: dict[str, Any] = {"workload": WORKLOAD, "pods": pods, "signals": (an_alert(),), "lists": lists}
    return a_situation(**(known | changes))


def planned(situation: Situation, most: int = 1) -> Plan | Refusal:
    return evict_pods.plan(EvictPods(max_pods=most), situation, NOW)


def evicted(plan: Plan | Refusal) -> list[str]:
    assert isinstance(plan, Plan)
    return [change.object.name for change in plan.changes if change.object is not None]


def over(name: str, **changes: Any) -> Pod:
    return owned(a_pod(name, phase="Failed", **changes))


GOES = {
    "one that crash-loops": sick(),
    "one whose image cannot be pulled": waiting("ImagePullBackOff"),
    "one that lacks a ConfigMap": waiting("CreateContainerConfigError"),
    "one whose container cannot be made": waiting("CreateContainerError"),
    "one that was never made, for long": waiting("ContainerCreating", created_at=NOW - minutes(11)),
    "one that is not ready, for long": unready(ready_changed_at=NOW - minutes(6)),
}


@pytest.mark.parametrize("pod", GOES.values(), ids=GOES)
def test_a_pod_that_fails_is_evicted(pod: Pod) -> None:
    assert evicted(planned(among(pod, owned(a_pod("b"))))) == ["a"]


STAYS = {
    "one that is well": owned(a_pod("a")),
    "one that has crashed once": sick(
        ready_changed_at=NOW - seconds(30), containers=(replace(a_sick_pod().containers[0], restarts=1),)
    ),
    "one that was made a moment ago": waiting("ContainerCreating", created_at=NOW - minutes(1)),
    "one that has lost its readiness a moment ago": unready(ready_changed_at=NOW - minutes(1)),
    "one that is still to start": unready(
        ready_changed_at=NOW - minutes(9), containers=(a_container(ready=False, started=False),)
    ),
    "one for which there is no node": owned(a_pod("a", phase="Pending", ready=False, unschedulable="0/3 nodes")),
    "one that goes already": sick(deleting=True),
    "one that hangs in Terminating": sick(deleting=True, gone_by=NOW - minutes(60)),
    "one that has done its work": owned(a_pod("a", phase="Succeeded", ready=False)),
    "one that belongs to nobody": a_sick_pod("a"),
    "one that is over and belongs to nobody": a_pod("a", phase="Failed", ready=False),
    "one that is over and goes already": over("a", deleting=True),
}


@pytest.mark.parametrize("pod", STAYS.values(), ids=STAYS)
def test_no_other_pod_is(pod: Pod) -> None:
    refusal = planned(among(pod))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reasons.NOTHING_TO_EVICT


def test_one_that_the_policys_own_trigger_names_has_failed_for_long_enough() -> None:
    """Its `for` and `minRestarts` are people's word on how long that is."""
    pod = unready(ready_changed_at=NOW - seconds(40))
    named = a_signal(pods=("a",), reason="Unready")
    assert evicted(planned(among(pod, signals=(named,)))) == ["a"]
    early = replace(named, holds_at=NOW + seconds(1))
    assert isinstance(planned(among(pod, signals=(early,))), Refusal)


def test_a_name_alone_is_no_symptom() -> None:
    """A pod that is well by now is not evicted, whoever has named it."""
    assert isinstance(planned(among(owned(a_pod("a")), signals=(a_signal(pods=("a",)),))), Refusal)


def test_so_many_go_as_the_step_says_the_oldest_first() -> None:
    pods = [sick("c"), sick("b", created_at=NOW - minutes(9)), sick("a")]
    assert evicted(planned(among(*pods))) == ["b"]
    plan = planned(among(*pods), 2)
    assert evicted(plan) == ["b", "a"]
    assert isinstance(plan, Plan)
    assert plan.summary == "evict 2 of 3 failing pods: b, a"
    assert [change.uid for change in plan.changes] == ["uid-b", "uid-a"]


def test_one_that_loops_and_runs_at_this_moment_is_waited_for() -> None:
    crashing = a_sick_pod().containers[0]
    running = replace(crashing, state="running", ready=True, reason="", started_at=NOW - seconds(2))
    plan = planned(among(sick(ready=True, containers=(running,)), over("z")))
    assert isinstance(plan, Plan)
    assert (plan.changes, plan.pause and plan.pause.reason) == ((), reasons.RUNS_AT_THE_MOMENT)


def test_a_budget_that_holds_it_is_waited_for_with_its_numbers() -> None:
    plan = planned(among(sick(), budgets=[a_budget()]))
    assert isinstance(plan, Plan)
    assert plan.pause is not None
    assert plan.changes == ()
    assert plan.pause.reason == reasons.DISRUPTION_BUDGET
    assert "PodDisruptionBudget api needs 2 healthy pods and has 1" in plan.pause.message
    assert plan.pause.look_at > NOW


def test_a_pod_that_a_budget_does_not_hold_goes_before_one_that_it_does() -> None:
    held, free = sick("b", created_at=NOW - minutes(9)), waiting("ImagePullBackOff")
    assert evicted(planned(among(held, free, budgets=[a_budget()]))) == ["a"]


def test_a_budget_of_other_pods_holds_nothing() -> None:
    assert evicted(planned(among(sick(), budgets=[a_budget({"matchLabels": {"app": "web"}})]))) == ["a"]


def test_where_budgets_may_not_be_read_the_api_server_alone_judges() -> None:
    assert evicted(planned(among(sick()))) == ["a"]


def test_pods_of_two_budgets_are_left_to_people() -> None:
    """The Eviction API answers 500 to those, for ever."""
    refusal = planned(among(sick(), budgets=[a_budget(), a_budget({"matchLabels": {"app": "api"}})]))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reasons.DISRUPTION_BUDGET


def test_what_is_over_is_removed_beside_them_four_at_most() -> None:
    plan = planned(among(sick(), *(over(f"over-{number}") for number in range(5))))
    assert evicted(plan) == ["a", "over-0", "over-1", "over-2"]
    assert isinstance(plan, Plan)
    assert plan.summary == "evict 1 of 1 failing pods: a, and remove 3 that are over: over-0, over-1, over-2"


def test_what_is_over_is_removed_where_nothing_else_fails() -> None:
    assert evicted(planned(among(owned(a_pod("a")), over("z")))) == ["z"]


def test_a_workload_that_is_gone_has_no_pods() -> None:
    refusal = planned(among(workload=None))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reasons.TARGET_GONE
