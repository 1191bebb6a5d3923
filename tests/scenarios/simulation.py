"""Runs a world and the operator's replicas in it, moment by moment; starts a new replica where one was killed."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

from platelet.api.kinds import budget as budget_contract
from platelet.api.kinds import remediation as remediation_contract
from platelet.model.budget import Budget
from platelet.model.remediation import Remediation
from platelet.replay import schemas
from platelet.replay.strategies import deep_copy
from platelet.shell import kube
from tests.scenarios.alert_sender import AlertSender
from tests.scenarios.callers_back import CallbackSender
from tests.scenarios.operator_in_model import Mailbox, Process
from tests.scenarios.world import OPERATOR, SHOP, World

HEALTHY_FOR = timedelta(seconds=30)
_STEPS_AT_ONE_MOMENT = 500


class Simulation:
    """A world with `replicas` of the operator. Everything is decided by what is done to it: no chance, no real time."""

    def __init__(
        self, replicas: int = 1, healthy_for: timedelta = HEALTHY_FOR, *, told_by_servers: bool = False
    ) -> None:
        """Start with an ActionBudget of the default limits. `told_by_servers`: replicas know the time by headers."""
        random.seed(0)
        self.world = World()
        self.world.store.schemas = schemas.schemas()
        self.mailbox = Mailbox()
        self.alerts = AlertSender(self.world.clock)
        self.callbacks = CallbackSender(self.world.clock)
        self.budget_spec({})
        self._healthy_for = healthy_for
        self._told_by_servers = told_by_servers
        self._started = 0
        self.processes = [self._start() for _ in range(replicas)]
        self.people: Callable[[Simulation], None] | None = None  # what they do whenever something has happened
        self.restarts = True  # a killed replica is started again
        self.stands_still = timedelta()  # for so long does a paused replica
        self._resumes_at: datetime | None = None
        self._remediations: dict[str, Remediation] = {}  # as last read, by uid

    def __enter__(self) -> Self:
        """Use it in a `with`: what still runs at its end is ended."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all replicas."""
        for process in self.processes:
            process.end()

    def budget_spec(self, spec: kube.Json) -> None:
        """Set the ActionBudget's spec; create it where there is none."""
        store = self.world.store
        try:
            store.patch(kube.BUDGETS, OPERATOR, "platelet", {"spec": spec})
        except kube.NotFound:
            store.create(kube.BUDGETS, OPERATOR, {"metadata": {"name": "platelet"}, "spec": spec})

    def apply(self, *manifests: kube.Json) -> None:
        """`kubectl create` of runbooks and policies."""
        kinds = {resource.kind: resource for resource in (kube.RUNBOOKS, kube.POLICIES, kube.ESCALATION_POLICIES)}
        for manifest in manifests:
            self.world.store.create(kinds[manifest["kind"]], manifest["metadata"].get("namespace", SHOP), manifest)

    def run(self, span: timedelta) -> None:
        """Let time pass."""
        self._run(self.world.now + span, lambda: False)

    def run_until(self, holds: Callable[[], bool], within: timedelta = timedelta(hours=2)) -> None:
        """Let time pass until something holds. AssertionError when it does not in time."""
        if not self._run(self.world.now + within, holds):
            raise AssertionError(f"it did not come to hold within {within}: {self.describe()}")

    def remediations(self, namespace: str = SHOP) -> list[Remediation]:
        """All of a namespace, as the operator reads them."""
        return [self._read(stored) for stored in self.world.store.view(kube.REMEDIATIONS, namespace)]

    def remediation(self, namespace: str = SHOP) -> Remediation:
        """The only one."""
        (only,) = self.remediations(namespace)
        return only

    def budget(self) -> Budget:
        """The ActionBudget."""
        return budget_contract.read_budget(self.world.store.get(kube.BUDGETS, OPERATOR, "platelet"))

    def describe(self) -> str:
        """What became of everything, for a failing test."""
        lines = [f"{self.world.now}"]
        for remediation in self.remediations():
            status = remediation.status
            lines.append(f"{remediation.name}: {status.state} {status.reason}: {status.message}")
            lines += [
                f"  {at.id[-8:]} {at.kind} {at.action} {at.phase} {at.verdict} {at.summary}" for at in status.attempts
            ]
            lines += [
                f"  {note.first_at:%H:%M:%S} {note.step} {note.by} {note.reason} {note.message}"
                for note in status.decisions
            ]
        return "\n".join(lines)

    def is_waiting_for_a_process(self) -> bool:
        """Whether one stands still."""
        return any(process.stopped for process in self.processes)

    def _read(self, stored: kube.Json) -> Remediation:
        """Each version is read once, however often it is asked for."""
        uid, version = stored["metadata"]["uid"], stored["metadata"]["resourceVersion"]
        known = self._remediations.get(uid)
        if known is None or known.resource_version != version:
            known = self._remediations[uid] = remediation_contract.read_remediation(deep_copy(stored))
        return known

    def _start(self) -> Process:
        self._started += 1
        name = f"replica-{self._started}"
        return Process(self.world, name, self.mailbox, self._healthy_for, told_by_servers=self._told_by_servers)

    def _run(self, end: datetime, holds: Callable[[], bool]) -> bool:
        while True:
            self._settle()
            if holds():
                return True
            moment = self._next(end)
            if moment is None:
                self.world.clock.moment = end
                self._settle()
                return holds()
            self.world.clock.moment = moment

    def _settle(self) -> None:
        """Until nothing more happens at this moment."""
        for _ in range(_STEPS_AT_ONE_MOMENT):
            before = self._progress()
            self.world.step()
            for process in self.processes:
                process.run()
            self._replace_the_dead()
            self._resume_the_stopped()
            self.alerts.send(self.processes)
            self.callbacks.step(self.processes)
            if self.people is not None:
                self.people(self)
            if before == self._progress():
                return
        raise AssertionError(f"too much happens at one moment: {self.describe()}")

    def _progress(self) -> tuple[int, int, int]:
        return self.world.store.revision, self.world.server.index, sum(process.stopped for process in self.processes)

    def _replace_the_dead(self) -> None:
        living = [process for process in self.processes if not process.dead]
        missing = len(self.processes) - len(living) if self.restarts else 0
        self.processes = [*living, *(self._start() for _ in range(missing))]

    def _resume_the_stopped(self) -> None:
        stopped = [process for process in self.processes if process.stopped]
        if stopped and self._resumes_at is None:
            self._resumes_at = self.world.now + self.stands_still
        if self._resumes_at is not None and self._resumes_at <= self.world.now:
            self._resumes_at = None
            for process in stopped:
                process.api.resume()

    def _next(self, end: datetime) -> datetime | None:
        times = [
            self._resumes_at,
            self.world.next_change(),
            self.alerts.next_due(),
            self.callbacks.next_due(),
            *(process.next_due() for process in self.processes),
        ]
        return min((moment for moment in times if moment is not None and moment <= end), default=None)
