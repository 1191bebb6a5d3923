"""Drives one Remediation: gather, decide, store, do, look again; until there is nothing left to do for now."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from platelet.api import lenient
from platelet.api import remediation as contract
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.core import acting, history, unrecorded
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.core.opening import Update
from platelet.model.effects import Settle
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.situation import Situation
from platelet.shell.clock import Clock
from platelet.shell.gathering import Gatherer
from platelet.shell.hands import Hands
from platelet.shell.historian import Historian
from platelet.shell.kube import REMEDIATIONS, Conflict, Kube, NotFound, Refused, Unanswered
from platelet.shell.narrator import Narrator
from platelet.shell.opener import store_status
from platelet.shell.sight import SettlePods, Sight, see
from platelet.shell.survey import UNREADABLE, survey

_TURNS = 40  # a heal takes about ten; more than this in a row is a livelock, and yields
_PAUSE = 1.0  # seconds, after effects that came to nothing; doubled each time
_LONGEST_PAUSE = 60.0
_TRIES_REFUSED, _TRIES_UNANSWERED = 3, 6  # of storing a status, some seconds; then its place is given back
_UNSTORED_PAUSE, _LONGEST_UNSTORED = 60.0, 3600.0

log = structlog.get_logger("platelet.reconciler")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to: look again at once (None), or at a moment."""

    rest: bool
    over: bool = False  # closed, or gone: it is not looked at again
    again_at: datetime | None = None
    fruitless: bool = False


@dataclass(frozen=True, slots=True)
class Unstored:
    """How often in a row the status of one object could not be stored, and until when it is left alone."""

    uid: str
    failures: int
    until: datetime


