"""What adjustResources plans, and each reason for which it refuses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from platelet.actions import adjust_resources
from platelet.actions.adjust_resources import AdjustResources
from platelet.changes import template_fields
from platelet.model import reasons, resource, templates
from platelet.model.intent import TEMPLATE
from platelet.model.node_room import Placement, Room
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Owner, Pod
from tests.unit.situations import (
    NOW,
    a_container,
    a_daemon_set,
    a_pod,
    a_situation,
    a_stateful_set,
    a_workload,
    minutes,
)

MEMORY = {"memory": {"byPercent": 50, "max": "2Gi"}}
CPU = {"cpu": {"to": 2, "max": 4}}
BOTH = {"limits": {"memory": "512Mi", "cpu": "1"}, "requests": {"memory": "256Mi", "cpu": "500m"}}


def a_template(**containers: Any) -> dict[str, Any]:
    """A template of these containers, with their resources."""
    return {"spec": {"containers": [{"name": name, "resources": resources} for name, resources in containers.items()]}}


def a_killed_pod(container: str = "app", **changes: Any) -> Pod:
    """A pod of which one container was OOM-killed, and waits to be started again."""
    killed = a_container(
        name=container, ready=False, restarts=3, state="waiting", reason="CrashLoopBackOff",
        last_reason="OOMKilled", last_exit_code=137,
    )  # fmt: skip
    return a_pod(ready=False, containers=(killed, a_container(name="proxy")), **changes)


def seen(template: dict[str, Any] | None = None, *, scalers: Any = (), **changes: Any) -> Situation:
    """An OOM-killed workload, in a cluster without the kind VerticalPodAutoscaler if nothing else is said."""
    template = template or a_template(app=BOTH)
    live = a_workload(template=template, template_hash=templates.hash_template(template))
    lists = {} if scalers is None else {"verticalpodautoscalers": tuple(scalers)}
    return a_situation(**{"workload": live, "pods": (a_killed_pod(),), "lists": lists, **changes})


def plan(written: dict[str, Any], situation: Situation) -> Plan | Refusal:
    settings: AdjustResources = TypeAdapter(AdjustResources).validate_python(written)
    return adjust_resources.plan(settings, situation, NOW)


def fields(outcome: Plan | Refusal) -> dict[str, str]:
    assert isinstance(outcome, Plan), outcome
    (change,) = outcome.changes
    return {name: value for name, value in change.meant.items() if name != TEMPLATE}


PLANNED: dict[str, tuple[dict[str, Any], Situation, dict[str, str], str]] = {
    "more memory, limit and request": (
        MEMORY,
        seen(),
        {"app.resources.limits.memory": "768Mi", "app.resources.requests.memory": "384Mi"},
        "raise app: memory limit 512Mi -> 768Mi, memory request 256Mi -> 384Mi",
    ),
    "more CPU": (
        CPU,
        seen(),
        {"app.resources.limits.cpu": "2", "app.resources.requests.cpu": "1"},
        "raise app: cpu limit 1 -> 2, cpu request 500m -> 1",
    ),
    "what is at its maximum stays, the other moves": (
        {**MEMORY, "cpu": {"byPercent": 10, "max": 1}},
        seen(),
        {"app.resources.limits.memory": "768Mi", "app.resources.requests.memory": "384Mi"},
        "memory request 256Mi -> 384Mi; it has 1 of cpu, and the step may not go above 1",
    ),
    "what a container has not, it does not get": (
        MEMORY,
        seen(a_template(app={"limits": {"memory": "512Mi"}})),
        {"app.resources.limits.memory": "768Mi"},
        "raise app: memory limit 512Mi -> 768Mi; it has no memory request, and gets none",
    ),
    "the container that was OOM-killed": (
        MEMORY,
        seen(a_template(proxy=BOTH, app=BOTH), pods=(a_killed_pod("proxy"),)),
        {"proxy.resources.limits.memory": "768Mi", "proxy.resources.requests.memory": "384Mi"},
        "raise proxy: memory limit",
    ),
    "the container that fails": (
        CPU,
        seen(
            a_template(proxy=BOTH, app=BOTH),
            pods=(a_pod(containers=(a_container(name="proxy"), a_container(state="terminated", exit_code=1))),),
        ),
        {"app.resources.limits.cpu": "2", "app.resources.requests.cpu": "1"},
        "raise app: cpu limit",
    ),
    "of several that were ever killed, the one that fails": (
        MEMORY,
        seen(
            a_template(proxy=BOTH, app=BOTH),
            pods=(a_killed_pod(), a_pod("b", containers=(a_container(name="proxy", last_reason="OOMKilled"),))),
        ),
        {"app.resources.limits.memory": "768Mi", "app.resources.requests.memory": "384Mi"},
        "raise app: memory limit",
    ),
    "the only container, where none fails": (
        CPU,
        seen(pods=(a_pod(),)),
        {"app.resources.limits.cpu": "2", "app.resources.requests.cpu": "1"},
        "raise app: cpu limit",
    ),
    "the container that is named": (
        {**MEMORY, "container": "proxy"},
        seen(a_template(app=BOTH, proxy=BOTH)),
        {"proxy.resources.limits.memory": "768Mi", "proxy.resources.requests.memory": "384Mi"},
        "raise proxy: memory limit",
    ),
    "for a while": (
        {**MEMORY, "revertAfter": "1h", "revertWhenResolved": True},
        seen(),
        {"app.resources.limits.memory": "768Mi", "app.resources.requests.memory": "384Mi"},
        "384Mi (1h or until the alert has resolved)",
    ),
}


@pytest.mark.parametrize(("written", "situation", "wanted", "words"), PLANNED.values(), ids=PLANNED)
def test_is_planned(written: dict[str, Any], situation: Situation, wanted: dict[str, str], words: str) -> None:
    outcome = plan(written, situation)
    assert fields(outcome) == wanted
    assert isinstance(outcome, Plan)
    assert words in outcome.summary


def a_scaler(
    mode: str | None = "Recreate", name: str = "api", kind: str = "Deployment", containers: Any = None
) -> dict[str, Any]:
    """A VerticalPodAutoscaler as stored; `containers` are its policies of single ones."""
    policy = {} if mode is None else {"updatePolicy": {"updateMode": mode}}
    by_container = {} if containers is None else {"resourcePolicy": {"containerPolicies": containers}}
    spec = {"targetRef": {"kind": kind, "name": name}, **policy, **by_container}
    return {"metadata": {"name": "vpa"}, "spec": spec}


def placed(template: dict[str, Any], **memory: str) -> Placement:
    """Where pods of a template with that limit and request of `app` would go, from node-1 on which the others run."""
    wanted = {f"app.resources.{kind}.memory": amount for kind, amount in memory.items()}
    written = template_fields.with_values(template, wanted)
    return Placement(
        template=written, raised=("memory",), runs_on=frozenset({"node-1"}), replaces=frozenset({"uid-api-2-a"})
    )


PLACEMENT = placed(a_template(app=BOTH), limits="768Mi", requests="384Mi")


def weighed(room: Room, **changes: Any) -> Situation:
    """The situation in which nodes were weighed for these pods."""
    return seen(rooms={PLACEMENT.key: room}, **changes)


REFUSED: dict[str, tuple[dict[str, Any], Situation, str, str]] = {
    "a workload that is gone": (MEMORY, seen(workload=None), reasons.TARGET_GONE, "gone"),
    "a workload that is switched off": (
        MEMORY, seen(workload=a_workload(replicas=0)), reasons.SCALED_TO_ZERO, "has 0 replicas"
    ),
    "pods that nobody replaces": (
        MEMORY, seen(workload=a_stateful_set(on_delete=True)), reasons.ROLLOUT_HELD, "OnDelete"
    ),
    "resources that a VPA writes": (MEMORY, seen(scalers=[a_scaler()]), reasons.VPA_OWNED, "VerticalPodAutoscaler vpa"),
    "a VPA that writes by default": (MEMORY, seen(scalers=[a_scaler(None)]), reasons.VPA_OWNED, "belongs to"),
    "a VPA that writes on new pods": (MEMORY, seen(scalers=[a_scaler("Initial")]), reasons.VPA_OWNED, "belongs to"),
    "a VPA in a mode of the future": (MEMORY, seen(scalers=[a_scaler("InPlace")]), reasons.VPA_OWNED, "belongs to"),
    "memory that a VPA writes beside CPU that it leaves alone": (
        {**MEMORY, **CPU},
        seen(scalers=[a_scaler(containers=[{"containerName": "app", "controlledResources": ["memory"]}])]),
        reasons.VPA_OWNED,
        "the memory of app belongs to VerticalPodAutoscaler vpa: change its bounds, or",
    ),
    "a container that a VPA does not leave alone as it does all others": (
        MEMORY,
        seen(scalers=[a_scaler(containers=[{"containerName": "*", "mode": "Off"}, {"containerName": "app"}])]),
        reasons.VPA_OWNED,
        "belongs to",
    ),
    "the second of two VPAs": (
        MEMORY, seen(scalers=[a_scaler("Off"), a_scaler()]), reasons.VPA_OWNED, "belongs to"
    ),
    "VPAs that may not be read": (MEMORY, seen(scalers=None), reasons.VPA_OWNED, "not known"),
    "a container that there is not": (
        {**MEMORY, "container": "web"}, seen(), reasons.NO_SUCH_CONTAINER, "has no container web: it has app"
    ),
    "several containers that may be meant": (
        MEMORY,
        seen(a_template(app=BOTH, proxy=BOTH), pods=(a_pod(),)),
        reasons.NO_SUCH_CONTAINER,
        "which container is meant is not known (app, proxy): name it in `container`",
    ),
    "one that was killed, and another that fails": (
        MEMORY,
        seen(
            a_template(app=BOTH, proxy=BOTH),
            pods=(
                a_pod("a", containers=(a_container(last_reason="OOMKilled", restarts=1),)),
                a_pod("b", containers=(a_container(name="proxy", state="waiting", restarts=2),)),
            ),
        ),
        reasons.NO_SUCH_CONTAINER,
        "(app, proxy)",
    ),
    "a container without resources": (
        MEMORY, seen(a_template(app={})), reasons.NOTHING_TO_ADJUST, "app: it has neither a limit nor a request"
    ),
    "a maximum that is reached": (
        {"memory": {"byPercent": 50, "max": "512Mi"}}, seen(), reasons.AT_MAXIMUM, "app: it has 512Mi of memory"
    ),
    "a value that is there": (
        {"memory": {"to": "512Mi", "max": "1Gi"}}, seen(), reasons.ALREADY_THERE, "at least 512Mi wanted"
    ),
    "pods that no node can hold": (
        MEMORY, weighed(Room(refusal="no node can hold it")), reasons.NO_NODE_LARGE_ENOUGH, "app: no node can hold it"
    ),
    "pods for which others leave too little room": (
        MEMORY,
        weighed(Room(refusal="no node can hold it", is_full=True)),
        reasons.NO_ROOM_ON_NODES,
        "app: no node can hold it",
    ),
    "both, each for its reason": (
        {"memory": {"byPercent": 50, "max": "512Mi"}, "cpu": {"to": 1, "max": 1}},
        seen(),
        reasons.AT_MAXIMUM,
        "it has 512Mi of memory, and the step may not go above 512Mi; it has 1 of cpu, at least 1 wanted",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "situation", "reason", "words"), REFUSED.values(), ids=REFUSED)
def test_is_refused(written: dict[str, Any], situation: Situation, reason: str, words: str) -> None:
    outcome = plan(written, situation)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, words in outcome.message) == (reason, True), outcome


LEFT_ALONE = {
    "one that only advises": a_scaler("Off"),
    "one of another workload": a_scaler(name="web"),
    "one of another kind": a_scaler(kind="StatefulSet"),
    "one that leaves all containers alone": a_scaler(containers=[{"containerName": "*", "mode": "Off"}]),
    "one that leaves this container alone": a_scaler(
        containers=[{"containerName": "app", "mode": "Off"}, {"containerName": "*"}]
    ),
    "one that writes CPU only": a_scaler(containers=[{"containerName": "*", "controlledResources": ["cpu"]}]),
    "one that writes nothing of it": a_scaler(containers=[{"containerName": "app", "controlledResources": []}]),
    "one without a target": {"metadata": {"name": "vpa"}},
}


@pytest.mark.parametrize("scaler", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_a_vpa_that_does_not_write_stands_in_nobodys_way(scaler: dict[str, Any]) -> None:
    assert isinstance(plan(MEMORY, seen(scalers=[scaler])), Plan)


def test_the_plan_says_for_which_pods_a_node_must_have_the_room() -> None:
    outcome = plan(MEMORY, seen())
    assert isinstance(outcome, Plan)
    assert outcome.placement == PLACEMENT
    agent = a_daemon_set(template=a_template(app=BOTH), template_hash=templates.hash_template(a_template(app=BOTH)))
    on_each = plan(MEMORY, seen(workload=agent))
    assert isinstance(on_each, Plan)
    assert on_each.placement is not None
    assert on_each.placement.on_each


def test_what_is_not_known_of_nodes_is_said_and_refuses_nothing() -> None:
    outcome = plan(MEMORY, weighed(Room(unknown="nodes may not be listed")))
    assert isinstance(outcome, Plan)
    assert "384Mi; whether a node can hold its pods is not known: nodes may not be listed" in outcome.summary


def test_nodes_that_were_weighed_for_other_amounts_say_nothing() -> None:
    larger = {"memory": {"byPercent": 60, "max": "2Gi"}}
    assert isinstance(plan(larger, weighed(Room(refusal="no node can hold it"))), Plan)


def test_when_it_is_reverted_is_pinned() -> None:
    outcome = plan({**MEMORY, "revertAfter": "1h"}, seen())
    assert isinstance(outcome, Plan)
    assert outcome.revert is not None
    assert outcome.revert.due_at == NOW + timedelta(hours=1)
    lasting = plan(MEMORY, seen())
    assert isinstance(lasting, Plan)
    assert lasting.revert is None


def test_the_pod_that_an_ordered_stateful_set_waits_for_is_replaced_as_well() -> None:
    template = a_template(app=BOTH)
    live = a_stateful_set(template=template, template_hash=templates.hash_template(template))
    outcome = plan(MEMORY, seen(workload=live))
    assert isinstance(outcome, Plan)
    assert outcome.changes[0].how == {"stuckPods": "replaced"}


def test_a_pod_that_is_over_does_not_say_which_container_is_meant() -> None:
    over = replace(a_killed_pod("proxy"), phase="Failed", created_at=NOW - minutes(90))
    assert set(fields(plan(MEMORY, seen(pods=(over, a_killed_pod(name="b")))))) == {
        "app.resources.limits.memory",
        "app.resources.requests.memory",
    }


def stored(pod: Pod, resources: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A pod as the API server has it, whose node tells what its container has."""
    containers = [{"name": "app", "resources": resources, **spec}]
    return {
        "metadata": {"name": pod.name, "uid": pod.uid, "resourceVersion": "7", "generation": 1},
        "spec": {"containers": containers},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "resources": resources}]},
    }


