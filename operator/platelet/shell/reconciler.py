"""Drives one Remediation: gather, decide, store, do, look again; until there is nothing left to do for now."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from platelet.api import remediation as contract
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.core import acting, history
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.core.opening import Update
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.shell.clock import Clock
from platelet.shell.gathering import Gatherer
from platelet.shell.hands import Hands
from platelet.shell.historian import Historian
from platelet.shell.kube import REMEDIATIONS, Conflict, Kube, NotFound
from platelet.shell.narrator import Narrator
from platelet.shell.opener import store_status
from platelet.shell.sight import SettlePods, Sight, see
from platelet.shell.survey import UNREADABLE

_TURNS = 40  # a heal takes about ten; more than this in a row is a livelock, and yields
_PAUSE = 1.0  # seconds, after effects that came to nothing; doubled each time
_LONGEST_PAUSE = 60.0

log = structlog.get_logger("platelet.reconciler")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to: look again at once (None), or at a moment."""

    rest: bool
    over: bool = False  # closed, or gone: it is not looked at again
    again_at: datetime | None = None
    fruitless: bool = False


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

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Work on one Remediation until it waits. Returns seconds until it is due by time, None when it is over.

        Raises ApiError when the API server cannot be read: the caller backs off and comes again.
        """
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
        return await self._carry_out(remediation, decision)

    async def _see(self, remediation: Remediation) -> Sight:
        """The target; its live template is on record before anything is planned on it.

        While an attempt is under way nothing is, and whose template that is, its outcome tells.
        """
        target = remediation.target
        sight = await see(self._kube, target, self._home, settle=self._settle)
        if acting.unfinished(remediation.status) is not None:
            return sight
        if sight.workload is not None and history.is_behind(sight.workload, sight.revisions, sight.records):
            await self._historian.look(target, acting=False)
            sight = await see(self._kube, target, self._home, settle=self._settle)
        return sight

    async def _carry_out(self, remediation: Remediation, decision: Decision) -> Turn:
        before, after = remediation.status, decision.status
        stored = after != before
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

    def _remember_intents(self, before: RemediationStatus, after: RemediationStatus) -> None:
        known = {each.id for each in before.attempts}
        for attempt in after.attempts:
            if attempt.phase == "Intended" and attempt.id not in known:
                self._hands.intended(attempt.id)
