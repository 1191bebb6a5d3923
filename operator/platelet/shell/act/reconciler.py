"""Drives one Remediation: look, decide, store, act, look again, until there is nothing left to do for now.

It decides on what is remembered first, which costs no request. Before it acts, it decides anew on fresh reads
(docs/adr/0021). While nothing but its own records has changed, it goes on from what it has just read.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from platelet.core import acting, grounds, unrecorded
from platelet.core.decision import Decision
from platelet.model.effects import DeletePod, Deliver, Effect, MarkRevision, Publish, Reserve, Settle, Write
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.shell.act.deciding import Decider
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.unstored_statuses import UnstoredStatuses
from platelet.shell.kube import REMEDIATIONS, ApiError, Conflict, Kube, NotFound, Refused, Unanswered
from platelet.shell.kube.clock import Clock
from platelet.shell.read.looks import CHAINED_WITHIN, Look, Looker
from platelet.shell.read.situations import SituationReader
from platelet.shell.store.opener import changed_status, store_written
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.telemetry.progress import ProgressReporter

_TURNS = 40  # a heal takes about ten; more than this in a row is a livelock, and yields
_WORDS_EVERY = timedelta(seconds=10)
_PAUSE = 1.0  # seconds, after effects that came to nothing; doubled each time
_LONGEST_PAUSE = 60.0
_UNTIL_SEEN = timedelta(seconds=2)  # what its stream tells of a pod that was deleted wakes whose it is, mostly sooner
_OURS = Reserve | Settle | Publish | Deliver | MarkRevision
IN_TURN = 0.0  # seconds: as soon as those have had their turn who wait for one already

log = structlog.get_logger("platelet.reconciler")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to. Unless it rests, the next turn follows at once."""

    rest: bool
    over: bool = False  # closed, or gone: it is not looked at again
    again_at: datetime | None = None
    fruitless: bool = False
    left: tuple[Effect, ...] | None = None  # it has acted, and gives way: these effects are run when it goes on
    look: Look | None = None  # to go on from, since only our own records have changed; None: a new one
    events: tuple[Publish, ...] = ()  # to be told once there is time


