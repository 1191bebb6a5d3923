"""The incidents that are played again and again with faults in them: what is set up, what strikes, when it is over."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from platelet.changes import config_value, kept_values
from platelet.model import approval
from platelet.model.budget import Entry
from platelet.model.resource import JOBS
from platelet.replay.admission import Admission
from platelet.shell import kube
from tests.scenarios import history, jobs
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
_WRITTEN = {
    *(resource.plural for resource in (*kube.WORKLOADS.values(), kube.AUTOSCALERS, JOBS, config_value.CONFIG_MAPS))
}
SETTLES_WITHIN = 2 * MINUTE  # after the end: a new leader after a late kill, proofs of health


def is_over(simulation: Simulation) -> bool:
    """Every incident is settled, people were told where they must be, and no alert fires."""
    remediations = simulation.remediations()
    return (
        bool(remediations)
        and not simulation.alerts.firing
        and all(
            remediation.status.state == "Closed" or (remediation.status.state == "Escalated" and _told(simulation))
            for remediation in remediations
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
    container: kube.Json = field(default_factory=dict)  # what it has in the end beside its name and image


def _calm(simulation: Simulation, *steps: kube.Json, **more: Any) -> None:
    simulation.apply(runbook(*steps), policy(limits=LIMITS, **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def calm_limited(simulation: Simulation, *steps: kube.Json, **more: Any) -> None:
    """A healthy workload with a limit of memory and a request of half of that."""
    simulation.apply(runbook(*steps), policy(limits=LIMITS, **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.world.limit("api", OLD_MEMORY)
    simulation.run(2 * MINUTE)


def calm_probed(simulation: Simulation, *steps: kube.Json, **more: Any) -> None:
    """A healthy workload with a liveness probe."""
    simulation.apply(runbook(*steps), policy(limits=LIMITS, **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.world.set_up("api", livenessProbe=PROBE)
    simulation.run(2 * MINUTE)


def _calm_with_variables(simulation: Simulation) -> None:
    simulation.apply(runbook(step("setEnv", LIMITED)), policy(limits=LIMITS, triggers=[on_alert("Busy")]))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.world.set_up("api", env=VARIABLES)
    simulation.run(2 * MINUTE)


def calm_configured(simulation: Simulation, **more: Any) -> None:
    """A healthy workload that takes its environment from a ConfigMap."""
    wanted = policy(limits=LIMITS, triggers=[on_alert("Busy")], **more)
    simulation.apply(runbook(step("setConfig", SWITCHED)), wanted)
    body = {"metadata": {"name": "api"}, "data": dict(CONFIG)}
    simulation.world.store.create(config_value.CONFIG_MAPS, SHOP, body)
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.world.set_up("api", envFrom=FROM_CONFIG)
    simulation.run(2 * MINUTE)


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
    for remediation in simulation.remediations():
        shown = remediation.status.approval
        if remediation.status.state == "AwaitingApproval" and shown is not None and shown.answer is None:
            annotations = {approval.APPROVE: shown.token, approval.APPROVED_BY: "ann"}
            simulation.world.store.patch(
                kube.REMEDIATIONS, SHOP, remediation.name, {"metadata": {"annotations": annotations}}
            )


def _calm_with_a_job(simulation: Simulation) -> None:
    jobs.shelve(simulation, "mend")
    evidence = {"logs": True}  # is read while it is killed as well
    _calm(simulation, step("job", {"fromCronJob": "mend"}), triggers=[on_alert("Busy")], evidence=evidence)
    simulation.people = jobs.finish


def _alert_before_people_who_approve(simulation: Simulation) -> None:
    simulation.people = approve
    _alert_for_a_while(simulation)


def _release_before_people_who_approve(simulation: Simulation) -> None:
    simulation.people = approve
    simulation.world.release("api", "app:crash")


def _sicken_one(simulation: Simulation) -> None:
    (pod, *_) = simulation.world.pods("api")
    simulation.world.controllers.pods.lives[pod["metadata"]["uid"]].sicken("crash-unready", simulation.world.now)
    simulation.world.step()


SCALE = {"to": 5, "revertAfter": "10m"}
MORE_OR_AS_BEFORE = step("scale", {"by": 2}, onFailure="Revert", verify={"timeout": "30s", "stableFor": "10s"})
SWITCH_OFF = step("scale", {"to": 0, "allowZero": True})
AS_BEFORE = step("scale", {"to": "previous"}, name="as-before")
RAISE = {**SCALE, "autoscaler": "HorizontalPodAutoscaler"}
OLD_MEMORY = {"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}}
MORE = {"limits": {"memory": "768Mi"}, "requests": {"memory": "384Mi"}}
MORE_MEMORY = {"memory": {"byPercent": 50, "max": "2Gi"}}
IN_PLACE_FOR_A_WHILE = {**MORE_MEMORY, "inPlace": "Prefer", "revertAfter": "10m"}
MORE_MEMORY_OR_AS_BEFORE = step(
    "adjustResources", MORE_MEMORY, onFailure="Revert", verify={"timeout": "30s", "stableFor": "10s"}
)
PROBE = {"httpGet": {"path": "/", "port": 80}, "failureThreshold": 3, "periodSeconds": 10, "timeoutSeconds": 1}
LONGER = {"liveness": {"grace": {"byPercent": 100, "max": "10m"}, "timeout": {"to": "5s", "max": "5s"}}}
TOKEN = {"name": "TOKEN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
VARIABLES = [{"name": "RATE_LIMIT", "value": "old-and-secret"}, TOKEN]
LIMITED = {
    "env": [{"name": "RATE_LIMIT", "value": "new-and-secret"}, {"name": "MODE", "value": "strict"}],
    "revertAfter": "10m",
}
CONFIG = {"PROVIDER": "old-and-secret", "OTHER": "stays"}
FROM_CONFIG = [{"configMapRef": {"name": "api"}}]
SWITCHED = {
    "configMap": "api", "key": "PROVIDER", "value": "new-and-secret", "restart": True, "revertAfter": "10m",
}  # fmt: skip
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
    "scale on an alert, and its revert": Heal(
        prepare=lambda simulation: _calm(simulation, step("scale", SCALE), triggers=[on_alert("Busy")]),
        strike=_alert_for_a_while,
        effects=2,
    ),
    "switched off once a person approves, and left to people": Heal(
        prepare=lambda simulation: _calm(simulation, SWITCH_OFF, mode="Approve", triggers=[on_alert("Busy")]),
        strike=_alert_before_people_who_approve,
        effects=1,
        replicas=0,
    ),
    "switched off, and back to as many as before": Heal(
        prepare=lambda simulation: _calm(
            simulation, {**SWITCH_OFF, "onInconclusive": "Next"}, AS_BEFORE, mode="Approve", triggers=[on_alert("Busy")]
        ),
        strike=_alert_before_people_who_approve,
        effects=2,
    ),
    "bounds of an HPA raised on an alert, and their revert": Heal(
        prepare=_calm_autoscaled,
        strike=_alert_for_a_while,
        effects=2,
    ),
    "more memory for what was OOM-killed": Heal(
        prepare=lambda simulation: calm_limited(
            simulation, step("adjustResources", MORE_MEMORY), triggers=[on_pods("OOMKilled")]
        ),
        strike=lambda simulation: simulation.world.sicken_pods("api", "oom"),
        effects=1,
        container={"resources": MORE},
    ),
    "more memory on an alert, and its revert": Heal(
        prepare=lambda simulation: calm_limited(
            simulation, step("adjustResources", {**MORE_MEMORY, "revertAfter": "10m"}), triggers=[on_alert("Busy")]
        ),
        strike=_alert_for_a_while,
        effects=2,
        container={"resources": OLD_MEMORY},
    ),
    "more memory in place on an alert, and its revert": Heal(
        prepare=lambda simulation: calm_limited(
            simulation, step("adjustResources", IN_PLACE_FOR_A_WHILE), triggers=[on_alert("Busy")]
        ),
        strike=_alert_for_a_while,
        effects=4,  # each of two pods, and back
        container={"resources": OLD_MEMORY},
    ),
    "more memory that did not help, reverted before the undo": Heal(
        prepare=lambda simulation: calm_limited(simulation, MORE_MEMORY_OR_AS_BEFORE, step("rolloutUndo")),
        strike=lambda simulation: simulation.world.release("api", "app:oom"),
        effects=3,
        container={"resources": OLD_MEMORY},
    ),
    "a longer grace for what is restarted too early": Heal(
        prepare=lambda simulation: calm_probed(simulation, step("adjustProbes", LONGER)),
        strike=lambda simulation: simulation.world.sicken_pods("api", "crash"),
        effects=1,
        container={"livenessProbe": {**PROBE, "failureThreshold": 6, "timeoutSeconds": 5}},
    ),
    "a longer grace on an alert, and its revert": Heal(
        prepare=lambda simulation: calm_probed(
            simulation, step("adjustProbes", {**LONGER, "revertAfter": "10m"}), triggers=[on_alert("Busy")]
        ),
        strike=_alert_for_a_while,
        effects=2,
        container={"livenessProbe": PROBE},
    ),
    "a variable on an alert, and its revert": Heal(
        prepare=_calm_with_variables, strike=_alert_for_a_while, effects=2, container={"env": VARIABLES}
    ),
    "a key of a ConfigMap and a restart on an alert, and their revert": Heal(
        prepare=calm_configured, strike=_alert_for_a_while, effects=4, container={"envFrom": FROM_CONFIG}
    ),
    "a Job on an alert": Heal(prepare=_calm_with_a_job, strike=_alert_for_a_while, effects=1),
    "eviction of a failing pod": Heal(
        prepare=lambda simulation: _calm(simulation, step("evictPods")),
        strike=_sicken_one,
        effects=1,
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
    "scale that did not help, reverted before the undo": Heal(
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
    container: kube.Json  # beside its name and image
    memory: frozenset[tuple[str, str]]  # limits and requests of its pods
    annotations: frozenset[str]  # ours, by name
    jobs: int  # that there are
    config: kube.Json  # what its ConfigMap holds
    remediations: list[tuple[str, str, str]]
    unsettled: list[str]  # of the budget
    effects: dict[str, int] = field(default_factory=dict)  # by attempt id
    deletions: tuple[str, ...] = ()  # of pods by the operator, by name
    counted: int = 0  # attempts that limits count
    offences: list[str] = field(default_factory=list)

    def essence(self) -> tuple[object, ...]:
        """What must be the same."""
        end = self.image, self.replicas, self.bounds, self.container, self.memory, self.annotations
        return *end, self.jobs, self.config, self.remediations, self.unsettled, self.deletions


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
        container=world.container("api"),
        memory=world.memory_of_pods("api"),
        annotations=frozenset(
            key for key in world.workload("api")["metadata"]["annotations"] if key.startswith("platelet.dev/")
        ),
        jobs=len(world.store.view(JOBS)),
        config=config(simulation),
        remediations=[
            (remediation.name, remediation.status.state, remediation.status.reason)
            for remediation in simulation.remediations()
        ],
        unsettled=[
            entry.id
            for entry in budget.status.entries
            if entry.outcome is None or entry.settled_at is None or _is_owed(entry)
        ],
        effects=effects(world.server.audit),
        deletions=deletions(world.server.audit),
        offences=history.offences(world.server.audit),
        counted=sum(entry.kind == "Act" and not entry.refunded for entry in budget.status.entries),
    )


def config(simulation: Simulation) -> kube.Json:
    """What the workload's ConfigMap holds; nothing where it has none."""
    stored = simulation.world.store.peek((config_value.CONFIG_MAPS.plural, SHOP, "api"))
    return dict(stored["data"]) if stored is not None else {}


