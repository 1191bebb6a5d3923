"""Reads everything that a decision may know into one named value. Fresh quorum reads, never a watch's cache."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from platelet import guards
from platelet.core import acting, handover, meaning, observing, references, signals, verifying
from platelet.model.budget import Entry
from platelet.model.policy import Settings
from platelet.model.remediation import BEFORE_ACTING, Remediation
from platelet.model.signal import TOLD, Evidence, Signal
from platelet.model.situation import Situation
from platelet.shell import autoscalers, goal_references, pinning, surroundings
from platelet.shell.asking import Asker, Nobody
from platelet.shell.clock import Clock
from platelet.shell.hands import Hands
from platelet.shell.kube import NAMESPACES, Json, Kube
from platelet.shell.ledger import Ledger
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.sight import Sight
from platelet.shell.survey import Survey, survey

SUSPEND = "platelet.dev/suspend"
_SOON = timedelta(seconds=30)  # longer than it takes from a read to the decision on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the process itself knows besides the API."""

    settings: Settings
    epoch: Callable[[], int]
    alerts_known_at: Callable[[], datetime | None]
    thorough: bool = False  # read also what cannot change the decision, for people who ask each guard
    queries_known_at: Callable[[str], datetime | None] = lambda _policy: None  # by the policy's key
    leading_for: Callable[[], timedelta | None] = lambda: None
    asker: Asker = field(default_factory=Nobody)


class Gatherer:
    """Reads the situation of one Remediation."""

    def __init__(  # noqa: PLR0913 - its sources
        self,
        kube: Kube,
        clock: Clock,
        ledger: Ledger,
        book: PolicyBook,
        hands: Hands,
        around: Circumstances,
    ) -> None:
        """Take the sources to read from."""
        self._kube = kube
        self._clock = clock
        self._ledger = ledger
        self._book = book
        self._hands = hands
        self._around = around

    async def gather(self, remediation: Remediation, sight: Sight) -> Situation:
        """The rest of the situation around a workload that was just seen. Raises ApiError when a read fails."""
        reference = remediation.spec.policy_ref
        namespace = remediation.namespace
        standing, budget, stored_namespace, found = await asyncio.gather(
            self._book.live(reference.namespace or namespace, reference.name),
            self._ledger.read(),
            self._kube.get(NAMESPACES, "", namespace),
            survey(self._kube, namespace),
        )
        siblings = found.of(remediation.target)
        ladder = await pinning.read_ladder(self._kube, remediation)
        now_signals = self._signals(remediation, standing, sight)
        attempt = remediation.status.attempts[-1].id if remediation.status.attempts else ""
        situation = Situation(
            settings=self._around.settings,
            remediation=remediation,
            steps=ladder.steps,
            to_pin=ladder.to_pin,
            invalid_steps=ladder.invalid,
            policy=standing.policy if standing else None,
            workload=sight.workload,
            signals=now_signals,
            revisions=sight.revisions,
            pods=sight.pods,
            records=tuple(each.as_of(self._clock.now()) for each in sight.records),
            budget=budget,
            epoch=self._around.epoch(),
            claims=await self._claims(remediation),
            covered=_is_covered(standing, sight),
            inherited=_inherited(remediation, siblings),
            missing_references=references.missing_elsewhere(sight.pods, sight.records),
            namespace_suspended=_annotation(stored_namespace, SUSPEND),
            older_open=_older(remediation, siblings) or _unreadable_before(remediation, found),
            older_escalated=_older(remediation, siblings, escalated=True),
            clock_age_seconds=self._clock.age(),
            never_sent=self._hands.never_sent,
            failure=self._hands.failure(attempt),
            stored=self._hands.stored(attempt),
            answered_marks=self._hands.answered_marks(remediation.uid),
            delivery=self._hands.take_delivery((namespace, remediation.name)),
            alerts_known_at=self._around.alerts_known_at(),
            queries_known_at=self._around.queries_known_at(standing.policy.key) if standing else None,
            leading_for=self._around.leading_for(),
            readings=await self._around.asker.ask(verifying.questions(remediation, ladder.steps, remediation.target)),
        )
        return await self._look_around(situation, standing, found)

    async def _look_around(self, situation: Situation, standing: Standing | None, siblings: Survey) -> Situation:
        """Add what lies beyond the target, where anything may still be planned that it could forbid."""
        status, far = situation.remediation.status, False
        under_way = acting.unfinished(status) is not None  # until its write has left, everything is asked again
        if under_way or status.state in BEFORE_ACTING:
            far = under_way or self._around.thorough or status.state != "Waiting"
            far = far or not self._is_forbidden_anyway(situation)
            situation = await surroundings.look_around(self._kube, situation, standing, siblings, far=far)
        if far:
            absent = await goal_references.read_absent(self._kube, situation)
            situation = replace(situation, absent_references=absent)
        written = meaning.bounds_written(situation)
        at_stake = meaning.writes_replicas(situation) or handover.needs_autoscalers(situation)
        if far or written or at_stake:
            situation = replace(situation, autoscalers=await autoscalers.read(self._kube, situation.target, written))
        return situation

    def _is_forbidden_anyway(self, situation: Situation) -> bool:
        """Whether guards that need no look around say no, also when this is decided on in a moment."""
        denial = guards.first_denial(situation, self._clock.now() + _SOON, guards.WHATEVER_THE_STEP)
        return denial is not None

    async def _claims(self, remediation: Remediation) -> tuple[Entry, ...]:
        """What all that observe, wherever they are, would have reserved; who acts is not judged by that."""
        if remediation.spec.mode != "Observe" or remediation.status.state != "Waiting":
            return ()
        return observing.claims((await survey(self._kube)).readable, self._clock.now())

    async def has_loose_ends(self, remediation: Remediation) -> bool:
        """Whether the budget must still be told something about this remediation."""
        budget = await self._ledger.read()
        if budget is None:
            return True
        own = f"{remediation.uid}/"
        return any(each.id.startswith(own) and each.settled_at is None for each in budget.status.entries)

    def _signals(self, remediation: Remediation, standing: Standing | None, sight: Sight) -> tuple[Signal, ...]:
        if sight.workload is None:
            return ()
        triggers = standing.loaded.looked_for if standing else ()
        known = remediation.status.evidence or (remediation.spec.signal,)
        return signals.current(
            triggers,
            [each for each in known if each.source in TOLD or each.resolved_at is None],
            sight.workload,
            sight.revisions,
            sight.pods,
            self._clock.now(),
            standing.loaded.alert_triggers if standing else None,
        )


