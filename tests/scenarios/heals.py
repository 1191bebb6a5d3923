"""The incidents that are played again and again with faults in them: what is set up, what strikes, when it is over."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from platelet.model import approval
from platelet.model.budget import Entry
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.admission import Admission
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.model_api import Call, FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

T = TypeVar("T")
EVERY_INDEX = bool(os.environ.get("PLATELET_EVERY_INDEX"))
"""The full sweep: minutes, not seconds."""
MINUTE = timedelta(minutes=1)
HEAL = {"heal": "yes"}
LIMITS = {"reopenWithin": "1m"}
_WRITTEN = {*(each.plural for each in kube.WORKLOADS.values()), kube.AUTOSCALERS.plural}
SETTLES_WITHIN = 2 * MINUTE  # after the end: a new leader after a late kill, proofs of health


def is_over(simulation: Simulation) -> bool:
    """Every incident is settled, people were told where they must be, and no alert fires."""
    found = simulation.remediations()
    return (
        bool(found)
        and not simulation.alerts.firing
        and all(
            each.status.state == "Closed" or (each.status.state == "Escalated" and _told(simulation)) for each in found
        )
    )


def _told(simulation: Simulation) -> bool:
    return "platelet.dev/escalated" in simulation.world.workload("api")["metadata"]["annotations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heal:
    """One incident of the workload `api`."""

    prepare: Callable[[Simulation], None]
    strike: Callable[[Simulation], None]
    effects: int  # writes on the workload, when nothing else goes wrong
    deletions: tuple[str, ...] = ()  # of pods, by name
    image: str = "app:good-1"
    replicas: int = 2


def _calm(simulation: Simulation, *steps: kube.Json, **more: Any) -> None:
    simulation.apply(runbook(*steps), policy(limits=LIMITS, **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def _calm_autoscaled(simulation: Simulation) -> None:
    _calm(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", *BOUNDS)
    simulation.run(MINUTE)


def _calm_set(simulation: Simulation, *steps: kube.Json) -> None:
    targets = {"kinds": ["StatefulSet"], "selector": {"matchLabels": HEAL}}
    triggers = [on_pods("ImagePullBackOff", "CrashLoopBackOff")]
    simulation.apply(runbook(*steps), policy(limits=LIMITS, targets=targets, triggers=triggers, approval={"kinds": []}))
    simulation.world.deploy_stateful_set("api", "app:good-1", 3, labels=HEAL)
    simulation.run(2 * MINUTE)


def _alert_for_a_while(simulation: Simulation) -> None:
    simulation.alerts.fire("f1", {"alertname": "Busy", "namespace": SHOP, "deployment": "api"}, lasts=5 * MINUTE)


def approve(simulation: Simulation) -> None:
    """A person who says yes to each plan that is shown, as `platelet approve` does."""
    for each in simulation.remediations():
        shown = each.status.approval
        if each.status.state == "AwaitingApproval" and shown is not None and shown.answer is None:
            said = {approval.APPROVE: shown.token, approval.APPROVED_BY: "ann"}
            simulation.world.store.patch(kube.REMEDIATIONS, SHOP, each.name, {"metadata": {"annotations": said}})


def _release_before_people_who_approve(simulation: Simulation) -> None:
    simulation.people = approve
    simulation.world.release("api", "app:crash")


SCALE = {"to": 5, "revertAfter": "10m"}
MORE_OR_AS_BEFORE = step("scale", {"by": 2}, onFailure="Undo", verify={"timeout": "30s", "stableFor": "10s"})
RAISE = {**SCALE, "autoscaler": "HorizontalPodAutoscaler"}
BOUNDS = (2, 4)  # before and after; the maximum is raised, too

HEALS: dict[str, Heal] = {
    "undo of a bad release": Heal(
        prepare=lambda simulation: _calm(simulation, step("rolloutUndo"), step("rolloutRestart")),
        strike=lambda simulation: simulation.world.release("api", "app:crash"),
        effects=1,
    ),
    "restart of stuck pods": Heal(
        prepare=lambda simulation: _calm(simulation, step("rolloutRestart")),
        strike=lambda simulation: simulation.world.sicken_pods("api", "crash"),
        effects=1,
    ),
    "scale on an alert, and its take-back": Heal(
        prepare=lambda simulation: _calm(simulation, step("scale", SCALE), triggers=[on_alert("Busy")]),
        strike=_alert_for_a_while,
        effects=2,
    ),
    "bounds of an HPA raised on an alert, and their take-back": Heal(
        prepare=_calm_autoscaled,
        strike=_alert_for_a_while,
        effects=2,
    ),
    "undo of a bad release of an ordered StatefulSet, with its stuck pod": Heal(
        prepare=lambda simulation: _calm_set(simulation, step("rolloutUndo"), step("rolloutRestart")),
        strike=lambda simulation: simulation.world.release("api", "app:pullfail"),
        effects=1,
        deletions=("api-2",),
        replicas=3,
    ),
    "restart of an ordered StatefulSet of which every pod is stuck": Heal(
        prepare=lambda simulation: _calm_set(simulation, step("rolloutRestart")),
        strike=lambda simulation: simulation.world.sicken_pods("api", "crash-unready"),
        effects=1,
        deletions=("api-0", "api-1", "api-2"),  # each waits for the one before
        replicas=3,
    ),
    "scale that did not help, taken back before the undo": Heal(
        prepare=lambda simulation: _calm(simulation, MORE_OR_AS_BEFORE, step("rolloutUndo")),
        strike=lambda simulation: simulation.world.release("api", "app:crash"),
        effects=3,
    ),
    "escalation after a restart that did not help": Heal(
        prepare=lambda simulation: _calm(simulation, step("rolloutRestart"), triggers=[on_pods()]),
        strike=lambda simulation: simulation.world.release("api", "app:crash"),
        effects=1,
        image="app:crash",
    ),
    "undo that a person approves": Heal(
        prepare=lambda simulation: _calm(simulation, step("rolloutUndo"), step("rolloutRestart"), mode="Approve"),
        strike=_release_before_people_who_approve,
        effects=1,
    ),
}


@dataclass(slots=True)
class Outcome:
    """What is left when an incident is over: the same with a fault in it as without."""

    image: str
    replicas: int
    bounds: tuple[int, int] | None  # of the autoscaler
    annotations: frozenset[str]  # ours, by name
    remediations: list[tuple[str, str, str]]
    unsettled: list[str]  # of the budget
    effects: dict[str, int] = field(default_factory=dict)  # by attempt id
    deletions: tuple[str, ...] = ()  # of pods by the operator, by name
    counted: int = 0  # attempts that limits count
    offences: list[str] = field(default_factory=list)

    def essence(self) -> tuple[object, ...]:
        """What must be the same."""
        end = self.image, self.replicas, self.bounds, self.annotations
        return *end, self.remediations, self.unsettled, self.deletions


@dataclass(slots=True)
class Play:
    """A played incident."""

    simulation: Simulation
    struck_at: datetime
    incident: range  # of call indices
    outcome: Outcome


def play(  # noqa: PLR0913 - what may go wrong has these parts
    heal: Heal,
    *,
    faults: dict[int, FaultKind] | None = None,
    replicas: int = 1,
    stands_still: timedelta = timedelta(),
    outage: tuple[datetime, datetime] | None = None,
    admissions: Sequence[Admission] = (),
) -> Play:
    """Play an incident to its end, with faults at call indices; a process that is paused goes on after a while.

    `admissions` are there from the moment at which it strikes.
    """
    with Simulation(replicas) as simulation:
        simulation.world.server.faults.at.update(faults or {})
        simulation.world.server.faults.outages += [outage] if outage else []
        heal.prepare(simulation)
        simulation.stands_still = stands_still
        struck_at, first = simulation.world.now, simulation.world.server.index
        heal.strike(simulation)
        simulation.world.store.admissions.extend(admissions)
        simulation.run_until(
            lambda: is_over(simulation) and not simulation.is_waiting_for_a_process(),
            within=timedelta(hours=3),  # giveUpAfter, and what came before it
        )
        over_at = simulation.world.server.index
        simulation.run(SETTLES_WITHIN)
        last = last_write(simulation)
        simulation.run(SETTLES_WITHIN)
        assert last_write(simulation) == last, f"written after the end: {last_write(simulation)}"
        return Play(simulation, struck_at, range(first, over_at), look(simulation))


def look(simulation: Simulation) -> Outcome:
    """What is there now."""
    world = simulation.world
    budget = simulation.budget()
    return Outcome(
        image=world.image("api"),
        replicas=world.replicas("api"),
        bounds=world.bounds("api"),
        annotations=frozenset(
            key for key in world.workload("api")["metadata"]["annotations"] if key.startswith("platelet.dev/")
        ),
        remediations=[(each.name, each.status.state, each.status.reason) for each in simulation.remediations()],
        unsettled=[
            each.id
            for each in budget.status.entries
            if each.outcome is None or each.settled_at is None or _is_owed(each)
        ],
        effects=effects(world.server.audit),
        deletions=deletions(world.server.audit),
        offences=history.offences(world.server.audit),
        counted=sum(each.kind == "Act" and not each.refunded for each in budget.status.entries),
    )


def _is_owed(entry: Entry) -> bool:
    """Whether a temporary change that was made is still to be taken back."""
    return entry.take_back is not None and not entry.take_back.done and entry.outcome in ("Done", "Unknown")


def judge(found: Outcome, wanted: Outcome | None) -> None:
    """Hold what must hold whatever goes wrong; with `wanted`, also that the end is the same."""
    assert found.offences == []
    assert all(count == 1 for count in found.effects.values()), found.effects
    assert found.counted >= len({each for each in found.effects if "/back" not in each})
    if wanted is not None:
        assert found.essence() == wanted.essence()


def effects(audit: list[Call]) -> dict[str, int]:
    """How often a write of each attempt changed a workload, by the audit alone."""
    found: dict[str, int] = {}
    for call in audit:
        if call.changed and call.resource in _WRITTEN and _is_an_action(call):
            found[call.agent] = found.get(call.agent, 0) + 1
    return found


def most_in(window: timedelta, moments: Sequence[datetime]) -> int:
    """How many of the moments lie in one window of this length, at most."""
    return max((sum(start <= each < start + window for each in moments) for start in moments), default=0)


def deletions(audit: list[Call]) -> tuple[str, ...]:
    """The pods that were deleted, each time that one was."""
    return tuple(call.name for call in audit if call.changed and (call.verb, call.resource) == ("delete", "pods"))


def _is_an_action(call: Call) -> bool:
    """All but our annotation."""
    return not (isinstance(call.body, dict) and "spec" not in call.body)


def last_write(simulation: Simulation) -> tuple[int, str, str] | None:
    """The last one that says something new: neither a renewal of the Lease nor the count of a repeated fact."""
    last: tuple[int, str, str] | None = None
    known: dict[str, object] = {}
    for call in simulation.world.server.audit:
        if not call.changed or call.resource == kube.LEASES.plural:
            continue
        if call.resource == kube.REMEDIATIONS.plural and call.subresource == "status":
            meaning = {key: value for key, value in call.body["status"].items() if key != "evidence"}
            if known.get(call.name) == meaning:
                continue
            known[call.name] = meaning
        last = call.index, call.resource, call.name
    return last


def sample(items: Sequence[T], every: int, begin: int = 0) -> Sequence[T]:
    """Each so-and-so-manieth; all of them in the full sweep."""
    return items if EVERY_INDEX else items[begin % every :: every]


def moments(incident: range, audit: list[Call]) -> list[tuple[int, FaultKind]]:
    """Where to kill so that every different state is met in which a process can be killed.

    Two kills at the same virtual moment with nothing changed in between leave the very same world behind, so one of
    them stands for both.
    """
    chosen: dict[tuple[object, int], tuple[int, FaultKind]] = {}
    for call in audit:
        if call.index in incident:
            chosen.setdefault((call.at, call.revision[0]), (call.index, "kill before"))
            chosen.setdefault((call.at, call.revision[1]), (call.index, "kill after"))
    return sorted(chosen.values())