HIGHER = {"limits": {"memory": "768Mi"}, "requests": {"memory": "384Mi"}}
AT_MOST = {"limits": {"memory": "2Gi"}, "requests": {"memory": "1Gi"}}
OWNER = Owner(api_version="apps/v1", kind="ReplicaSet", name="api-2", uid="uid-rs-2")
PODS = tuple(a_pod(f"api-2-{letter}", owner=OWNER) for letter in "abcde")
IN_PLACE = {**MEMORY, "inPlace": "Prefer"}


def in_place(*resources: dict[str, Any], **spec: Any) -> Situation:
    """As many pods, each with its own resources."""
    pods = PODS[: len(resources)]
    known = zip(pods, resources, strict=True)
    objects = {resource.PODS.named(pod.name): stored(pod, amounts, **spec) for pod, amounts in known}
    return seen(pods=pods, objects=objects)


def test_in_place_each_pod_gets_more_than_it_has_itself() -> None:
    """One of them has more than the template says, since an earlier resize."""
    outcome = plan({**IN_PLACE, "revertAfter": "1h"}, in_place(BOTH, HIGHER, BOTH))
    assert isinstance(outcome, Plan)
    assert [(change.kind, change.uid, change.meant["app.resources.limits.memory"]) for change in outcome.changes] == [
        ("ResizePod", "uid-api-2-a", "768Mi"), ("ResizePod", "uid-api-2-b", "1152Mi"),
        ("ResizePod", "uid-api-2-c", "768Mi"),
    ]  # fmt: skip
    assert outcome.summary == (
        "raise app: memory limit 512Mi -> 768Mi, memory request 256Mi -> 384Mi (1h), in place, of pods "
        "api-2-a, api-2-c; raise app: memory limit 768Mi -> 1152Mi, memory request 384Mi -> 576Mi (1h), "
        "in place, of pods api-2-b: for as long as they are there, since the template stays as it is"
    )
    assert outcome.revert is not None