class Reconciler:
    """Level-triggered: what it does follows from what it reads, whoever woke it and whatever was lost before."""

    def __init__(  # noqa: PLR0913 - the parts of the flow
        self,
        kube: Kube,
        clock: Clock,
        gatherer: Gatherer,
        hands: Hands,
        historian: Historian,
        narrator: Narrator,
        *,
        on_read: Callable[[Remediation], None] = lambda _remediation: None,
        home: str = OPERATOR_NAMESPACE,
        settle: SettlePods = tuple,
    ) -> None:
        """Take the parts of the flow. `on_read` hears of each Remediation that was looked at, as it was read.

        `home` is the operator's own namespace, where the health of templates is attested.
        """
        self._settle = settle
        self._home = home
        self._on_read = on_read
        self._kube = kube
        self._clock = clock
        self._gatherer = gatherer
        self._hands = hands
        self._historian = historian
        self._narrator = narrator
        self._fruitless: dict[tuple[str, str], int] = {}
        self._unstored: dict[tuple[str, str], Unstored] = {}

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Work on one Remediation until it waits. Returns seconds until it is due by time, None when it is over.

        Raises ApiError when the API server cannot be read: the caller backs off and comes again.
        """
        held = self._unstored.get((namespace, name))
        if held is not None and held.until > self._clock.now() and await self._is_there(namespace, name, held.uid):
            return max(0.0, (held.until - self._clock.now()).total_seconds())
        for _ in range(_TURNS):
            turn = await self._turn(namespace, name)
            if turn.fruitless:
                return self._back_off((namespace, name))
            self._fruitless.pop((namespace, name), None)
            if turn.over:
                return None
            if turn.rest:
                if turn.again_at is None:
                    return math.inf
                return max(0.0, (turn.again_at - self._clock.now()).total_seconds())
        return _PAUSE

    async def _is_there(self, namespace: str, name: str, uid: str) -> bool:
        """Whether it is still the same one: a name comes back once its Remediation was deleted."""
        try:
            stored = await self._kube.get(REMEDIATIONS, namespace, name)
        except NotFound:
            stored = {}
        if lenient.mapping(stored.get("metadata")).get("uid") == uid:
            return True
        self._unstored.pop((namespace, name), None)
        return False

    def _back_off(self, key: tuple[str, str]) -> float:
        failures = self._fruitless.get(key, 0)
        self._fruitless[key] = failures + 1
        return float(min(_LONGEST_PAUSE, _PAUSE * 2 ** min(failures, 10)))

    async def _turn(self, namespace: str, name: str) -> Turn:
        try:
            remediation = contract.read_remediation(await self._kube.get(REMEDIATIONS, namespace, name))
        except NotFound:
            return Turn(rest=True, over=True)
        except UNREADABLE as error:  # a newer version's, maybe: nothing is written on it
            log.warning("not understood, nothing is done", namespace=namespace, name=name, error=str(error)[:300])
            return Turn(rest=True, over=True)
        self._on_read(remediation)
        told = not remediation.status.notices
        if remediation.status.state == "Closed" and told and not await self._gatherer.has_loose_ends(remediation):
            return Turn(rest=True, over=True)
        sight = await self._see(remediation)
        situation = await self._gatherer.gather(remediation, sight)
        decision = decide(situation, self._clock.now())
        try:
            turn = await self._carry_out(remediation, decision)
        except (Refused, Unanswered) as error:
            return await self._not_stored(situation, decision, error)
        if decision.status != remediation.status:
            self._unstored.pop((namespace, name), None)
        return turn

    async def _see(self, remediation: Remediation) -> Sight:
        """The target; its live template is on record before anything is planned on it.

        While an attempt is under way nothing is, and whose template that is, its outcome tells.
        """
        target = remediation.target
        sight = await see(self._kube, target, self._home, settle=self._settle)
        if acting.unfinished(remediation.status) is not None:
            return sight
        if sight.workload is not None and history.is_behind(sight.workload, sight.revisions, sight.records):
            siblings = (await survey(self._kube, target.namespace)).of(target)
            await self._historian.record(sight, siblings)
            sight = await see(self._kube, target, self._home, settle=self._settle)
        return sight

    async def _carry_out(self, remediation: Remediation, decision: Decision) -> Turn:
        before, after = remediation.status, decision.status
        stored = after != before and contract.write_status(after) != contract.write_status(before)
        if stored:
            try:
                await store_status(self._kube, remediation, Update(remediation=remediation, status=after))
            except (Conflict, NotFound):
                return Turn(rest=False)
            self._remember_intents(before, after)
            self._narrator.tell(remediation, after)
        results = [await self._hands.run(effect) for effect in decision.effects]
        if stored or any(results):
            return Turn(rest=False)
        return Turn(rest=True, again_at=decision.again_at, fruitless=bool(results))

    async def _not_stored(self, situation: Situation, decision: Decision, error: Refused | Unanswered) -> Turn:
        """Try again a few times; then go by what can be stored, with growing pauses while that is nothing."""
        remediation, now, refused = situation.remediation, self._clock.now(), isinstance(error, Refused)
        key = (remediation.namespace, remediation.name)
        before = self._unstored.get(key)
        failures = 1 + (before.failures if before is not None and before.uid == remediation.uid else 0)
        log.warning("a status was not stored", namespace=key[0], name=key[1], failures=failures, error=str(error))
        surplus = failures - (_TRIES_REFUSED if refused else _TRIES_UNANSWERED)
        if surplus < 0:
            pause = _PAUSE * 2 ** (failures - 1)
        else:
            pause = min(_LONGEST_UNSTORED, _UNSTORED_PAUSE * 2 ** min(surplus, 10))
            plain = unrecorded.decide(situation, decision.status, error.message, now, refused=refused)
            if await self._settle_for(remediation, plain):
                self._unstored.pop(key, None)
                return Turn(rest=False)
        self._unstored[key] = Unstored(remediation.uid, failures, now + timedelta(seconds=pause))
        return Turn(rest=True, again_at=now + timedelta(seconds=pause))

    async def _settle_for(self, remediation: Remediation, plain: Decision) -> bool:
        """Give places back, whatever comes of the rest; whether the plain status could be stored."""
        told = [each for each in plain.effects if not isinstance(each, Settle)]
        for effect in plain.effects:
            if isinstance(effect, Settle):
                await self._hands.run(effect)
        with contextlib.suppress(Refused, Unanswered):
            await self._carry_out(remediation, replace(plain, effects=tuple(told)))
            return plain.status != remediation.status
        return False

    def _remember_intents(self, before: RemediationStatus, after: RemediationStatus) -> None:
        known = {each.id for each in before.attempts}
        for attempt in after.attempts:
            if attempt.phase == "Intended" and attempt.id not in known:
                self._hands.intended(attempt.id)
