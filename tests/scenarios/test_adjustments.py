"""More memory for what runs out of it: once a day, as a part of its release, and never where others own the amounts."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from platelet.actions.adjust_resources import SCALERS
from platelet.model import reasons
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import (
    HEALS,
    LONGER,
    MORE_MEMORY,
    OLD_MEMORY,
    PROBE,
    TOKEN,
    calm_limited,
    calm_probed,
    effects,
    is_over,
    moments,
    play,
    sample,
)
from tests.scenarios.incidents import BUSY, MINUTE, images_written, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

OOM = [on_pods("OOMKilled", "CrashLoopBackOff")]
ADJUST, UNDO, RESTART = step("adjustResources", MORE_MEMORY), step("rolloutUndo"), step("rolloutRestart")
OLD, NEW = ("512Mi", "256Mi"), ("768Mi", "384Mi")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def heal(simulation: Simulation) -> None:
    """Its pods are OOM-killed, get more memory and are well again; the incident is over."""
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: simulation.world.memory("api") == NEW)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]


def decisions(remediation: Remediation, reason: str) -> list[str]:
    return [decision.message for decision in remediation.status.decisions if decision.reason == reason]


def writes(simulation: Simulation) -> int:
    assert history.offences(simulation.world.server.audit) == []
    return len(effects(simulation.world.server.audit))


@pytest.mark.parametrize("later", [timedelta(minutes=5), timedelta(hours=20)], ids=str)
def test_what_runs_out_of_memory_again_within_a_day_goes_to_people(simulation: Simulation, later: timedelta) -> None:
    """A percentage would else become a series (I14)."""
    calm_limited(simulation, ADJUST, triggers=OOM)
    heal(simulation)
    simulation.run(later)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: len(states(simulation)) > 1 and is_over(simulation))
    assert states(simulation)[-1][0] == "Escalated"
    assert simulation.world.memory("api") == NEW
    assert writes(simulation) == 1


def test_what_runs_out_of_memory_again_within_a_day_goes_to_the_next_step(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, RESTART, triggers=OOM)
    heal(simulation)
    simulation.run(timedelta(hours=3))
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: len(states(simulation)) > 1 and is_over(simulation))
    last = simulation.remediations()[-1]
    assert [attempt.action for attempt in last.status.attempts] == ["rolloutRestart"]
    assert simulation.world.memory("api") == NEW


def test_a_release_since_begins_anew_and_so_does_the_next_day(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM)
    heal(simulation)
    simulation.run(timedelta(hours=25))
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: simulation.world.memory("api") == ("1152Mi", "576Mi"))
    simulation.run_until(lambda: is_over(simulation))
    simulation.world.release("api", "app:good-2")
    simulation.run(10 * MINUTE)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: simulation.world.memory("api") == ("1728Mi", "864Mi"))
    assert writes(simulation) == 3


def test_at_the_maximum_people_are_called(simulation: Simulation) -> None:
    calm_limited(simulation, step("adjustResources", {"memory": {"to": "512Mi", "max": "512Mi"}}), triggers=OOM)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert decisions(simulation.remediation(), reasons.ALREADY_THERE)
    assert writes(simulation) == 0


def test_what_we_adjust_is_as_old_as_the_release_that_it_is_in(simulation: Simulation) -> None:
    """A week later nobody blames the release, and least of all the adjustment, which nobody released (I12)."""
    calm_limited(simulation, ADJUST, UNDO, triggers=OOM)
    simulation.world.release("api", "app:good-2")
    simulation.run(timedelta(hours=4))
    heal(simulation)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: len(states(simulation)) > 1 and is_over(simulation))
    last = simulation.remediations()[-1]
    assert decisions(last, reasons.NOT_A_RECENT_RELEASE)
    assert images_written(simulation) == []
    assert (simulation.world.image("api"), simulation.world.memory("api")) == ("app:good-2", NEW)


def test_a_young_release_is_still_the_one_to_blame_after_it_was_adjusted(simulation: Simulation) -> None:
    """The undo goes to the release before, not to the same one with less memory, and says what it drops."""
    calm_limited(simulation, ADJUST, step("rolloutUndo", {"to": "Previous"}), triggers=OOM)
    simulation.world.release("api", "app:oom")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]
    assert (simulation.world.image("api"), simulation.world.memory("api")) == ("app:good-1", OLD)
    undo = simulation.remediation().status.attempts[-1]
    assert "it drops what platelet has adjusted: app.resources.limits.memory 768Mi -> 512Mi" in undo.summary


def test_an_undo_to_what_was_adjusted_drops_nothing(simulation: Simulation) -> None:
    """People set another image; the amounts are in both templates, and what comes back is healthy with them."""
    calm_limited(simulation, ADJUST, triggers=OOM)
    heal(simulation)
    simulation.world.store.patch(kube.RUNBOOKS, SHOP, "heal", {"spec": {"steps": [UNDO]}})
    simulation.run(MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: len(states(simulation)) > 1 and is_over(simulation))
    assert (simulation.world.image("api"), simulation.world.memory("api")) == ("app:good-1", NEW)
    assert "drops" not in simulation.remediations()[-1].status.attempts[-1].summary


def test_an_undo_of_what_people_have_released_says_what_it_drops(simulation: Simulation) -> None:
    """The adjusted template had no time to prove itself: the one before it is the goal."""
    calm_limited(simulation, step("adjustResources", {**MORE_MEMORY, "revertAfter": "24h"}), UNDO, triggers=OOM)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: simulation.world.memory("api") == NEW)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: bool(images_written(simulation)), within=timedelta(minutes=30))
    undo = next(
        attempt
        for remediation in simulation.remediations()
        for attempt in remediation.status.attempts
        if attempt.action == "rolloutUndo"
    )
    assert "it drops what platelet has adjusted" in undo.summary
    simulation.run_until(lambda: is_over(simulation), within=timedelta(hours=30))
    assert simulation.world.memory("api") == OLD


def keeping(simulation: Simulation) -> None:
    """Memory is raised; before that could prove itself, people release something that fails, and there is an undo."""
    calm_limited(simulation, ADJUST, triggers=OOM)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: simulation.world.memory("api") == NEW)
    undo = step("rolloutUndo", {"keepAdjustments": True})
    simulation.world.store.patch(kube.RUNBOOKS, SHOP, "heal", {"spec": {"steps": [undo]}})
    simulation.world.release("api", "app:crash")


def test_an_undo_keeps_what_was_adjusted_where_its_step_says_so(simulation: Simulation) -> None:
    keeping(simulation)
    simulation.run_until(lambda: bool(images_written(simulation)), within=timedelta(minutes=30))
    assert (simulation.world.image("api"), simulation.world.memory("api")) == ("app:good-1", NEW)
    (undo,) = [
        attempt
        for remediation in simulation.remediations()
        for attempt in remediation.status.attempts
        if attempt.action == "rolloutUndo"
    ]
    assert "it keeps what platelet has adjusted: app.resources.limits.memory 768Mi instead of 512Mi" in undo.summary
    assert "drops" not in undo.summary
    simulation.run_until(lambda: is_over(simulation), within=timedelta(hours=2))
    assert states(simulation)[-1] == ("Closed", "Recovered")


def test_a_kill_at_every_call_of_such_an_undo_changes_nothing(simulation: Simulation) -> None:
    """It is written once, with what it keeps."""
    keeping(simulation)
    first = simulation.world.server.index
    simulation.run_until(lambda: is_over(simulation), within=timedelta(hours=2))
    for index, kind in sample(moments(range(first, simulation.world.server.index), simulation.world.server.audit), 12):
        with Simulation() as again:
            again.world.server.faults.at[index] = kind
            keeping(again)
            again.run_until(lambda: is_over(again), within=timedelta(hours=2))
            assert (again.world.image("api"), again.world.memory("api")) == ("app:good-1", NEW), (index, kind)
            assert images_written(again) == ["app:good-1"], (index, kind)
            assert history.offences(again.world.server.audit) == [], (index, kind)


def test_a_temporary_one_is_taken_back_also_in_what_people_have_released_since(simulation: Simulation) -> None:
    lent = step("adjustResources", {**MORE_MEMORY, "revertAfter": "10m"})
    calm_limited(simulation, lent, triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY, lasts=3 * MINUTE)
    simulation.run_until(lambda: simulation.world.memory("api") == NEW)
    simulation.world.release("api", "app:good-2")
    simulation.run_until(lambda: simulation.world.memory("api") == OLD, within=timedelta(minutes=20))
    simulation.run_until(lambda: is_over(simulation))
    assert simulation.world.image("api") == "app:good-2"
    assert writes(simulation) == 2


def test_amounts_that_people_have_set_since_are_theirs(simulation: Simulation) -> None:
    lent = step("adjustResources", {**MORE_MEMORY, "revertAfter": "10m"})
    calm_limited(simulation, lent, triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY, lasts=3 * MINUTE)
    simulation.run_until(lambda: simulation.world.memory("api") == NEW)
    simulation.world.limit("api", {"limits": {"memory": "1Gi"}, "requests": {"memory": "384Mi"}})
    simulation.run_until(lambda: bool(decisions(simulation.remediations()[0], reasons.NOT_OURS_ANYMORE)))
    simulation.run(30 * MINUTE)
    assert simulation.world.memory("api") == ("1Gi", "384Mi")
    assert writes(simulation) == 1


def a_scaler(mode: str) -> dict[str, Any]:
    spec = {"targetRef": {"kind": "Deployment", "name": "api"}, "updatePolicy": {"updateMode": mode}}
    return {"metadata": {"name": "vpa"}, "spec": spec}


@pytest.mark.parametrize(("mode", "count"), [("Recreate", 0), ("Off", 1)])
def test_what_a_vpa_writes_is_left_to_it(simulation: Simulation, mode: str, count: int) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM)
    simulation.world.store.create(SCALERS, SHOP, a_scaler(mode))
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert writes(simulation) == count
    assert bool(decisions(simulation.remediation(), reasons.VPA_OWNED)) == (count == 0)


def test_where_a_pod_waits_for_a_node_no_larger_ones_are_made(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM)
    simulation.world.no_node_for("0/3 nodes are available: 3 Insufficient memory.", lambda _spec: True)
    simulation.world.sicken_pods("api", "oom")
    simulation.world.scale("api", 3)
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert simulation.remediation().status.reason == reasons.CAUSE_ELSEWHERE
    assert writes(simulation) == 0


def test_observe_says_what_it_would_raise(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM, mode="Observe")
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: ("Waiting", reasons.WOULD_HAVE_ACTED) in states(simulation))
    assert "would raise app: memory limit 512Mi -> 768Mi" in simulation.remediation().status.message
    assert writes(simulation) == 0


def test_an_amount_that_people_set_in_between_is_not_overwritten(simulation: Simulation) -> None:
    """Right before the write: the attempt comes to nothing, and is planned anew on what is there."""
    calm_limited(simulation, ADJUST, triggers=OOM)
    server = simulation.world.server

    def meddle(_index: int) -> None:
        live = simulation.world.memory("api")
        planned = [attempt for remediation in simulation.remediations() for attempt in remediation.status.attempts]
        if planned and live == OLD:
            simulation.world.limit("api", {"limits": {"memory": "600Mi"}, "requests": {"memory": "300Mi"}})

    server.on_call = meddle
    simulation.world.sicken_pods("api", "oom")
    simulation.run(30 * MINUTE)
    assert simulation.world.memory("api") in [("600Mi", "300Mi"), ("900Mi", "450Mi")]
    assert set(effects(server.audit).values()) <= {1}
    assert history.offences(server.audit) == []


def test_gitops_keeps_what_is_in_git(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM)
    simulation.world.edit("api", {"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}})
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert simulation.remediation().status.reason == reasons.GITOPS_MANAGED
    assert writes(simulation) == 0


def test_the_pod_that_a_stateful_set_waits_for_gets_it_too(simulation: Simulation) -> None:
    targets = {"kinds": ["StatefulSet"], "selector": {"matchLabels": {"heal": "yes"}}}
    simulation.apply(runbook(ADJUST), policy(targets=targets, triggers=OOM, approval={"kinds": []}))
    simulation.world.deploy_stateful_set("api", "app:good-1", 2, labels={"heal": "yes"})
    simulation.world.limit("api", OLD_MEMORY)
    simulation.run(3 * MINUTE)
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: simulation.world.memory("api") == NEW)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]
    assert {pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in simulation.world.pods("api")} == {
        "768Mi"
    }
    assert [call.resource for call in simulation.world.server.writes(kube.STATEFUL_SETS)].count("statefulsets") >= 1


def test_a_young_release_is_to_blame_with_a_longer_grace_too(simulation: Simulation) -> None:
    """What we make of it is a part of it: the undo goes to the release before, and says what it drops."""
    steps = step("adjustProbes", LONGER), step("rolloutUndo", {"to": "Previous"})
    calm_probed(simulation, *steps)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]
    assert (simulation.world.image("api"), simulation.world.container("api")) == (
        "app:good-1",
        {"livenessProbe": PROBE},
    )
    longer, undo = simulation.remediation().status.attempts
    assert longer.summary.startswith("lengthen app: liveness grace 30s -> 1m (failureThreshold 3 -> 6)")
    assert "it drops what platelet has adjusted: app.livenessProbe.failureThreshold 6 -> 3" in undo.summary


def test_a_longer_grace_that_did_not_help_within_the_day_is_not_doubled_again(simulation: Simulation) -> None:
    """A percentage would else become a series (I14)."""
    calm_probed(simulation, step("adjustProbes", LONGER))
    for _ in range(2):
        simulation.world.sicken_pods("api", "crash")
        simulation.run(20 * MINUTE)
    assert states(simulation)[-1][0] == "Escalated"
    assert simulation.world.container("api")["livenessProbe"]["failureThreshold"] == 6
    assert writes(simulation) == 1


def test_values_of_variables_are_nowhere_but_in_the_workload_and_its_records() -> None:
    """Nor in the revision records' names, Events, the budget or what people are told."""
    played = play(HEALS["a variable on an alert, and its revert"])
    audit = played.simulation.world.server.audit
    written = [call.body for call in audit if call.resource not in ("deployments", "controllerrevisions")]
    # A Runbook and what is pinned of its steps hold what people wrote; what we say of it is in the status.
    shown = [body["status"] if isinstance(body, dict) and "status" in body else body for body in written]
    shown = [body for body in shown if not (isinstance(body, dict) and body.get("kind") == "Remediation")]
    text = json.dumps(shown, default=str)
    assert "set RATE_LIMIT, MODE of container app (10m)" in text
    assert "RATE_LIMIT, MODE of container app as before" in text
    assert "old-and-secret" not in text
    assert "new-and-secret" not in text


def test_what_others_have_set_since_is_left_alone(simulation: Simulation) -> None:
    HEALS["a variable on an alert, and its revert"].prepare(simulation)
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: writes(simulation) == 1)
    changed = [{"name": "RATE_LIMIT", "value": "by people"}]
    simulation.world.set_up("api", env=changed)
    simulation.run(40 * MINUTE)
    assert simulation.world.container("api") == {"env": changed}
    assert writes(simulation) == 1


def test_a_variable_of_another_object_is_not_overwritten(simulation: Simulation) -> None:
    calm_probed(simulation, step("setEnv", {"env": [{"name": "TOKEN", "value": "mine"}]}), triggers=[on_alert("Busy")])
    simulation.world.set_up("api", env=[TOKEN])
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert decisions(simulation.remediation(), reasons.VALUE_FROM_ELSEWHERE)
    assert writes(simulation) == 0