async def read_remediations(kube: Kube, namespace: str = "") -> list[Remediation]:
    """All Remediations that can be read. Who must know of the others asks `survey`."""
    return (await survey(kube, namespace)).readable


def _annotation(stored: Json, key: str) -> str:
    """A switch: absent and `false` are off (empty), anything else is on and the reason; an empty value is `true`."""
    value = (stored["metadata"].get("annotations") or {}).get(key, "false")
    return "" if value == "false" else (value or "true")


def _is_covered(standing: Standing | None, sight: Sight) -> bool:
    """Whether the policy, as it is now, is still for this workload."""
    workload = sight.workload
    if standing is None or workload is None:
        return True  # other words say more: deleted
    chosen = standing.loaded.targets
    inside = workload.ref.namespace in standing.namespaces
    return inside and chosen.matches(workload.labels, workload.ref.name, workload.ref.kind)


def _inherited(remediation: Remediation, siblings: Sequence[Remediation]) -> tuple[Evidence, ...]:
    """What still fires of the incident that this one continues."""
    before = next((each for each in siblings if each.name == remediation.spec.continues), None)
    if before is None:
        return ()
    return tuple(each for each in before.status.evidence if each.source in TOLD and each.resolved_at is None)


def _unreadable_before(remediation: Remediation, found: Survey) -> str:
    if remediation.spec.mode == "Observe":
        return ""
    return found.busy_before(remediation.target, remediation.status.opened_at)


def _older(remediation: Remediation, siblings: Sequence[Remediation], *, escalated: bool = False) -> str:
    """Of two acting ones of a target (one made by hand) the older acts, unless people have that one."""
    if remediation.spec.mode == "Observe":
        return ""
    order = (remediation.status.opened_at is None, remediation.status.opened_at, remediation.name)
    older = [
        each.name
        for each in siblings
        if each.uid != remediation.uid
        and each.spec.mode != "Observe"
        and each.status.state != "Closed"
        and (each.status.state == "Escalated") == escalated
        and each.target == remediation.target
        and (each.status.opened_at is None, each.status.opened_at, each.name) < order
    ]
    return min(older, default="")
