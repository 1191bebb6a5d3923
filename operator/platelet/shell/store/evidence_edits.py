"""Edits the evidence of Remediations in all namespaces. One that cannot be stored holds up no other."""

import asyncio
from collections.abc import Callable

import structlog

from platelet.api.kinds import remediation as contract
from platelet.core import earlier_incidents, record
from platelet.core.opening import Update
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.shell.kube import REMEDIATIONS, ApiError, Conflict, Json, Kube, NotFound
from platelet.shell.kube.stored import UNREADABLE
from platelet.shell.store.opener import store_status
from platelet.shell.store.remediation_index import RemediationIndex

_TRIES = 8
_AT_ONCE = 16  # Remediations
Edit = Callable[[RemediationStatus], RemediationStatus]
log = structlog.get_logger("platelet.evidence")


async def edit_evidence(
    kube: Kube, index: RemediationIndex, names: frozenset[str], edit: Edit, *, closed_too: bool = False
) -> list[ApiError]:
    """Edit each open Remediation whose evidence is of one of these: what a fingerprint begins with, up to a slash.

    Of alerts that is the fingerprint of their labels. `closed_too`: also closed ones that another may continue: what
    they hold as firing would go on there.
    Returns what could not be stored. Raises ApiError when it cannot be known which they are.
    """
    at_once = asyncio.Semaphore(_AT_ONCE)
    failures: list[ApiError] = []

    async def edit_one(unpack: Callable[[], Json]) -> None:
        async with at_once:
            stored = unpack()
            try:
                await _edit(kube, index, stored, edit, closed_too=closed_too)
            except ApiError as error:
                where = stored["metadata"]
                log.warning("evidence not stored", namespace=where["namespace"], name=where["name"], why=str(error))
                failures.append(error)

    holding = await index.holding(names)
    async with asyncio.TaskGroup() as group:
        for unpack in holding:
            group.create_task(edit_one(unpack))
    return failures


async def _edit(kube: Kube, index: RemediationIndex, stored: Json, edit: Edit, *, closed_too: bool) -> None:
    """Edit one; after a lost race it is read again."""
    for remaining in reversed(range(_TRIES)):
        remediation = _read(stored)
        if remediation is None or not _is_asked_for(remediation, closed_too=closed_too):
            return
        before = record.with_opening_evidence(remediation)
        after = edit(before)
        if after == before:
            return
        try:
            answer = await store_status(kube, remediation, Update(remediation=remediation, status=after))
        except NotFound:
            return
        except Conflict:
            if not remaining:
                raise
        else:
            if answer is not None:
                index.take_answer(answer)
            return
        try:
            stored = await kube.get(REMEDIATIONS, remediation.namespace, remediation.name)
        except NotFound:
            return


def _read(stored: Json) -> Remediation | None:
    """The Remediation; one that cannot be read holds nothing for us."""
    try:
        return contract.read_remediation(stored)
    except UNREADABLE:
        return None


def _is_asked_for(remediation: Remediation, *, closed_too: bool) -> bool:
    return remediation.status.state != "Closed" or (closed_too and earlier_incidents.may_be_continued(remediation))
