"""Reading what others wrote: a malformed detail reads as absent, and nothing raises over it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from platelet.model import durations
from platelet.model.digest import digest
from platelet.model.workload import Owner

_MAPPING: Final = (dict, Mapping)  # nearly all are the former, which is told in a third of the time
_BUILT_IN: Final = frozenset(  # the API groups of Kubernetes itself; CRDs may end in .k8s.io, too
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)


def read_owner(obj: Mapping[str, Any]) -> Owner | None:
    """Find the controlling owner, or None."""
    return next(
        (_owner(reference) for reference in _owner_references(obj) if reference.get("controller") is True), None
    )


def read_reconciling_owner(obj: Mapping[str, Any]) -> Owner | None:
    """Find whose reconciler would revert a change: the controlling owner, else a custom resource; or None.

    OLM and other operators own what they keep without the controller flag (ownerutil.NonBlockingOwner of OLM). An owner
    of Kubernetes' own kinds without the flag is there for garbage collection only.
    """
    custom = (reference for reference in _owner_references(obj) if _group(reference) not in _BUILT_IN)
    return read_owner(obj) or next((_owner(reference) for reference in custom), None)


def _owner_references(obj: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return mappings(mapping(obj["metadata"]).get("ownerReferences"))


def _owner(reference: Mapping[str, Any]) -> Owner:
    return Owner(
        api_version=text(reference.get("apiVersion")),
        kind=text(reference.get("kind")),
        name=text(reference.get("name")),
        uid=text(reference.get("uid")),
    )


def _group(reference: Mapping[str, Any]) -> str:
    group, slash, _ = text(reference.get("apiVersion")).partition("/")
    return group if slash else ""


def read_creation(metadata: Mapping[str, Any]) -> datetime:
    """When the object was created. Raises KeyError if the API server did not say."""
    created_at = moment(metadata["creationTimestamp"])
    if created_at is None:
        raise KeyError("creationTimestamp")
    return created_at


def by_type(conditions: object) -> dict[str, Mapping[str, Any]]:
    """Key a list of conditions by their types."""
    return {text(condition.get("type")): condition for condition in mappings(conditions)}


def mapping(value: object) -> Mapping[str, Any]:
    """Take a mapping, else an empty one."""
    return value if isinstance(value, _MAPPING) else {}


def mappings(value: object) -> Sequence[Mapping[str, Any]]:
    """Take the mappings in a list, else none."""
    return [entry for entry in value if isinstance(entry, _MAPPING)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Take a string, else an empty one."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> dict[str, str]:
    """Take the entries of labels or annotations that are strings."""
    entries = mapping(value).items()
    return {key: entry for key, entry in entries if isinstance(key, str) and isinstance(entry, str)}


def shorten(value: str, most: int = 256) -> str:
    """Take a string, cut to what a record of ours admits; a hash at its end tells one that was cut from others."""
    if len(value) <= most:
        return value
    mark = digest(value)
    return f"{value[: most - len(mark) - 1]}#{mark}"


def number(value: object, absent: int = 0) -> int:
    """Take an integer that is not negative, else `absent`."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else absent


def moment(value: object) -> datetime | None:
    """Read a time as the API server writes it, else None."""
    if not isinstance(value, str):
        return None
    try:
        return durations.parse_time(value)
    except ValueError:
        return None
