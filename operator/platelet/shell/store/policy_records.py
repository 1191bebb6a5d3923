"""Writes what a policy has on record of telling people: all of it, or nothing."""

from collections.abc import Mapping
from typing import Any

from platelet.shell.kube import POLICIES, Json, Kube, OutdatedSchema
from platelet.shell.store.policies import PolicyBook


async def store_records(kube: Kube, book: PolicyBook, stored: Json, changes: Mapping[str, Any]) -> Json:
    """Compare-and-swap of these fields of a policy's status; the policy as it is stored then.

    Raises Conflict, and OutdatedSchema, which the policy's conditions tell until something can be stored again; other
    ApiErrors.
    """
    namespace, name = stored["metadata"]["namespace"], stored["metadata"]["name"]
    body = {**stored, "status": {**(stored.get("status") or {}), **changes}}
    try:
        answer = await kube.replace(POLICIES, namespace, name, body, subresource="status")
    except OutdatedSchema as error:
        book.references.note_unrecorded(namespace, name, error.message)
        raise
    book.references.note_unrecorded(namespace, name, "")
    return answer
