"""Removes what is left of the past: Remediations that are long over, and what is kept of workloads that are gone."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from platelet.api.readers import attestations, kept_values, lenient, records
from platelet.core import retention
from platelet.model.budget import Budget
from platelet.model.durations import format_time
from platelet.model.effects import ForgetRevision
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.remediation import Remediation
from platelet.model.revision import RevisionRecord
from platelet.model.workload import WorkloadRef
from platelet.shell.act.revisions import RecordKeeper
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
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.stored import UNREADABLE
from platelet.shell.store.remediation_index import RemediationIndex

GONE_SINCE: Final = "platelet.dev/target-gone-since"
_FIRST: Final = timedelta(minutes=10)  # after we began to lead
_EVERY: Final = timedelta(hours=1)

log = structlog.get_logger("platelet.retention")
Names = Collection[tuple[str, str]]


class Retention:
    """All is looked at when one begins to lead, and once an hour: all must be read for it."""

    def __init__(self, kube: Kube, clock: Clock, home: str = OPERATOR_NAMESPACE) -> None:
        """`home` is the operator's own namespace, where attestations are."""
        self._kube = kube
        self._clock = clock
        self._home = home
        self._keeper = RecordKeeper(kube, home)
        self._due_at: datetime | None = None

    async def apply(self, index: RemediationIndex, budget: Budget | None) -> None:
        """Remove what is due. What the API server does not answer is tried again another time."""
        now, is_first = self._clock.now(), self._due_at is None
        if budget is None or (self._due_at is not None and now < self._due_at):
            return
        self._due_at = now + (_FIRST if is_first else _EVERY)
        everything = await index.everything()
        remediations = [remediation for remediation in everything if isinstance(remediation, Remediation)]
        await self._drop(retention.outdated(remediations, budget, now))
        if is_first:
            return  # there is enough to do when one begins to lead
        try:
            pinned = retention.pinned_records(remediations, budget)
            await self._forget_the_gone(retention.droppable(remediations, budget), pinned, now)
        except ApiError as error:
            log.info("what is left of workloads that are gone was not looked at", error=str(error))

    async def _forget_the_gone(self, closed: Sequence[Remediation], pinned: Names, now: datetime) -> None:
        attested = await self._kube.list(
            CONTROLLER_REVISIONS, self._home, labels=attestations.NAMESPACE
        )  # before records
        remembered: set[str] = set()
        unseen: set[str] = set()
        for stored in await self._kube.list(NAMESPACES):
            namespace = stored["metadata"]["name"]
            try:
                revisions = await self._kube.list(CONTROLLER_REVISIONS, namespace, labels=records.TARGET)
                remembered |= await self._look_at(namespace, revisions, closed, now)
                await self._forget_values(namespace, revisions, pinned, now)
            except ApiError as error:
                unseen.add(namespace)
                log.info("a namespace was not looked at", namespace=namespace, error=str(error))
        for attestation in attested:
            if (
                attestations.namespace_of(attestation) not in unseen
                and attestations.record_of(attestation) not in remembered
            ):
                await self._delete(attestation)

    async def _forget_values(self, namespace: str, revisions: Iterable[Json], pinned: Names, now: datetime) -> None:
        """Delete the records of values that no attempt names, and none will."""
        for stored in revisions:
            meta = stored["metadata"]
            made_at = lenient.moment(meta.get("creationTimestamp"))
            young = made_at is None or now - made_at < retention.PINNED_WITHIN
            if kept_values.is_one(stored) and not young and (namespace, meta["name"]) not in pinned:
                await self._kube.delete(CONTROLLER_REVISIONS, namespace, meta["name"], uid=meta["uid"])

    async def _look_at(
        self, namespace: str, revisions: Iterable[Json], closed: Sequence[Remediation], now: datetime
    ) -> set[str]:
        """Forget what is due in one namespace; the uids of the records that stay."""
        kept = [(revision, record) for revision in revisions if (record := _read(revision)) is not None]
        old = [
            remediation
            for remediation in closed
            if remediation.namespace == namespace and retention.has_been_closed(remediation, now)
        ]
        gone = await self._gone({record.target for _, record in kept} | {remediation.target for remediation in old})
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
        """Forget the record of a workload that has been gone for long; else note since when it is. Returns whether."""
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
