"""Namespaces: what is in several of them, and whether one is there to stay."""

import asyncio
from collections.abc import Collection

from platelet.model.resource import Resource
from platelet.shell.kube import NAMESPACES, Json, NotFound, Reads, Refused

_ONE_BY_ONE = 4  # namespaces; more are read in one list of all


async def list_in(kube: Reads, resource: Resource, namespaces: Collection[str]) -> list[Json]:
    """All objects of these namespaces: by a LIST of each, or a single one where they are many. Raises ApiError."""
    lists = await asyncio.gather(*(kube.list(resource, place) for place in _places(namespaces)))
    return [stored for listed in lists for stored in listed if stored["metadata"]["namespace"] in namespaces]


async def find_unlistable(kube: Reads, resource: Resource, namespaces: Collection[str]) -> str:
    """Say which LIST of these is refused, if one is; empty: none. Raises ApiError where that is not known."""
    for place in _places(namespaces):
        try:
            await kube.list(resource, place)
        except Refused as error:
            where = f"in namespace {place}" if place else "in all namespaces"
            return f"list {resource.plural}.{resource.group} {where} ({error.code} {error.reason})"
    return ""


def _places(namespaces: Collection[str]) -> list[str]:
    """Where to LIST what is in these; empty: everywhere."""
    return sorted(namespaces) if len(namespaces) <= _ONE_BY_ONE else [""]


async def is_ending(kube: Reads, namespace: str) -> bool:
    """Whether it is gone or being deleted. Raises ApiError when it cannot be known.

    Nothing can be stored in one that ends, and soon nothing is there to heal.
    """
    try:
        stored = await kube.get(NAMESPACES, "", namespace)
    except NotFound:
        return True
    return "deletionTimestamp" in stored["metadata"]
