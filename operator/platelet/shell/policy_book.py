"""What every policy and runbook says, and whether it may act: loaded, checked, and told in their own conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from platelet.api import caveats, conditions, evidence, policy, runbook, selectors
from platelet.api.caveats import Caveat
from platelet.api.invalid import InvalidSpec
from platelet.api.outside import Outside
from platelet.model import reasons
from platelet.model.alert import fingerprint_of
from platelet.model.policy import Policy
from platelet.model.remediation import Condition
from platelet.model.workload import WorkloadRef
from platelet.shell import policy_references
from platelet.shell.clock import Clock
from platelet.shell.kube import NAMESPACES, POLICIES, RUNBOOKS, ApiError, Conflict, Json, Kube, NotFound, Resource

_OF_THE_SETTINGS = frozenset({reasons.PROMETHEUS_NOT_CONFIGURED, reasons.HOST_NOT_ALLOWED})
_WARNING = "Warning"
_MESSAGE = 1024  # characters of a condition's message, as the CRDs admit


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A policy with its runbook and its readiness; `namespaces` is None for its own namespace only."""

    loaded: policy.LoadedPolicy
    runbook: runbook.Runbook | None
    namespaces: frozenset[str]
    untargeted: frozenset[str] = field(default=frozenset(), compare=False)  # alerts listed as firing without a target

    @property
    def policy(self) -> Policy:
        """What decisions see."""
        return self.loaded.policy


class PolicyBook:
    """All policies by key. `refresh` reads everything; `live` reads one afresh, as every attempt needs it."""

    def __init__(self, kube: Kube, clock: Clock, operator_namespace: str, outside: Outside | None) -> None:
        """`operator_namespace` is the only one whose policies may carry a namespaceSelector.

        `outside` is whom the operator can ask; None: not known here, so it is as the operator has told.
        """
        self._outside = outside
        self._kube = kube
        self._clock = clock
        self._operator_namespace = operator_namespace
        self._standings: dict[tuple[str, str], Standing] = {}

    @property
    def standings(self) -> tuple[Standing, ...]:
        """As of the last refresh, the unready ones included."""
        return tuple(self._standings.values())

    def concerning(self, namespace: str) -> list[Standing]:
        """The ready policies that may act in this namespace."""
        return [each for each in self.standings if each.policy.ready and namespace in each.namespaces]

    def matching(self, target: WorkloadRef, labels: Mapping[str, str]) -> list[Standing]:
        """The ready policies that this workload is a target of."""
        return [
            each
            for each in self.concerning(target.namespace)
            if each.loaded.targets.matches(labels, target.name, target.kind)
        ]

    async def refresh(self, *, thorough: bool = True) -> bool:
        """Read and check all policies and runbooks; forget those that are gone. Whether anything has changed.

        Unless `thorough`, what cannot work is left as it was told: it takes more reads, and keeps nothing from acting.
        """
        before = dict(self._standings)
        runbooks = {_key(each): each for each in await self._kube.list(RUNBOOKS)}
        for stored in runbooks.values():
            await self._tell_runbook(stored)
        policies = await self._kube.list(POLICIES)
        for stored in policies:
            await self._enter(stored, runbooks.get(_runbook_key(stored)), thorough=thorough)
        present = {_key(each) for each in policies}
        self._standings = {key: each for key, each in self._standings.items() if key in present}
        return self._standings != before

    async def live(self, namespace: str, name: str) -> Standing | None:
        """Read one policy and its runbook now. None when it was deleted."""
        try:
            stored = await self._kube.get(POLICIES, namespace, name)
        except NotFound:
            self._standings.pop((namespace, name), None)
            return None
        try:
            book = await self._kube.get(RUNBOOKS, *_runbook_key(stored))
        except NotFound:
            book = None
        return await self._enter(stored, book)

    async def _enter(self, stored: Json, stored_runbook: Json | None, *, thorough: bool = False) -> Standing | None:
        """Judge a policy and tell it; if `thorough`, also what of it cannot work, for which more must be read."""
        try:
            loaded = policy.read_policy(stored)
        except InvalidSpec as error:
            self._standings.pop(_key(stored), None)
            found = conditions.Readiness(ready=False, reason=reasons.INVALID_SPEC, message=str(error))
            await self._tell(POLICIES, stored, found)
            return None
        book, error_text = _read_runbook(stored_runbook)
        readiness = policy.check_policy(loaded, book, error_text, self._operator_namespace, self._outside)
        if self._outside is None and readiness.ready:
            readiness = _as_told(stored) or readiness
        loaded = loaded.with_usable_triggers(self._outside or _as_told_of_queries(stored))
        seen = replace(
            loaded.at(self._clock.now()),
            ready=readiness.ready,
            not_ready_reason="" if readiness.ready else f"{readiness.reason}: {readiness.message}",
        )
        standing = Standing(
            loaded=replace(loaded, policy=seen),
            runbook=book,
            namespaces=await self._namespaces(loaded, readiness),
            untargeted=_untargeted(stored),
        )
        self._standings[_key(stored)] = standing
        await self._tell(POLICIES, stored, readiness, await self._caveats(standing) if thorough else None)
        return standing

    async def _caveats(self, standing: Standing) -> tuple[Caveat, ...] | None:
        """What of a ready policy cannot work; None where it cannot be known now."""
        if not standing.policy.ready or standing.runbook is None:
            return ()
        try:
            around = await policy_references.look_up(self._kube, standing.loaded, standing.namespaces)
        except ApiError:
            return None
        steps = runbook.read_steps(standing.runbook.steps)
        return caveats.find_in_policy(standing.loaded, steps, self._outside, around)

    async def _namespaces(self, loaded: policy.LoadedPolicy, found: conditions.Readiness) -> frozenset[str]:
        own = loaded.policy.namespace
        if loaded.namespace_selector is None or not found.ready:
            return frozenset({own})
        everywhere = await self._kube.list(NAMESPACES)
        chosen = (
            each["metadata"]["name"]
            for each in everywhere
            if selectors.matches(loaded.namespace_selector, each["metadata"].get("labels") or {})
        )
        return frozenset({own, *chosen})

    async def _tell_runbook(self, stored: Json) -> None:
        found, of_steps = _judge_runbook(stored, self._outside)
        await self._tell(RUNBOOKS, stored, found, of_steps)

    async def _tell(
        self,
        resource: Resource,
        stored: Json,
        found: conditions.Readiness,
        of_it: Sequence[Caveat] | None = None,
    ) -> None:
        """Write the conditions Ready and Warning, only when their meaning has changed; None: Warning stays as it is."""
        status = stored.get("status") or {}
        old = conditions.read_conditions(status.get("conditions"))
        generation = stored["metadata"].get("generation", 0)
        new = conditions.set_condition(
            old,
            "Ready",
            "True" if found.ready else "False",
            found.reason,
            found.message[:_MESSAGE],
            self._clock.now(),
            generation,
        )
        if of_it is not None:
            new = _warn(new, of_it, self._clock.now(), generation)
        if new == old and status.get("observedGeneration") == generation:
            return
        body: dict[str, Any] = {
            **stored,
            "status": {**status, "observedGeneration": generation, "conditions": conditions.write_conditions(new)},
        }
        namespace, name = _key(stored)
        try:
            await self._kube.replace(resource, namespace, name, body, subresource="status")
        except Conflict:
            return  # it has just been changed, so it comes again
        except ApiError:
            return  # its readiness is told at the next refresh