def _is_owed(entry: Entry) -> bool:
    """Whether a temporary change that was made is still to be reverted."""
    return entry.revert is not None and not entry.revert.done and entry.outcome in ("Done", "Unknown")


def judge(outcome: Outcome, wanted: Outcome | None) -> None:
    """Hold what must hold whatever goes wrong; with `wanted`, also that the end is the same."""
    assert outcome.offences == []
    assert all(count == 1 for count in outcome.effects.values()), outcome.effects
    assert outcome.counted >= len(
        {attempt.partition("/change-")[0] for attempt in outcome.effects if "/back" not in attempt}
    )
    if wanted is not None:
        assert outcome.essence() == wanted.essence()


def effects(audit: list[Call]) -> dict[str, int]:
    """How often a write of each attempt changed a workload, by the audit alone."""
    counts: dict[str, int] = {}
    for call in audit:
        if call.changed and (
            _is_eviction(call) or _is_resize(call) or (call.resource in _WRITTEN and _is_an_action(call))
        ):
            counts[call.agent] = counts.get(call.agent, 0) + 1
    return counts


def most_in(window: timedelta, moments: Sequence[datetime]) -> int:
    """How many of the moments lie in one window of this length, at most."""
    return max((sum(start <= moment < start + window for moment in moments) for start in moments), default=0)


