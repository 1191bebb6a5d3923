"""Keeps revision records beside the workloads, and the attestations of their health in the operator's own namespace."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import assert_never

import structlog

from platelet.api.readers import attestations, kept_values, lenient, records
from platelet.model import effects
from platelet.shell.kube import CONTROLLER_REVISIONS, Conflict, Json, Kube, NotFound
from platelet.shell.watch.object_memory import ObjectMemory

log = structlog.get_logger("platelet.records")


class RecordKeeper:
    """Remembers, marks and forgets templates. Every method may raise ApiError."""

    def __init__(
        self,
        kube: Kube,
        home: str,
        memory: ObjectMemory | None = None,
        lease_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """`home` is the operator's own namespace. What is written is told to the memory of ControllerRevisions.

        Nothing is attested once no second is left for which we surely lead.
        """
        self._lease_left = lease_left
        self._memory = memory or ObjectMemory()
        self._kube = kube
        self._home = home

    async def keep(self, effect: effects.RecordKeeping) -> bool:
        """Do it; whether the world may have changed."""
        match effect:
            case effects.RememberRevision():
                return await self._remember(effect)
            case effects.RememberValues():
                await self._kube.create(CONTROLLER_REVISIONS, effect.target.namespace, kept_values.write(effect))
                return True
            case effects.MarkRevision():
                marked = records.health_annotations(effect.health, effect.at)
                return await self._mark(effect, records.write_mark(effect), marked)
            case effects.MarkRelease():
                return await self._mark(effect, records.write_release(effect), records.release_annotations(effect))
            case effects.ForgetRevision():
                return await self._forget(effect)
            case _:
                assert_never(effect)

    async def _remember(self, effect: effects.RememberRevision) -> bool:
        namespace, body = effect.target.namespace, records.write_record(effect)
        try:
            stored = await self._take(self._kube.create(CONTROLLER_REVISIONS, namespace, body))
        except Conflict:  # it exists and was not found by its labels: somebody has changed them
            self._memory.doubt(namespace, body["metadata"]["name"])
            log.warning("a revision record is not found by its labels", target=str(effect.target))
            return False
        marked = records.first_annotations(effect)
        if marked:
            try:
                await self._attest(stored, None, marked)
            except Conflict:  # of one that had this name before, maybe
                before = await self._find_attestation(namespace, body["metadata"]["name"])
                await self._attest(stored, before, marked)
        return True

    async def _mark(
        self, effect: effects.MarkRevision | effects.MarkRelease, patch: Json, marked: Mapping[str, str]
    ) -> bool:
        """Mark the record, for people, and then attest it, which is what counts: a crash in between has it done anew.

        The attestation is read before both, so that whoever was faster with either makes this one lose.
        """
        before = await self._find_attestation(effect.namespace, effect.record)
        try:
            stored = await self._take(self._kube.patch(CONTROLLER_REVISIONS, effect.namespace, effect.record, patch))
            return await self._attest(stored, before, marked)
        except (Conflict, NotFound):
            self._memory.doubt(effect.namespace, effect.record)
            self._memory.doubt(self._home, attestations.attestation_name(effect.namespace, effect.record))
            raise

    async def _attest(self, stored: Json, before: Json | None, marked: Mapping[str, str]) -> bool:
        record = records.read_record(stored)
        if not records.is_ours(record) or self._lease_left() <= 0:
            return False
        if before is None:
            first = attestations.write_attestation(record, marked)
            await self._take(self._kube.create(CONTROLLER_REVISIONS, self._home, first))
        else:
            change = attestations.write_change(record, before, marked)
            name = before["metadata"]["name"]
            stored = await self._take(self._kube.patch(CONTROLLER_REVISIONS, self._home, name, change))
            return _version(stored) != _version(before)
        return True

    async def _forget(self, effect: effects.ForgetRevision) -> bool:
        attested = await self._find_attestation(effect.namespace, effect.record)
        await self._kube.delete(CONTROLLER_REVISIONS, effect.namespace, effect.record, uid=effect.uid)
        if attested is not None:
            meta = attested["metadata"]
            await self._kube.delete(CONTROLLER_REVISIONS, self._home, meta["name"], uid=meta["uid"])
        return True

    async def _find_attestation(self, namespace: str, record: str) -> Json | None:
        name = attestations.attestation_name(namespace, record)
        known = self._memory.get(self._home, name)
        if known is not None:
            return known
        try:
            return await self._take(self._kube.get(CONTROLLER_REVISIONS, self._home, name))
        except NotFound:
            return None

    async def _take(self, answer: Awaitable[Json]) -> Json:
        return self._memory.take(await answer)


def _version(stored: Json) -> object:
    """Its resourceVersion: the same as before where the API server took a write, and nothing came of it."""
    return lenient.mapping(stored.get("metadata")).get("resourceVersion")