def _untargeted(stored: Json) -> frozenset[str]:
    """The alerts that are listed as firing without a target, by the fingerprints of their labels."""
    listed = evidence.read_evidence((stored.get("status") or {}).get("untargetedAlerts"))
    return frozenset(fingerprint_of(each.fingerprint) for each in listed if each.resolved_at is None)


def _as_told(stored: Json) -> conditions.Readiness | None:
    """What the operator has said of this generation and only its settings can tell: whom it can ask."""
    told = _condition(stored, "Ready")
    if told is None or told.status != "False" or told.reason not in _OF_THE_SETTINGS:
        return None
    return conditions.Readiness(ready=False, reason=told.reason, message=told.message)


def _as_told_of_queries(stored: Json) -> Outside | None:
    """That there is no Prometheus for query triggers, if the operator has said so of this generation."""
    told = _condition(stored, _WARNING)
    return Outside() if told is not None and told.reason == reasons.PROMETHEUS_NOT_CONFIGURED else None


def _condition(stored: Json, type_: str) -> Condition | None:
    """What the operator has said of this generation."""
    generation = stored["metadata"].get("generation", 0)
    found = conditions.read_conditions((stored.get("status") or {}).get("conditions"))
    return next((each for each in found if each.type == type_ and each.observed_generation == generation), None)


def _read_runbook(stored: Json | None) -> tuple[runbook.Runbook | None, str]:
    """The runbook, or why it cannot be read; (None, '') when there is none."""
    if stored is None:
        return None, ""
    try:
        return runbook.read_runbook(stored), ""
    except InvalidSpec as error:
        return None, str(error)


def _judge_runbook(stored: Json, outside: Outside | None) -> tuple[conditions.Readiness, tuple[Caveat, ...]]:
    book, error = _read_runbook(stored)
    if book is None:
        return conditions.Readiness(ready=False, reason=reasons.INVALID_SPEC, message=error), ()
    readiness = runbook.check_runbook(book, outside)
    return readiness, caveats.find_in_runbook(runbook.read_steps(book.steps), outside) if readiness.ready else ()


def _warn(
    before: tuple[Condition, ...], of_it: Sequence[Caveat], now: datetime, generation: int
) -> tuple[Condition, ...]:
    """Set the condition Warning; an object without a caveat carries none."""
    if not of_it:
        return tuple(condition for condition in before if condition.type != _WARNING)
    message = "; ".join(caveat.message for caveat in of_it)[:_MESSAGE]
    return conditions.set_condition(before, _WARNING, "True", of_it[0].reason, message, now, generation)


def _key(stored: Json) -> tuple[str, str]:
    return stored["metadata"].get("namespace", ""), stored["metadata"]["name"]


def _runbook_key(stored: Json) -> tuple[str, str]:
    reference = (stored.get("spec") or {}).get("runbookRef") or {}
    return _key(stored)[0], str(reference.get("name", ""))
