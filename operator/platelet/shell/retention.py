"""Removes what is left of the past: Remediations that are long over, and what is kept of workloads that are gone."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from platelet.api import attestations, lenient, records
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.core import retention
from platelet.model.budget import Budget
from platelet.model.durations import format_time
from platelet.model.effects import ForgetRevision
from platelet.model.remediation import Remediation
from platelet.model.revision import RevisionRecord
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.kube import (
    CONTROLLER_REVISIONS,
    NAMESPACES,
    REMEDIATIONS,
    WORKLOADS,
    ApiError,
    Json,
    Kube,
    NotFound,
)
from platelet.shell.record_keeper import RecordKeeper
from platelet.shell.survey import UNREADABLE

GONE_SINCE: Final = "platelet.dev/target-gone-since"
_FIRST: Final = timedelta(minutes=10)  # after we began to lead
_EVERY: Final = timedelta(hours=1)  # it reads every revision record

log = structlog.get_logger("platelet.retention")


class Retention:
    """Closed Remediations are looked at with every sweep, revision records every hour."""

    def __init__(self, kube: Kube, clock: Clock, home: str = OPERATOR_NAMESPACE) -> None:
        """`home` is the operator's own namespace, where attestations are."""
        self._kube = kube
        self._clock = clock
        self._home = home
        self._keeper = RecordKeeper(kube, home)
        self._due_at: datetime | None = None

    async def apply(self, remediations: Sequence[Remediation], budget: Budget | None) -> None:
        """Remove what is due. What the API server does not answer is tried again another time."""
        now = self._clock.now()
        await self._drop(retention.outdated(remediations, budget, now))
        if self._due_at is None:
            self._due_at = now + _FIRST
        if now < self._due_at or budget is None:
            return
        self._due_at = now + _EVERY
        try:
            await self._forget_the_gone(retention.droppable(remediations, budget), now)
        except ApiError as error:
            log.info("what is left of workloads that are gone was not looked at", error=str(error))

    async def _forget_the_gone(self, closed: Sequence[Remediation], now: datetime) -> None:
        attested = await self._kube.list(
            CONTROLLER_REVISIONS, self._home, labels=attestations.NAMESPACE
        )  # before records
        remembered: set[str] = set()
        unseen: set[str] = set()
        for each in await self._kube.list(NAMESPACES):
            namespace = each["metadata"]["name"]
            try:
                remembered |= await self._look_at(namespace, closed, now)
            except ApiError as error:
                unseen.add(namespace)
                log.info("a namespace was not looked at", namespace=namespace, error=str(error))
        for each in attested:
            if attestations.namespace_of(each) not in unseen and attestations.record_of(each) not in remembered:
                await self._delete(each)

    async def _look_at(self, namespace: str, closed: Sequence[Remediation], now: datetime) -> set[str]:
        """Forget what is due in one namespace; the uids of the records that stay."""
        found = await self._kube.list(CONTROLLER_REVISIONS, namespace, labels=records.TARGET_KIND)
        kept = [(each, record) for each in found if (record := _read(each)) is not None]
        old = [each for each in closed if each.namespace == namespace and retention.has_been_closed(each, now)]
        gone = await self._gone({record.target for _, record in kept} | {each.target for each in old})
        await self._drop(retention.of_gone(old, gone, now))
        return {
            record.uid
            for stored, record in kept
            if not await self._forget(stored, record, now, gone=record.target in gone)
        }

    async def _gone(self, targets: Iterable[WorkloadRef]) -> set[WorkloadRef]:
        gone = set()
        for target in targets:
            try:
                await self._kube.get(WORKLOADS[target.kind], target.namespace, target.name)
            except NotFound:
                gone.add(target)
        return gone

    async def _forget(self, stored: Json, record: RevisionRecord, now: datetime, *, gone: bool) -> bool:
        """Whether it was forgotten, its workload being gone for long; since when it is gone, we note when we see it."""
        noted = lenient.texts(lenient.mapping(stored["metadata"].get("annotations"))).get(GONE_SINCE)
        since = lenient.moment(noted)
        if gone and since is not None and now - since >= retention.GONE_FOR:
            namespace = record.target.namespace
            return await self._keeper.keep(ForgetRevision(namespace=namespace, record=record.name, uid=record.uid))
        if gone and (since is None or since > now):
            await self._note(record, format_time(now))
        elif not gone and noted is not None:
            await self._note(record, None)
        return False

    async def _note(self, record: RevisionRecord, since: str | None) -> None:
        metadata = {"resourceVersion": record.resource_version, "annotations": {GONE_SINCE: since}}
        await self._kube.patch(CONTROLLER_REVISIONS, record.target.namespace, record.name, {"metadata": metadata})

    async def _drop(self, remediations: Iterable[Remediation]) -> None:
        for old in remediations:
            try:
                await self._kube.delete(REMEDIATIONS, old.namespace, old.name, uid=old.uid)
            except ApiError as error:
                log.info("an old Remediation was not deleted", name=old.name, error=str(error))

    async def _delete(self, attestation: Json) -> None:
        meta = attestation["metadata"]
        try:
            await self._kube.delete(
                CONTROLLER_REVISIONS,
                self._home,
                meta["name"],
                uid=meta["uid"],
                resource_version=meta["resourceVersion"],
            )
        except ApiError as error:
            log.info("an attestation without a record was not deleted", name=meta["name"], error=str(error))


def _read(stored: Json) -> RevisionRecord | None:
    """One of ours; what others put under our labels is theirs to remove."""
    try:
        record = records.read_record(stored)
    except UNREADABLE:
        return None
    return record if records.is_ours(record) else None
