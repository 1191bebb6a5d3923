"""All Remediations, and those that cannot be read: a newer version's, or spoilt ones. One of these stops no other.

What is known of an unreadable one is that it may act: its target is busy until it is closed or deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from platelet.api import lenient
from platelet.api import remediation as contract
from platelet.model.remediation import Remediation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell.kube import REMEDIATIONS, Json, Kube

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading an object of others may raise; InvalidSpec is a ValueError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A Remediation that cannot be read, as far as it can."""

    namespace: str
    name: str
    uid: str
    created_at: datetime | None
    target: WorkloadRef | None  # None: nothing can be told, or it is closed, or only observes
    attempts: tuple[str, ...]  # ids: what it has on the budget is not abandoned
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One listing. Whoever asks whether a target is free must ask `busy` too."""

    readable: list[Remediation] = field(default_factory=list)
    unreadable: tuple[Unreadable, ...] = ()

    def of(self, target: WorkloadRef) -> list[Remediation]:
        """Those of one target, whatever their state."""
        return [each for each in self.readable if each.target == target]

    def busy(self, target: WorkloadRef) -> str:
        """The name of an unreadable open Remediation that may act on this target, or nothing."""
        return next((each.name for each in self.unreadable if each.target == target), "")

    def busy_before(self, target: WorkloadRef, moment: datetime | None) -> str:
        """The same, if it was there before `moment` (None: not yet come): what was planted later stops nobody."""
        return next(
            (
                each.name
                for each in self.unreadable
                if each.target == target and (moment is None or each.created_at is None or each.created_at <= moment)
            ),
            "",
        )


async def survey(kube: Kube, namespace: str = "") -> Survey:
    """Read all Remediations of a namespace, or of all. Raises ApiError."""
    readable, unreadable = [], []
    for stored in await kube.list(REMEDIATIONS, namespace):
        try:
            readable.append(contract.read_remediation(stored))
        except UNREADABLE as error:
            unreadable.append(_judge(stored, f"{type(error).__name__}: {error}"))
    return Survey(readable=readable, unreadable=tuple(unreadable))


def _judge(stored: Json, why: str) -> Unreadable:
    metadata, spec = lenient.mapping(stored.get("metadata")), lenient.mapping(stored.get("spec"))
    status = lenient.mapping(stored.get("status"))
    attempts = status.get("attempts")
    ids = [lenient.mapping(each).get("id") for each in attempts] if isinstance(attempts, list) else []
    namespace = str(metadata.get("namespace", ""))
    over = status.get("state") == "Closed" or spec.get("mode") == "Observe"
    return Unreadable(
        namespace=namespace,
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        created_at=lenient.moment(metadata.get("creationTimestamp")),
        target=None if over else _target(namespace, lenient.mapping(spec.get("targetRef"))),
        attempts=tuple(each for each in ids if isinstance(each, str)),
        why=why[:300],
    )


def _target(namespace: str, reference: Mapping[str, Any]) -> WorkloadRef | None:
    name = reference.get("name")
    for kind in get_args(Kind):
        if kind == reference.get("kind") and isinstance(name, str):
            return WorkloadRef(kind=kind, namespace=namespace, name=name)
    return None