def test_in_place_a_pod_that_has_the_most_is_left_alone() -> None:
    outcome = plan(IN_PLACE, in_place(AT_MOST, BOTH))
    assert isinstance(outcome, Plan)
    assert [change.uid for change in outcome.changes] == ["uid-api-2-b"]
    none = plan(IN_PLACE, in_place(AT_MOST, AT_MOST))
    assert isinstance(none, Refusal)
    assert none.reason == reasons.AT_MAXIMUM


def test_in_place_is_only_what_the_step_asks_for() -> None:
    outcome = plan(MEMORY, in_place(BOTH))
    assert isinstance(outcome, Plan)
    assert [change.kind for change in outcome.changes] == ["SetTemplateFields"]


RESTARTS = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
BY_ROLLOUT = {
    "too many": (in_place(*(BOTH,) * 5), "it has 5 pods, and a step resizes 1 to 4"),
    "none of its own": (seen(pods=(a_killed_pod(),)), "it has 0 pods"),
    "one that cannot be read": (seen(pods=PODS[:1], objects={}), "not all of its pods can be read"),
    "one that would be restarted": (in_place(BOTH, resizePolicy=RESTARTS), "app would be restarted"),
}


@pytest.mark.parametrize(("situation", "why"), BY_ROLLOUT.values(), ids=BY_ROLLOUT)
def test_what_cannot_be_done_in_place_is_a_rollout_that_says_why(situation: Situation, why: str) -> None:
    outcome = plan({**IN_PLACE, "container": "app"}, situation)
    assert isinstance(outcome, Plan)
    assert [change.kind for change in outcome.changes] == ["SetTemplateFields"]
    assert f"; by a rollout: {why}" in outcome.summary


def test_its_pods_are_read_whole_only_where_they_may_be_resized() -> None:
    wanted = [TypeAdapter(AdjustResources).validate_python(written) for written in (IN_PLACE, MEMORY)]
    few, many = in_place(BOTH, BOTH), in_place(*(BOTH,) * 5)
    read = [[name for _, name in adjust_resources.ACTION.objects(settings, few)] for settings in wanted]
    assert read == [["api-2-a", "api-2-b"], []]
    assert adjust_resources.ACTION.objects(wanted[0], many) == ()
