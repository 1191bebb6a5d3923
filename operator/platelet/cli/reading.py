"""Reads for `explain` what the operator reads for a decision, with the same code, and can write nothing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.api.kinds import budget as budget_contract
from platelet.api.kinds import conditions
from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.kinds.policy import read_policy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import ALERTS
from platelet.api.readers import attestations, lenient
from platelet.cli.read_only import ReadOnly
from platelet.cli.suspension import BUDGET
from platelet.explain.eligibility import Unread
from platelet.model import reasons
from platelet.model.policy import Settings
from platelet.model.remediation import Remediation
from platelet.model.situation import Situation
from platelet.model.snapshot import Snapshot
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.kube.clock import Clock
from platelet.shell.leader import lease
from platelet.shell.outbound.conditions import ObjectConditions, OnlyConditions
from platelet.shell.read.own_writes import NothingWritten
from platelet.shell.read.process_state import ProcessState
from platelet.shell.read.readers import make_readers
from platelet.shell.read.snapshots import read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Who leads, as the Lease tells people."""

    holder: str
    renewed_at: datetime | None
    duration: timedelta

    def leads(self, now: datetime) -> bool:
        """Whether the Lease was renewed lately, with some patience for the way here."""
        return bool(self.holder) and self.renewed_at is not None and now - self.renewed_at <= 2 * self.duration


class Reader:
    """The sources of one `explain`. The budget's epoch counts as ours, as its leader decides."""

    def __init__(self, api: kube.Reads, clock: Clock, settings: Settings) -> None:
        """`settings.namespace` is the operator's."""
        self.kube = ReadOnly(api)
        self.clock = clock
        self.settings = settings
        self._epoch = 0
        self.untargeted: dict[str, tuple[UntargetedAlert, ...]] = {}  # by policy: alerts that name no workload
        readers = make_readers(self.kube, clock, settings.namespace)
        self._book = readers.book
        around = ProcessState(
            settings=settings,
            epoch=lambda: self._epoch,
            alerts_known_at=clock.now,
            queries_known_at=lambda _policy: clock.now(),
            thorough=True,
            asker=OnlyConditions(ObjectConditions(self.kube)),
        )
        self._situations = readers.situations(NothingWritten(), around)

    async def read_epoch(self) -> bool:
        """Learn the leader's epoch; False without an ActionBudget. Raises ApiError where it may not be read."""
        try:
            stored = await self.kube.get(kube.BUDGETS, self.settings.namespace, BUDGET)
            self._epoch = budget_contract.read_budget(stored).status.epoch
        except (kube.NotFound, InvalidSpec):
            return False
        return True

    async def leader(self) -> Leader | None:
        """Who leads; None when the user may not know."""
        try:
            stored = await self.kube.get(kube.LEASES, self.settings.namespace, lease.NAME)
        except kube.NotFound:
            return Leader(holder="", renewed_at=None, duration=lease.DURATION)
        except kube.Refused:
            return None
        spec = lenient.mapping(stored.get("spec"))
        seconds = spec.get("leaseDurationSeconds")
        return Leader(
            holder=str(spec.get("holderIdentity") or ""),
            renewed_at=lenient.moment(spec.get("renewTime")),
            duration=timedelta(seconds=seconds) if isinstance(seconds, int) else lease.DURATION,
        )

    async def situation(self, remediation: Remediation) -> Situation:
        """The situation of a Remediation, one that is only imagined included. Raises ApiError."""
        snapshot = await self.read_snapshot(remediation.target)
        return await self._situations.gather(remediation, snapshot)

    async def read_snapshot(self, target: WorkloadRef) -> Snapshot:
        """A workload with all that belongs to it. Raises ApiError."""
        snapshot, unseen = await see_as_allowed(self.kube, target, self.settings.namespace)
        if unseen:
            self.kube.miss(unseen)
        return snapshot

    async def resolved_policies(self, namespace: str) -> list[ResolvedPolicy | Unread]:
        """The policies of a namespace, and those of the operator's namespace that reach beyond it. Raises ApiError."""
        own = [await self._standing(policy) for policy in await self.kube.list(kube.POLICIES, namespace)]
        if namespace == self.settings.namespace:
            return own
        try:
            stored = await self.kube.list(kube.POLICIES, self.settings.namespace)
        except kube.Refused as error:
            return [
                *own,
                Unread(key=f"{self.settings.namespace}/*", because=f"you may not read them: {error.message}"),
            ]
        return own + [await self._standing(policy) for policy in stored if _reaches_beyond(policy)]

    async def _standing(self, stored: kube.Json) -> ResolvedPolicy | Unread:
        namespace, name = stored["metadata"]["namespace"], stored["metadata"]["name"]
        key = f"{namespace}/{name}"
        try:
            read_policy(stored)
        except InvalidSpec as error:
            return Unread(key=key, because=f"not ready: {reasons.INVALID_SPEC}: {error}")
        self.untargeted[key] = ALERTS.read(lenient.mapping(stored.get("status")))
        resolved = await self._book.live(namespace, name)
        if resolved is None:
            return Unread(key=key, because="it was deleted or changed at this moment")
        return replace(resolved, jobs_unread=_jobs_unread(stored))


async def see_as_allowed(api: kube.Reads, target: WorkloadRef, home: str) -> tuple[Snapshot, str]:
    """A workload; who may not look into the operator's namespace gets what the records say of themselves, and why.

    Raises ApiError.
    """
    try:
        await api.list(kube.CONTROLLER_REVISIONS, home, labels=attestations.attestation_selector(target))
    except kube.Refused as error:
        note = "health is what revision records say of themselves, since the operator's word for it may not be read"
        return await read_snapshot(api, target, home=None), f"{note}: {error.message}"
    return await read_snapshot(api, target, home), ""


def _jobs_unread(stored: kube.Json) -> str:
    """Why the operator reads no Jobs for a policy, by its own word; empty: it does."""
    stated = conditions.read_conditions(lenient.mapping(stored.get("status")).get("conditions"))
    warnings = (condition for condition in stated if condition.type == conditions.WARNING)
    return next((warning.message for warning in warnings if warning.reason == reasons.JOBS_NOT_READABLE), "")


def _reaches_beyond(stored: kube.Json) -> bool:
    return "namespaceSelector" in lenient.mapping(stored.get("spec"))
