"""The answer of a write is the object as stored: what became of it follows from it, and what differs is somebody's."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from platelet.api.readers.records import RELEASED_AT
from platelet.model import reasons
from platelet.model.durations import parse_time
from platelet.replay import admission
from platelet.replay.admission import Admission, Review
from platelet.shell import kube
from tests.scenarios.heals import HEAL, RAISE, SCALE, effects, is_over, look
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.model_api import Call
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

WIDE = {"cooldown": "0s", "rate": {"maxActions": 100, "per": "1h"}, "reopenWithin": "30m"}
KEY = "platelet.dev/escalated"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        simulation.budget_spec({"limits": [{"maxActions": 1000, "per": "1h"}]})
        yield simulation


@dataclass
class Rival:
    """A controller that puts an object back as it was, before anybody has looked at what was written."""

    simulation: Simulation
    resource: kube.Resource
    takes_back_only: bool = False

    def begin(self) -> None:
        """From now on."""
        self.spec = self.simulation.world.store.get(self.resource, SHOP, "api")["spec"]
        self.simulation.world.server.on_call = self.put_back

    def put_back(self, _index: int) -> None:
        """Before each call: whether the last one was ours."""
        last = self.simulation.world.server.audit[-1]
        if not effects([last]) or (self.takes_back_only and "/back" not in last.agent):
            return
        live = self.simulation.world.store.get(self.resource, SHOP, "api")
        self.simulation.world.store.replace(self.resource, SHOP, "api", {**live, "spec": self.spec})


def thrice(action: str, settings: kube.Json | None = None) -> list[kube.Json]:
    """A ladder of the same step."""
    return [{**step(action, settings), "name": name} for name in ("once", "twice", "thrice")]


def sick_by_release(simulation: Simulation, *steps: kube.Json) -> None:
    begin(simulation, *steps, limits=WIDE)
    simulation.world.release("api", "app:crash")


def sick_pods(simulation: Simulation, *steps: kube.Json) -> None:
    begin(simulation, *steps, limits=WIDE)
    simulation.world.sicken_pods("api", "crash")


def busy(simulation: Simulation, *steps: kube.Json) -> None:
    begin(simulation, *steps, limits=WIDE, triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)


def busy_autoscaled(simulation: Simulation, *steps: kube.Json) -> None:
    begin(simulation, *steps, limits=WIDE, triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)


def sick_set(simulation: Simulation, *steps: kube.Json) -> None:
    targets = {"kinds": ["StatefulSet"], "selector": {"matchLabels": HEAL}}
    pods = [on_pods("ImagePullBackOff", "CrashLoopBackOff")]
    simulation.apply(runbook(*steps), policy(limits=WIDE, targets=targets, triggers=pods, approval={"kinds": []}))
    simulation.world.deploy_stateful_set("api", "app:good-1", 3, labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.world.release("api", "app:crash")


FIGHTS: dict[str, tuple[Callable[..., None], list[kube.Json], kube.Resource]] = {
    "an undo": (sick_by_release, thrice("rolloutUndo"), kube.DEPLOYMENTS),
    "a restart": (sick_pods, thrice("rolloutRestart"), kube.DEPLOYMENTS),
    "a scale": (busy, thrice("scale", {"to": 5}), kube.DEPLOYMENTS),
    "a scale for a time": (busy, thrice("scale", SCALE), kube.DEPLOYMENTS),
    "the bounds of an autoscaler": (busy_autoscaled, thrice("scale", RAISE), kube.AUTOSCALERS),
    "an undo of a StatefulSet": (sick_set, thrice("rolloutUndo"), kube.STATEFUL_SETS),
}


@pytest.mark.parametrize(("sicken", "ladder", "resource"), FIGHTS.values(), ids=FIGHTS)
def test_who_changes_a_write_back_before_we_look_is_left_to_people(
    simulation: Simulation, sicken: Callable[..., None], ladder: list[kube.Json], resource: kube.Resource
) -> None:
    """I13, with limits that would allow a hundred."""
    sicken(simulation, *ladder)
    Rival(simulation, resource).begin()
    simulation.run(2 * timedelta(hours=1))
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Escalated", reasons.REVERTED_BY_OTHERS)]


@pytest.mark.parametrize(("sicken", "ladder", "resource"), FIGHTS.values(), ids=FIGHTS)
def test_of_writes_whose_answers_are_lost_and_that_are_changed_back_two_are_enough(
    simulation: Simulation, sicken: Callable[..., None], ladder: list[kube.Json], resource: kube.Resource
) -> None:
    """Nobody knows whether they were made: after the second one people are told."""
    sicken(simulation, *ladder)
    lose_answers(simulation)
    Rival(simulation, resource).begin()
    simulation.run(2 * timedelta(hours=1))
    assert 1 <= len(effects(simulation.world.server.audit)) <= 2, simulation.describe()
    assert [state for state, _ in states(simulation)] == ["Escalated"]


def told(simulation: Simulation) -> list[str]:
    """Why people were told."""
    return [
        remediation.status.escalation.reason
        for remediation in simulation.remediations()
        if remediation.status.escalation is not None
    ]


def lose_answers(simulation: Simulation) -> None:
    """Each write of an attempt is made, and its answer does not come."""
    (process,) = simulation.processes
    patch = process.api.patch

    async def patch_and_lose(*where: Any, agent: str = "", **how: Any) -> kube.Json:
        stored = await patch(*where, agent=agent, **how)
        if "/" in agent and not agent.endswith("/escalated"):
            raise kube.Unanswered(0, "Timeout", "the connection was lost")
        return stored

    process.api.patch = patch_and_lose  # type: ignore[method-assign]


LENT: dict[str, tuple[Callable[..., None], kube.Json, kube.Resource]] = {
    "replicas": (busy, step("scale", SCALE), kube.DEPLOYMENTS),
    "bounds": (busy_autoscaled, step("scale", RAISE), kube.AUTOSCALERS),
}


@pytest.mark.parametrize(("sicken", "only", "resource"), LENT.values(), ids=LENT)
def test_who_changes_a_revert_back_is_left_to_people(
    simulation: Simulation, sicken: Callable[..., None], only: kube.Json, resource: kube.Resource
) -> None:
    sicken(simulation, only)
    simulation.run(2 * MINUTE)
    simulation.alerts.resolve("f1")
    Rival(simulation, resource, takes_back_only=True).begin()
    simulation.run(2 * timedelta(hours=1))
    assert len(effects(simulation.world.server.audit)) == 2, simulation.describe()
    assert told(simulation) == [reasons.REVERTED_BY_OTHERS]
    assert look(simulation).unsettled == []


def test_who_takes_a_scale_back_later_and_the_fault_returns_is_left_to_people(simulation: Simulation) -> None:
    busy(simulation, *thrice("scale", {"to": 5}))
    simulation.run(2 * MINUTE)
    simulation.alerts.resolve("f1")
    simulation.run_until(
        lambda: any(remediation.status.state == "Monitoring" for remediation in simulation.remediations())
    )
    simulation.world.scale("api", 2)
    simulation.alerts.fire("f2", BUSY)
    simulation.run(timedelta(hours=1))
    assert len(effects(simulation.world.server.audit)) == 1
    assert states(simulation) == [("Escalated", reasons.REVERTED_BY_OTHERS)]


@pytest.mark.parametrize("removes", [False, True], ids=["the mark is taken off", "the mark is put back"])
def test_the_mark_of_an_escalation_is_not_fought_for(simulation: Simulation, *, removes: bool) -> None:
    sick_by_release(simulation, step("rolloutRestart"))
    mark, before = "", 0
    if removes:
        simulation.run_until(lambda: is_over(simulation))
        before = len(marks(simulation))
        mark = simulation.world.deployment("api")["metadata"]["annotations"][KEY]

    def rival(_index: int) -> None:
        last = simulation.world.server.audit[-1]
        if last.changed and last.agent.endswith("/escalated"):
            simulation.world.store.patch(
                kube.DEPLOYMENTS, SHOP, "api", {"metadata": {"annotations": {KEY: mark or None}}}
            )

    simulation.world.server.on_call = rival
    if removes:
        simulation.world.release("api", "app:good-2")
    simulation.run(timedelta(minutes=50))
    assert len(marks(simulation)) - before <= 2, simulation.describe()


def marks(simulation: Simulation) -> list[Call]:
    """The writes of the mark on the workload."""
    sent = [call for call in simulation.world.server.audit if call.verb == "patch" and call.resource == "deployments"]
    return [call for call in sent if call.agent.endswith("/escalated")]


def with_admission(simulation: Simulation, *admissions: Admission) -> None:
    simulation.world.store.admissions.extend(admissions)


def done(simulation: Simulation) -> list[tuple[str, str | None]]:
    """Phase and verdict of each act."""
    attempts = [at for remediation in simulation.remediations() for at in remediation.status.attempts]
    return [(attempt.phase, attempt.verdict) for attempt in attempts if attempt.kind == "Act"]


@pytest.mark.parametrize(("sicken", "action"), [(sick_by_release, "rolloutUndo"), (sick_pods, "rolloutRestart")])
def test_what_an_admission_adds_is_ours_and_the_act_has_helped(
    simulation: Simulation, sicken: Callable[..., None], action: str
) -> None:
    sicken(simulation, *thrice(action))
    with_admission(simulation, admission.adds_to_templates)
    simulation.run_until(lambda: is_over(simulation))
    assert done(simulation) == [("Done", "Recovered")]
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert "resources" in simulation.world.deployment("api")["spec"]["template"]["spec"]["containers"][0]
    simulation.run(MINUTE)
    (act,) = [attempt for remediation in simulation.remediations() for attempt in remediation.status.attempts]
    released = [record["metadata"]["annotations"].get(RELEASED_AT) for record in added_to(simulation)]
    assert [at for at in released if at is not None and parse_time(at) >= act.intended_at] == []


def added_to(simulation: Simulation) -> list[kube.Json]:
    """The records of the templates that the admission has added to: they belong to a release that was there before."""
    records = [
        record
        for record in simulation.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
        if "500m" in str(record["data"])
    ]
    assert records
    return records


def test_what_an_admission_added_to_is_known_and_what_was_left_is_bad(simulation: Simulation) -> None:
    """The next time it is the goal of an undo like any other."""
    sick_by_release(simulation, step("rolloutUndo"))
    with_admission(simulation, admission.adds_to_templates)
    simulation.run_until(lambda: is_over(simulation))
    records = simulation.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    bad = [
        record for record in records if "app:crash" in str(record["data"]) and "resources" not in str(record["data"])
    ]
    assert ["Bad" in str(record["metadata"]) for record in bad] == [True]
    simulation.run(10 * MINUTE)
    simulation.world.release("api", "app:crash-2")
    simulation.run(10 * MINUTE)
    assert simulation.world.image("api") == "app:good-1"
    assert len(effects(simulation.world.server.audit)) == 2


def test_a_fault_that_comes_back_after_a_restart_that_an_admission_added_to_goes_to_the_next_step(
    simulation: Simulation,
) -> None:
    """Nobody has released anything: it is the same incident."""
    begin(simulation, *thrice("rolloutRestart")[:2], image="app:flaky-200s", limits=WIDE)
    with_admission(simulation, admission.adds_to_templates)
    simulation.run_until(lambda: is_over(simulation), within=timedelta(hours=6))
    assert [attempt.step for attempt in simulation.remediation().status.attempts] == [0, 1]


CAPPED: dict[str, tuple[Callable[..., None], kube.Json, Admission]] = {
    "replicas": (busy, step("scale", SCALE), admission.caps_replicas(3)),
    "bounds": (busy_autoscaled, step("scale", RAISE), admission.caps_bounds(4)),
}


@pytest.mark.parametrize(("sicken", "only", "cap"), CAPPED.values(), ids=CAPPED)
def test_what_an_admission_caps_is_done_as_stored_and_reverted(
    simulation: Simulation, sicken: Callable[..., None], only: kube.Json, cap: Admission
) -> None:
    with_admission(simulation, cap)
    sicken(simulation, only)
    world = simulation.world
    simulation.run_until(lambda: world.replicas("api") > 2)
    simulation.alerts.resolve("f1")
    simulation.run(timedelta(hours=1))
    assert [phase for phase, _ in done(simulation)] == ["Done"], simulation.describe()
    assert (world.replicas("api"), world.bounds("api")) in ((2, None), (2, (2, 4)))
    assert look(simulation).unsettled == []


CHANGED_BACK: dict[str, tuple[Callable[..., None], kube.Json, Admission]] = {
    "a number of replicas": (busy, step("scale", {"to": 5}), admission.caps_replicas(2)),
    "a number of replicas for a time": (busy, step("scale", SCALE), admission.caps_replicas(2)),
    "bounds": (busy_autoscaled, step("scale", RAISE), admission.caps_bounds(2)),
    "a template": (sick_by_release, step("rolloutUndo"), admission.keeps_templates),
    "the stamp of a restart": (sick_pods, step("rolloutRestart"), admission.strips_annotations("kubectl.")),
}


@pytest.mark.parametrize(("sicken", "only", "admitted"), CHANGED_BACK.values(), ids=CHANGED_BACK)
def test_what_an_admission_changes_back_is_refused_at_once_and_said(
    simulation: Simulation, sicken: Callable[..., None], only: kube.Json, admitted: Admission
) -> None:
    sicken(simulation, only)
    if "bounds" in str(admitted):
        simulation.world.rebound("api", minReplicas=2, maxReplicas=2)
    with_admission(simulation, admitted)
    simulation.run(timedelta(hours=1))
    assert max(sent(simulation).values()) == 1
    assert done(simulation) == [("Refused", None)], simulation.describe()
    attempt = simulation.remediation().status.attempts[0]
    assert "took the write and changed it back" in attempt.message
    assert [entry.refunded for entry in simulation.budget().status.entries] == [True]
    assert told(simulation) == [reasons.NO_STEP_LEFT]


def test_a_mark_that_an_admission_takes_off_is_not_fought_for(simulation: Simulation) -> None:
    sick_by_release(simulation, step("rolloutRestart"))
    with_admission(simulation, admission.strips_annotations("platelet.dev/"))
    simulation.run(timedelta(minutes=50))
    assert [state for state, _ in states(simulation)] == ["Escalated"]
    assert len(marks(simulation)) <= 2


def sent(simulation: Simulation) -> Counter[str]:
    """How often the write of each attempt was sent, whatever came of it."""
    written = {*(resource.plural for resource in kube.WORKLOADS.values()), kube.AUTOSCALERS.plural}
    patches = [call for call in simulation.world.server.audit if call.verb == "patch" and call.resource in written]
    return Counter(call.agent for call in patches if not call.agent.endswith("/escalated"))


def in_conflict(review: Review) -> None:
    """An admission that answers as if somebody else were faster, for good."""
    if review.verb == "update" and review.resource is kube.DEPLOYMENTS and review.subresource in ("", "scale"):
        raise kube.Conflict(409, "Conflict", "try again")


def unanswered(review: Review) -> None:
    """An admission that does not answer in time, for good."""
    if review.verb == "update" and review.resource is kube.DEPLOYMENTS and review.subresource in ("", "scale"):
        raise kube.Unanswered(500, "InternalError", "failed calling webhook")


@pytest.mark.parametrize("admitted", [in_conflict, unanswered])
@pytest.mark.parametrize("action", ["rolloutUndo", "rolloutRestart", "scale"])
def test_a_write_of_which_nothing_is_known_is_sent_again_with_growing_pauses(
    simulation: Simulation, admitted: Admission, action: str
) -> None:
    sick_by_release(simulation, step(action, {"to": 5} if action == "scale" else {}))
    with_admission(simulation, admitted)
    simulation.run(timedelta(hours=1))
    assert max(sent(simulation).values()) <= 10, sent(simulation)
    assert [state for state, _ in states(simulation)] == ["Escalated"]
