"""Reads everything that a decision may know into one named value."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from platelet import guards
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import acting, needed_objects, observing, questions, references, signals, since_escalation
from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.budget import Budget, Entry
from platelet.model.reading import Question, Reading
from platelet.model.remediation import BEFORE_ACTING, Remediation
from platelet.model.resource import Resource
from platelet.model.signal import TOLD, Signal
from platelet.model.situation import Knowledge, Ladder, OtherIncidents, Situation, Surroundings
from platelet.model.snapshot import Snapshot
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import Json, Reads
from platelet.shell.kube.clock import Clock
from platelet.shell.read import autoscalers, nodes, objects, own_writes, pinned_ladder, siblings
from platelet.shell.read.blocks import BlockReader
from platelet.shell.read.evidence import EvidenceReader
from platelet.shell.read.goal_references import GoalReferences
from platelet.shell.read.own_writes import WriteMemory
from platelet.shell.read.process_state import ProcessState
from platelet.shell.read.recent_answers import Recent
from platelet.shell.read.rooms import RoomReader
from platelet.shell.read.scope import ScopeReader
from platelet.shell.read.sources import Sources
from platelet.shell.store.budget_reader import BudgetReader
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediation_index import RemediationIndex

SUSPEND = "platelet.dev/suspend"
_SOON = timedelta(seconds=30)  # longer than it takes from a read to the decision on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """What people can stop an incident with, besides its target and the Remediation."""

    policy: ResolvedPolicy | None
    budget: Budget | None
    namespace: Json


class SituationReader:
    """Reads the situation of one Remediation."""

    def __init__(  # noqa: PLR0913 - its sources
        self,
        kube: Reads,
        clock: Clock,
        budget: BudgetReader,
        book: PolicyBook,
        write_memory: WriteMemory,
        around: ProcessState,
        index: RemediationIndex,
        sources: Sources,
    ) -> None:
        """Take the sources to read from. Where one looks at the cluster is chosen among `sources`."""
        self._index = index
        self._sources = sources
        self._references = GoalReferences(kube)
        self._scopes = ScopeReader(sources.remembered, sources.memory, index)
        self._autoscalers: Recent[tuple[WorkloadRef, frozenset[Bounds]], tuple[Autoscaler, ...]] = Recent()
        self._lists: Recent[tuple[str, frozenset[Resource]], Mapping[str, tuple[Json, ...]]] = Recent()
        self._evidence = EvidenceReader(kube, around.log_reader)
        self._rooms = RoomReader(kube, sources.remembered)
        self._blocks = BlockReader(kube, clock.now, around.present_alerts)
        self._kube = kube
        self._clock = clock
        self._budget = budget
        self._book = book
        self._write_memory = write_memory
        self._around = around

    def forget(self, target: WorkloadRef) -> None:
        """We have just written on a target or its autoscaler: what is known of its autoscalers no longer holds."""
        self._autoscalers.forget(lambda key: key[0] == target)

    async def gather(self, remediation: Remediation, snapshot: Snapshot) -> Situation:
        """Read the rest of the situation around a workload that was just seen. Raises ApiError when a read fails."""
        return await self.put_together(remediation, snapshot, await self.ask_brakes(remediation))

    async def ask_brakes(self, remediation: Remediation) -> Brakes:
        """Read the brakes by quorum. Raises ApiError when a read fails."""
        reference, namespace = remediation.spec.policy_ref, remediation.namespace
        resolved, budget, stored_namespace = await asyncio.gather(
            self._book.live(reference.namespace or namespace, reference.name),
            self._budget.read(),
            self._sources.quorum.namespace(namespace),
        )
        return Brakes(policy=resolved, budget=budget, namespace=stored_namespace)

    async def remember_brakes(self, remediation: Remediation) -> Brakes:
        """The brakes as they are remembered; what is not, is read. Raises ApiError when a read fails."""
        reference, namespace = remediation.spec.policy_ref, remediation.namespace
        return Brakes(
            policy=self._book.remembered(reference.namespace or namespace, reference.name),
            budget=await self._budget.read(fresh=False),
            namespace=await self._sources.remembered.namespace(namespace),
        )

    async def put_together(
        self,
        remediation: Remediation,
        snapshot: Snapshot,
        brakes: Brakes,
        *,
        known: Situation | None = None,
        patience: float = 0.0,
    ) -> Situation:
        """Put the situation together. `known` was seen a moment ago: its answers from others are not asked for again.

        What no stream shows may have been read up to `patience` seconds ago. Raises ApiError when a read fails.
        """
        resolved = brakes.policy
        ladder = await pinned_ladder.read_ladder(self._kube, remediation)
        situation = Situation(
            settings=self._around.settings,
            remediation=remediation,
            ladder=ladder,
            policy=resolved.policy if resolved else None,
            covered=_is_covered(resolved, snapshot),
            snapshot=replace(snapshot, records=tuple(record.as_of(self._clock.now()) for record in snapshot.records)),
            signals=self._signals(remediation, resolved, snapshot),
            budget=brakes.budget,
            surroundings=Surroundings(
                missing_references=references.missing_elsewhere(snapshot.pods, snapshot.records),
                namespace_suspended=_annotation(brakes.namespace, SUSPEND),
            ),
            others=await self._others(remediation),
            knowledge=await self._knowledge(remediation, ladder, brakes, known),
            own_writes=own_writes.recall(self._write_memory, remediation),
        )
        return await self._evidence.add(situation, self._look_around(situation, resolved, patience))

    async def _others(self, remediation: Remediation) -> OtherIncidents:
        remediations = await self._index.about(remediation.target)
        others = remediations.of(remediation.target)
        return OtherIncidents(
            inherited=siblings.inherited(remediation, others),
            older_open=siblings.older(remediation, others) or siblings.unreadable_before(remediation, remediations),
            younger_acting=siblings.younger_acting(remediation, others),
            older_escalated=siblings.older(remediation, others, escalated=True),
            attempts=tuple(
                attempt for other in others if other.uid != remediation.uid for attempt in other.status.attempts
            ),
            claims=await self._claims(remediation),
        )

    async def _knowledge(
        self, remediation: Remediation, ladder: Ladder, brakes: Brakes, known: Situation | None
    ) -> Knowledge:
        policy = brakes.policy.policy if brakes.policy is not None else None
        wanted = questions.needed(remediation, ladder.steps, policy, brakes.budget)
        return Knowledge(
            epoch=self._around.epoch(),
            leading_for=self._around.leading_for(),
            clock_age_seconds=self._clock.age(),
            alerts_known_at=self._around.alerts_known_at(),
            queries_known_at=self._around.queries_known_at(policy.key) if policy is not None else None,
            readings=await self._ask(wanted, known),
        )

    async def _ask(self, wanted: Collection[Question], known: Situation | None) -> Mapping[Question, Reading]:
        if known is not None and set(wanted) <= set(known.knowledge.readings):
            return known.knowledge.readings
        return await self._around.asker.ask(wanted)

    async def _look_around(self, situation: Situation, resolved: ResolvedPolicy | None, patience: float) -> Situation:
        """Add what lies beyond the target, where anything may still be planned that it could forbid."""
        status, far = situation.remediation.status, False
        under_way = acting.unfinished(status) is not None  # until its write has left, everything is asked again
        if under_way or status.state in BEFORE_ACTING:
            far = under_way or self._around.thorough or status.state != "Waiting"
            far = far or not self._is_forbidden_anyway(situation)
            nodes_of_pods = await nodes.read_nodes(self._sources.remembered, situation.snapshot.pods, situation.signals)
            situation = _beside(situation, nodes=nodes_of_pods)
        if far:
            scope = await self._scopes.read(situation, resolved)
            absent = await self._references.read_absent(situation, patience)
            situation = _beside(situation, scope=scope, absent_references=absent)
            situation = await self._blocks.add(situation, patience)
        written = needed_objects.written_scalers(situation)
        if written or self._replicas_are_at_stake(situation, far=far):
            target = situation.target
            owners = await self._autoscalers.ask(
                (target, written), patience, lambda: autoscalers.read(self._kube, target, written)
            )
            situation = _beside(situation, autoscalers=owners)
        if far and (planned := needed_objects.planned_lists(situation)):
            listed = await self._lists.ask(
                (situation.target.namespace, planned), patience, lambda: objects.read_lists(self._kube, situation)
            )
            situation = _beside(situation, lists=listed)
        known, unreadable = await objects.read(self._kube, situation)
        situation = _beside(situation, objects=known, unreadable=unreadable)
        return _beside(situation, rooms=await self._rooms.read(situation, self._clock.now())) if far else situation

    def _replicas_are_at_stake(self, situation: Situation, *, far: bool) -> bool:
        """Whether the target's autoscalers must be known: a step to come may write replicas, or somebody may have."""
        now = self._clock.now()
        if needed_objects.asks_who_scales(situation, now) or since_escalation.needs_autoscalers(situation):
            return True
        to_come = situation.ladder.steps[situation.remediation.status.step :]
        return far and (self._around.thorough or any(step.traits.changes_replicas for step in to_come))

    def _is_forbidden_anyway(self, situation: Situation) -> bool:
        """Whether guards that ask for nothing beyond the target deny, now and for the next half minute."""
        return guards.is_denied_anyway(situation, self._clock.now(), _SOON)

    async def _claims(self, remediation: Remediation) -> tuple[Entry, ...]:
        """What all observing Remediations would have reserved; nothing for one that acts, which is not judged by it."""
        if remediation.spec.mode != "Observe" or remediation.status.state != "Waiting":
            return ()
        return observing.claims((await self._index.observing()).readable, self._clock.now())

    async def has_loose_ends(self, remediation: Remediation) -> bool:
        """Whether the budget must still be told something about this remediation."""
        budget = await self._budget.read(fresh=False)
        if budget is None:
            return True
        own = f"{remediation.uid}/"
        return any(entry.id.startswith(own) and entry.settled_at is None for entry in budget.status.entries)

    def _signals(
        self, remediation: Remediation, resolved: ResolvedPolicy | None, snapshot: Snapshot
    ) -> tuple[Signal, ...]:
        if snapshot.workload is None:
            return ()
        known = remediation.status.evidence or (remediation.spec.signal,)
        return signals.current(
            resolved.loaded.triggers if resolved else None,
            [evidence for evidence in known if evidence.source in TOLD or evidence.resolved_at is None],
            snapshot.workload,
            snapshot.revisions,
            snapshot.pods,
            self._clock.now(),
        )


def _beside(situation: Situation, **seen: Any) -> Situation:
    """The situation, with more of what lies around its target."""
    return replace(situation, surroundings=replace(situation.surroundings, **seen))


def _annotation(stored: Json, key: str) -> str:
    """A switch: absent and `false` are off (empty), anything else is on and the reason; an empty value is `true`."""
    value = (stored["metadata"].get("annotations") or {}).get(key, "false")
    return "" if value == "false" else (value or "true")


def _is_covered(resolved: ResolvedPolicy | None, snapshot: Snapshot) -> bool:
    """Whether the policy, as it is now, is still for this workload."""
    workload = snapshot.workload
    if resolved is None or workload is None:
        return True  # other words say more: deleted
    chosen = resolved.loaded.targets
    inside = workload.ref.namespace in resolved.namespaces
    return inside and chosen.matches(workload.labels, workload.ref.name, workload.ref.kind)