class Reconciler:
    """Level-triggered: what it does follows from what it reads, whoever woke it and whatever was lost before."""

    def __init__(  # noqa: PLR0913 - the parts of the flow
        self,
        kube: Kube,
        clock: Clock,
        decider: Decider,
        situations: SituationReader,
        looker: Looker,
        runner: EffectRunner,
        progress: ProgressReporter,
        index: RemediationIndex,
        *,
        on_read: Callable[[Remediation], None] = lambda _remediation: None,
    ) -> None:
        """Take the parts of the flow. `on_read` hears of each Remediation that was looked at, as it was read."""
        self._on_read = on_read
        self._decider = decider
        self._looker = looker
        self._index = index
        self._kube = kube
        self._clock = clock
        self._situations = situations
        self._runner = runner
        self._progress = progress
        self._fruitless: dict[tuple[str, str], int] = {}
        self._stored_at: dict[tuple[str, str], datetime] = {}  # when we last stored a status, until it is over
        self._unstored = UnstoredStatuses(kube, clock)
        self._left: dict[tuple[str, str], tuple[tuple[Effect, ...], list[Publish]]] = {}  # by those that gave way

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Work on one Remediation until it waits, or has acted. Returns seconds until it is due, None when it is over.

        After an act it gives way (IN_TURN): where many targets are sick, all are acted on before any is verified.
        Raises ApiError when the API server cannot be read: the caller backs off and comes again.
        """
        if (left_alone_for := await self._unstored.left_alone_for(namespace, name)) is not None:
            return left_alone_for
        effects, events = self._left.pop((namespace, name), ((), []))
        for effect in effects:
            await self._runner.run(effect)
        try:
            due = await self._work_on(namespace, name, events)
        except ApiError:
            await self._publish(events)
            raise
        if (namespace, name) not in self._left:
            await self._publish(events)
        return due

    def forget(self) -> None:
        """We no longer lead. Effects that were put off are dropped: the next leader decides on them by itself."""
        self._left.clear()

    async def _publish(self, events: list[Publish]) -> None:
        """Write the Events of what was done; anything else is more urgent."""
        await asyncio.gather(*(self._runner.run(event) for event in events))

    async def _work_on(self, namespace: str, name: str, events: list[Publish]) -> float | None:
        look: Look | None = None
        for _ in range(_TURNS):
            turn = await self._turn(namespace, name, look)
            look = turn.look
            events.extend(turn.events)
            if turn.fruitless:
                return self._back_off((namespace, name))
            self._fruitless.pop((namespace, name), None)
            if turn.over:
                self._stored_at.pop((namespace, name), None)
                return None
            if turn.rest:
                if turn.again_at is None:
                    return math.inf
                return max(IN_TURN, (turn.again_at - self._clock.now()).total_seconds())
            if turn.left is not None:
                self._left[namespace, name] = turn.left, events
                return IN_TURN
        return _PAUSE

    def _back_off(self, key: tuple[str, str]) -> float:
        failures = self._fruitless.get(key, 0)
        self._fruitless[key] = failures + 1
        return float(min(_LONGEST_PAUSE, _PAUSE * 2 ** min(failures, 10)))

    async def _turn(self, namespace: str, name: str, look: Look | None) -> Turn:
        if not self._runner.leads:  # this process may have been frozen, and woken beside its successor
            return Turn(rest=True, fruitless=True)
        look = await (self._decider.scout(namespace, name) if look is None else self._looker.after_own_write(look))
        if look is None:
            return Turn(rest=True, over=True)
        self._on_read(look.situation.remediation)
        look, decision = await self._decider.decide(look)
        try:
            return await self._carry_out(look, decision)
        except (Refused, Unanswered) as error:
            return await self._not_stored(look, decision, error)

    async def _carry_out(self, look: Look, decision: Decision) -> Turn:
        remediation = look.situation.remediation
        before, after = remediation.status, decision.status
        is_news = after != before
        if is_news and (place := _place(decision)) is not None:
            if await self._runner.run(place):  # the next turn stores its intent, with all that is new
                return Turn(rest=False, look=self._going_on(look, replace(decision, effects=(place,))))
            decision = replace(decision, effects=tuple(effect for effect in decision.effects if effect is not place))
        if is_news and (due_at := self._words_due_at(remediation, after)) is not None:
            is_news, decision = False, replace(decision, again_at=min(filter(None, (due_at, decision.again_at))))
        written = changed_status(remediation, after) if is_news else None
        if written is not None:
            try:
                answer = await store_written(self._kube, remediation, written)
            except (Conflict, NotFound):
                await self._read_anew(remediation)
                return Turn(rest=False)
            self._index.take_answer(answer, known=True)
            self._unstored.forget(remediation)
            self._stored_at[remediation.namespace, remediation.name] = self._clock.now()
            self._remember_intents(before, after)
            self._progress.tell(remediation, after)
        return await self._do(look, decision, stored=written is not None)

    async def _do(self, look: Look, decision: Decision, *, stored: bool) -> Turn:
        """Run the effects: the status from which they follow is stored."""
        remediation = look.situation.remediation
        events = tuple(effect for effect in decision.effects if isinstance(effect, Publish))
        effects = tuple(effect for effect in decision.effects if not isinstance(effect, Publish))
        if stored and _has_acted(remediation.status, decision.status) and all(map(_may_wait, effects)):
            return Turn(rest=False, left=effects, events=events)
        results = [await self._runner.run(effect) for effect in effects]
        if any(isinstance(effect, Write) for effect in effects):
            self._situations.forget(remediation.target)
        if any(isinstance(effect, DeletePod) for effect in effects) and all(results):
            seen_by = self._clock.now() + _UNTIL_SEEN
            return Turn(rest=True, again_at=min(filter(None, (seen_by, decision.again_at))), events=events)
        if not stored and all(results) and not remediation.is_over and _only_settles(effects):
            return Turn(rest=True, again_at=decision.again_at, events=events)
        if stored or any(results):
            return Turn(rest=False, look=self._going_on(look, decision), events=events)
        fruitless = any(not isinstance(effect, Deliver) for effect in effects)  # results of deliveries come later
        return Turn(rest=True, again_at=decision.again_at, fruitless=fruitless, events=events)

    def _words_due_at(self, remediation: Remediation, after: RemediationStatus) -> datetime | None:
        """When a status may be stored of which only progress messages differ; None: now, or more than these differ."""
        said_at = self._stored_at.get((remediation.namespace, remediation.name))
        if said_at is None or not grounds.is_in_words_only(remediation.status, after):
            return None
        due_at = said_at + _WORDS_EVERY
        return due_at if due_at > self._clock.now() else None

    def _going_on(self, look: Look, decision: Decision) -> Look | None:
        """The look to go on from, while nothing but our own records has changed since; None: look anew."""
        late = asyncio.get_running_loop().time() - look.at > CHAINED_WITHIN
        ours = all(isinstance(effect, _OURS) for effect in decision.effects)
        if late or not ours or look.grounds == "memory" or decision.status.state == "Closed":
            return None
        return replace(look, marked=any(isinstance(effect, MarkRevision) for effect in decision.effects))

    async def _read_anew(self, remediation: Remediation) -> None:
        """Somebody else has written it, so the index is behind: read it again. Raises ApiError."""
        namespace, name = remediation.namespace, remediation.name
        try:
            self._index.take_answer(await self._kube.get(REMEDIATIONS, namespace, name), known=True)
        except NotFound:
            self._index.see_deleted(namespace, name, remediation.uid)

    async def _not_stored(self, look: Look, decision: Decision, error: Refused | Unanswered) -> Turn:
        """Try again a few times; then store what can be stored, with growing pauses while that is nothing."""
        remediation, refused = look.situation.remediation, isinstance(error, Refused)
        failure = self._unstored.failure_of(remediation, refused=refused)
        log.warning(
            "a status was not stored",
            namespace=remediation.namespace,
            name=remediation.name,
            failures=failure.failures,
            error=str(error),
        )
        if failure.tried_enough:
            now = self._clock.now()
            plain = unrecorded.decide(look.situation, decision.status, error.message, now, refused=refused)
            if await self._settle_for(look, plain):
                self._unstored.forget(remediation)
                return Turn(rest=False)
        self._unstored.leave_alone(remediation, failure)
        return Turn(rest=True, again_at=failure.until)

    async def _settle_for(self, look: Look, plain: Decision) -> bool:
        """Give reserved places back in any case, and try to store the plain status. Returns whether that was stored."""
        remaining = [effect for effect in plain.effects if not isinstance(effect, Settle)]
        for effect in plain.effects:
            if isinstance(effect, Settle):
                await self._runner.run(effect)
        with contextlib.suppress(Refused, Unanswered):
            await self._carry_out(look, replace(plain, effects=tuple(remaining)))
            return plain.status != look.situation.remediation.status
        return False

    def _remember_intents(self, before: RemediationStatus, after: RemediationStatus) -> None:
        known = {attempt.write_id for attempt in before.attempts}
        for attempt in after.attempts:
            if attempt.phase == "Intended" and attempt.write_id not in known:
                self._runner.intended(attempt.write_id)


def _has_acted(before: RemediationStatus, after: RemediationStatus) -> bool:
    """Whether this decision puts the outcome of an attempt on record."""
    return acting.unfinished(before) is not None and acting.unfinished(after) is None


def _may_wait(effect: Effect) -> bool:
    """Whether the effect only reports what is on record already, so that it can be put off."""
    return isinstance(effect, Settle | MarkRevision | Deliver)


def _only_settles(effects: Sequence[Effect]) -> bool:
    """Whether the budget alone was told of what is on record already, so that there is nothing new to decide on."""
    return bool(effects) and all(isinstance(effect, Settle) for effect in effects)


def _place(decision: Decision) -> Reserve | None:
    """The reservation that the decision asks for."""
    return next((effect for effect in decision.effects if isinstance(effect, Reserve)), None)
