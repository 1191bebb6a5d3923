"""What every policy and runbook says, and whether it may act: read and checked. `policy_statuses` tells it on them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from platelet.api.kinds import caveats, conditions, notifications, policy, policy_readiness, runbook, status_lists
from platelet.api.kinds.caveats import Caveat
from platelet.api.kinds.escalation_policy import EscalationPolicy, read_escalation_policy
from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.readers import lenient, selectors
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import (
    ESCALATION_POLICIES,
    NAMESPACES,
    POLICIES,
    RUNBOOKS,
    ApiError,
    Json,
    NotFound,
    Reads,
    Resource,
)
from platelet.shell.kube.clock import Clock
from platelet.shell.store import escalation_policies, judgements, reported, runbooks
from platelet.shell.store.judgements import Findings, Judgement
from platelet.shell.store.policy_references import PolicyReferences


class PolicyBook:
    """All policies by key. `refresh` reads everything; `live` reads one afresh, as every attempt needs it."""

    def __init__(self, kube: Reads, clock: Clock, operator_namespace: str, outside: Outside | None) -> None:
        """`operator_namespace` is the only one whose policies may carry a namespaceSelector.

        `outside` is whom the operator can ask; None: not known here, so it is as the operator has told.
        """
        self._outside = outside
        self._kube = kube
        self._clock = clock
        self._references = PolicyReferences(kube, clock)
        self._operator_namespace = operator_namespace
        self._resolved: dict[tuple[str, str], ResolvedPolicy] = {}
        self._judgements: tuple[Judgement, ...] = ()
        self._escalations: dict[tuple[str, str], Json] = {}

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """What the last refresh found, to be told on the objects themselves."""
        return self._judgements

    @property
    def resolved_policies(self) -> tuple[ResolvedPolicy, ...]:
        """As of the last refresh, the unready ones included."""
        return tuple(self._resolved.values())

    def concerning(self, namespace: str) -> list[ResolvedPolicy]:
        """The ready policies that may act in this namespace."""
        return [
            resolved
            for resolved in self.resolved_policies
            if resolved.policy.ready and namespace in resolved.namespaces
        ]

    def matching(self, target: WorkloadRef, labels: Mapping[str, str]) -> list[ResolvedPolicy]:
        """The ready policies that this workload is a target of."""
        return [
            resolved
            for resolved in self.concerning(target.namespace)
            if resolved.loaded.targets.matches(labels, target.name, target.kind)
        ]

    async def refresh(self, *, thorough: bool = True) -> bool:
        """Read and check all policies and runbooks; forget those that are gone. Whether anything has changed.

        Unless `thorough`, what cannot work is left as it was told: it takes more reads, and keeps nothing from acting.
        """
        before = dict(self._resolved)
        books = {_key(stored): stored for stored in await self._kube.list(RUNBOOKS)}
        escalations = {_key(stored): stored for stored in await escalation_policies.list_all(self._kube)}
        self._escalations = escalations
        judged = [await judgements.alone(RUNBOOKS, stored, self._judge_runbook(stored)) for stored in books.values()]
        judged += [
            await judgements.alone(ESCALATION_POLICIES, stored, self._judge_escalation(stored, thorough))
            for stored in escalations.values()
        ]
        policies = await self._kube.list(POLICIES)
        for stored in policies:
            book = books.get(_runbook_key(stored) or ("", ""))
            escalation = escalations.get(_escalation_key(stored) or ("", ""))
            judging = self._judge_policy(stored, book, escalation, thorough)
            judged.append(await judgements.alone(POLICIES, stored, judging))
        present = {
            _key(judgement.stored) for judgement in judged if judgement.resource == POLICIES and judgement.is_read
        }
        self._resolved = {key: resolved for key, resolved in self._resolved.items() if key in present}
        self._judgements = tuple(judged)
        return self._resolved != before

    @property
    def references(self) -> PolicyReferences:
        """What policies need and lack, as it is told on them at the next refresh."""
        return self._references

    def escalation_policy(self, namespace: str, name: str) -> EscalationPolicy | None:
        """One as of the last refresh; None where there was none that can be read."""
        stored = self._escalations.get((namespace, name))
        try:
            return read_escalation_policy(stored) if stored is not None else None
        except InvalidSpec:
            return None

    def remembered(self, namespace: str, name: str) -> ResolvedPolicy | None:
        """One as of the last refresh, at this moment; None where there was none."""
        known = self._resolved.get((namespace, name))
        if known is None:
            return None
        return replace(known, loaded=replace(known.loaded, policy=known.loaded.at(self._clock.now())))

    async def live(self, namespace: str, name: str) -> ResolvedPolicy | None:
        """Read one policy and its runbook now. None when it was deleted."""
        known = self._resolved.get((namespace, name))
        likely = (known.runbook.namespace, known.runbook.name) if known is not None and known.runbook else None
        named = known.loaded.escalation if known is not None else ""
        also = (namespace, named) if named else None
        stored, book, escalation = await asyncio.gather(
            self._find(POLICIES, (namespace, name)),
            self._find(RUNBOOKS, likely),
            self._find(ESCALATION_POLICIES, also),
        )
        if stored is None:
            self._resolved.pop((namespace, name), None)
            return None
        if _runbook_key(stored) != likely:
            book = await self._find(RUNBOOKS, _runbook_key(stored))
        if _escalation_key(stored) != also:
            escalation = await self._find(ESCALATION_POLICIES, _escalation_key(stored))
        return (await self._enter(stored, book, escalation))[0]

    async def _find(self, resource: Resource, key: tuple[str, str] | None) -> Json | None:
        """An object by its namespace and name; None where there is none."""
        try:
            return await self._kube.get(resource, *key) if key is not None else None
        except NotFound:
            return None

    async def _judge_runbook(self, stored: Json) -> Findings:
        return runbooks.judge(stored, self._outside)

    async def _judge_escalation(self, stored: Json, thorough: bool) -> Findings:  # noqa: FBT001 - as `refresh` has it
        return await escalation_policies.judge(stored, self._outside, self._references if thorough else None)

    async def _judge_policy(
        self,
        stored: Json,
        book: Json | None,
        escalation: Json | None,
        thorough: bool,  # noqa: FBT001 - as `refresh` has it
    ) -> Findings:
        resolved, readiness = await self._enter(stored, book, escalation)
        return readiness, await self._caveats(resolved) if thorough and resolved is not None else None

    async def _enter(
        self, stored: Json, stored_runbook: Json | None, stored_escalation: Json | None
    ) -> tuple[ResolvedPolicy | None, conditions.Readiness]:
        """Judge a policy, and remember it; None where it cannot be read."""
        try:
            loaded = policy.read_policy(stored)
        except InvalidSpec as error:
            self._resolved.pop(_key(stored), None)
            return None, conditions.Readiness(ready=False, reason=reasons.INVALID_SPEC, message=str(error))
        book, error_text = runbooks.read(stored_runbook)
        readiness = policy_readiness.check_policy(loaded, book, error_text, self._operator_namespace, self._outside)
        if self._outside is None and readiness.ready:
            readiness = reported.unreadiness(stored) or readiness
        loaded = loaded.with_usable_triggers(self._outside or reported.outside_for_queries(stored))
        fault = None
        if loaded.escalation:
            referred = escalation_policies.read(loaded, stored_escalation)
            loaded, fault = escalation_policies.follow(loaded, referred), referred.fault
        seen = replace(
            loaded.at(self._clock.now()),
            ready=readiness.ready,
            not_ready_reason="" if readiness.ready else f"{readiness.reason}: {readiness.message}",
        )
        namespaces, ending = await self._namespaces(loaded, readiness)
        resolved = ResolvedPolicy(
            loaded=replace(loaded, policy=seen),
            runbook=book,
            namespaces=namespaces,
            ending=ending,
            escalation_fault=fault,
            resource_version=lenient.text(stored["metadata"].get("resourceVersion")),
            untargeted=status_lists.ALERTS.read(stored.get("status") or {}),
            notifications=notifications.read_notifications(stored.get("status") or {})[0],
            failed_jobs=status_lists.FAILED_JOBS.read(stored.get("status") or {}),
            failed_jobs_unlisted=lenient.number(lenient.mapping(stored.get("status")).get("failedJobsUnlisted")),
        )
        self._resolved[_key(stored)] = resolved
        return resolved, readiness

    async def _caveats(self, resolved: ResolvedPolicy) -> tuple[Caveat, ...] | None:
        """What of a ready policy cannot work; None where it cannot be known now."""
        if not resolved.policy.ready:
            return ()
        steps = runbook.read_steps(resolved.runbook.steps) if resolved.runbook is not None else ()
        try:
            around = await self._references.look_up(resolved.loaded, resolved.namespaces, caveats.needed_by(steps))
            rights = await self._references.missing_rights(resolved.loaded, resolved.namespaces)
            around = replace(around, escalation_fault=resolved.escalation_fault, missing_rights=rights)
            own = resolved.policy.namespace, resolved.policy.name
            around = replace(
                around, unrecorded=self._references.unrecorded(*own), unfound=self._references.unfound(*own)
            )
        except ApiError:
            return None
        return caveats.find_in_policy(resolved.loaded, steps, self._outside, around)

    async def _namespaces(
        self, loaded: policy.LoadedPolicy, readiness: conditions.Readiness
    ) -> tuple[frozenset[str], frozenset[str]]:
        """The namespaces of a policy, and those of them that are being deleted."""
        own = loaded.policy.namespace
        if loaded.namespace_selector is None or not readiness.ready:
            return frozenset({own}), frozenset()
        chosen = [
            namespace["metadata"]
            for namespace in await self._kube.list(NAMESPACES)
            if selectors.matches(loaded.namespace_selector, namespace["metadata"].get("labels") or {})
        ]
        ending = frozenset(metadata["name"] for metadata in chosen if "deletionTimestamp" in metadata)
        return frozenset({own, *(metadata["name"] for metadata in chosen)}), ending


def _key(stored: Json) -> tuple[str, str]:
    return stored["metadata"].get("namespace", ""), stored["metadata"]["name"]


def _runbook_key(stored: Json) -> tuple[str, str] | None:
    return _key_of(stored, lenient.mapping(stored.get("spec")), "runbookRef")


def _escalation_key(stored: Json) -> tuple[str, str] | None:
    return _key_of(stored, lenient.mapping(lenient.mapping(stored.get("spec")).get("escalation")), "policyRef")


def _key_of(stored: Json, within: Mapping[str, Any], reference: str) -> tuple[str, str] | None:
    """What a reference of a policy names, which is of the policy's namespace; None where it names nothing."""
    name = lenient.text(lenient.mapping(within.get(reference)).get("name"))
    return (_key(stored)[0], name) if name else None