def deletions(audit: list[Call]) -> tuple[str, ...]:
    """The pods that were deleted, each time that one was."""
    return tuple(call.name for call in audit if call.changed and (call.verb, call.resource) == ("delete", "pods"))


def _is_an_action(call: Call) -> bool:
    """All but our annotation."""
    return not isinstance(call.body, dict) or bool({"spec", "data"} & call.body.keys())


def _is_eviction(call: Call) -> bool:
    """A stuck pod of a StatefulSet is deleted, which belongs to the write before."""
    return call.resource == kube.PODS.plural and isinstance(call.body, dict) and "deleteOptions" in call.body


def _is_resize(call: Call) -> bool:
    return (call.resource, call.subresource) == (kube.PODS.plural, "resize")


def last_write(simulation: Simulation) -> tuple[int, str, str] | None:
    """The last one that says something new: no renewal of the Lease, repeated fact, or removal of what a plan kept."""
    last: tuple[int, str, str] | None = None
    known: dict[str, object] = {}
    for call in simulation.world.server.audit:
        if not call.changed or call.resource == kube.LEASES.plural:
            continue
        if call.verb == "delete" and call.name.startswith(kept_values.PREFIX):
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


def with_faults(calls: Sequence[int], *kinds: FaultKind) -> Iterator[tuple[Simulation, str]]:
    """A simulation for each of these calls: there that call goes wrong, in these ways by turns. And that in words."""
    for index, kind in zip(calls, itertools.cycle(kinds), strict=False):
        with Simulation() as simulation:
            simulation.world.server.faults.at[index] = kind
            yield simulation, f"{kind} call {index}"


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
