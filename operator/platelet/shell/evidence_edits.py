"""Edits what Remediations hold as evidence, wherever they are. One that cannot be stored holds up no other."""

from collections.abc import Callable, Iterator

import structlog

from platelet.api import lenient
from platelet.api import remediation as contract
from platelet.core import continuing, record
from platelet.core.opening import Update
from platelet.model import alert
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.signal import TOLD
from platelet.shell.kube import REMEDIATIONS, ApiError, Conflict, Json, Kube, NotFound
from platelet.shell.opener import store_status
from platelet.shell.survey import UNREADABLE

_TRIES = 8
Edit = Callable[[RemediationStatus], RemediationStatus]
log = structlog.get_logger("platelet.evidence")


async def edit_evidence(kube: Kube, names: frozenset[str], edit: Edit, *, closed_too: bool = False) -> list[ApiError]:
    """Edit each open Remediation whose evidence is of one of these: what a fingerprint begins with, up to a slash.

    Of alerts that is the fingerprint of their labels. `closed_too`: also closed ones that another may continue: what
    they hold as firing would go on there.
    Returns what could not be stored. Raises ApiError when it cannot be known which they are.
    """
    failures: list[ApiError] = []
    for stored in await kube.list(REMEDIATIONS):
        try:
            await _edit(kube, stored, names, edit, closed_too=closed_too)
        except ApiError as error:
            metadata = stored["metadata"]
            log.warning("evidence not stored", namespace=metadata["namespace"], name=metadata["name"], why=str(error))
            failures.append(error)
    return failures


async def _edit(kube: Kube, stored: Json, names: frozenset[str], edit: Edit, *, closed_too: bool) -> None:
    """Edit one; after a lost race it is read again."""
    for remaining in reversed(range(_TRIES)):
        remediation = _read(stored, names)
        if remediation is None or not _is_asked_for(remediation, closed_too=closed_too):
            return
        before = _with_opening_evidence(remediation)
        after = edit(before)
        if after == before:
            return
        try:
            await store_status(kube, remediation, Update(remediation=remediation, status=after))
        except NotFound:
            return
        except Conflict:
            if not remaining:
                raise
        else:
            return
        try:
            stored = await kube.get(REMEDIATIONS, remediation.namespace, remediation.name)
        except NotFound:
            return


def _read(stored: Json, names: frozenset[str]) -> Remediation | None:
    """The Remediation, if it names one of these. One that cannot be read holds nothing for us."""
    if names.isdisjoint(_names(stored)):
        return None
    try:
        return contract.read_remediation(stored)
    except UNREADABLE:
        return None


def _is_asked_for(remediation: Remediation, *, closed_too: bool) -> bool:
    return remediation.status.state != "Closed" or (closed_too and continuing.may_be_continued(remediation))


def _names(stored: Json) -> Iterator[str]:
    """What is read of all of them, however many there are."""
    evidence = lenient.mapping(stored.get("status")).get("evidence")
    signal = lenient.mapping(stored.get("spec")).get("signal")
    for each in [*(evidence if isinstance(evidence, list) else ()), signal]:
        yield alert.fingerprint_of(str(lenient.mapping(each).get("fingerprint")))


def _with_opening_evidence(remediation: Remediation) -> RemediationStatus:
    """Its status; before its first look the evidence that opened it is in its spec alone."""
    status, signal = remediation.status, remediation.spec.signal
    if status.opened_at is not None or signal.source not in TOLD:
        return status
    return record.merge_evidence(status, signal)
