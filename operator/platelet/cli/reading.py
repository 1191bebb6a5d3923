"""Reads for `explain` what the operator reads for a decision, with the same code, and can write nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.api import attestations, evidence, lenient
from platelet.api import budget as budget_contract
from platelet.api.invalid import InvalidSpec
from platelet.api.policy import read_policy
from platelet.cli.candidacy import Unread
from platelet.cli.read_only import ReadOnly
from platelet.cli.suspension import BUDGET
from platelet.model import reasons
from platelet.model.effects import Deliver, Publish
from platelet.model.policy import Settings
from platelet.model.remediation import Remediation
from platelet.model.signal import Evidence
from platelet.model.situation import DeliveryResult, Situation
from platelet.model.workload import WorkloadRef
from platelet.shell import kube, lease
from platelet.shell.clock import Clock
from platelet.shell.gathering import Circumstances, Gatherer
from platelet.shell.hands import Hands
from platelet.shell.ledger import Ledger
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.sight import Sight, see


class _Silent:
    """Publishes and delivers nothing; nobody asks it to."""

    async def publish(self, effect: Publish) -> None:
        """Drop it."""

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """Drop it."""
        del effect
        return DeliveryResult(delivered=False, message="not sent")


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

    def __init__(self, api: kube.Kube, clock: Clock, settings: Settings) -> None:
        """`settings.namespace` is the operator's."""
        self.kube = ReadOnly(api)
        self.clock = clock
        self.settings = settings
        self._epoch = 0
        self.untargeted: dict[str, tuple[Evidence, ...]] = {}  # by policy: alerts that name no workload
        self._book = PolicyBook(self.kube, clock, settings.namespace, None)
        ledger = Ledger(self.kube, clock, settings.namespace)
        hands = Hands(self.kube, ledger, _Silent(), _Silent(), lambda: 0.0)
        around = Circumstances(
            settings=settings,
            epoch=lambda: self._epoch,
            alerts_known_at=clock.now,
            queries_known_at=lambda _policy: clock.now(),
            thorough=True,
        )
        self._gatherer = Gatherer(self.kube, clock, ledger, self._book, hands, around)

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
        sight = await self.see(remediation.target)
        return await self._gatherer.gather(remediation, sight)

    async def see(self, target: WorkloadRef) -> Sight:
        """A workload with all that belongs to it. Raises ApiError."""
        sight, unseen = await see_as_allowed(self.kube, target, self.settings.namespace)
        if unseen:
            self.kube.miss(unseen)
        return sight

    async def standings(self, namespace: str) -> list[Standing | Unread]:
        """The policies of a namespace, and those of the operator's namespace that reach beyond it. Raises ApiError."""
        found = [await self._standing(each) for each in await self.kube.list(kube.POLICIES, namespace)]
        if namespace == self.settings.namespace:
            return found
        try:
            stored = await self.kube.list(kube.POLICIES, self.settings.namespace)
        except kube.Refused as error:
            return [
                *found,
                Unread(key=f"{self.settings.namespace}/*", because=f"you may not read them: {error.message}"),
            ]
        return found + [await self._standing(each) for each in stored if _reaches_beyond(each)]

    async def _standing(self, stored: kube.Json) -> Standing | Unread:
        namespace, name = stored["metadata"]["namespace"], stored["metadata"]["name"]
        key = f"{namespace}/{name}"
        try:
            read_policy(stored)
        except InvalidSpec as error:
            return Unread(key=key, because=f"not ready: {reasons.INVALID_SPEC}: {error}")
        self.untargeted[key] = evidence.read_evidence(lenient.mapping(stored.get("status")).get("untargetedAlerts"))
        standing = await self._book.live(namespace, name)
        return standing or Unread(key=key, because="it was deleted or changed at this moment")


async def see_as_allowed(api: kube.Kube, target: WorkloadRef, home: str) -> tuple[Sight, str]:
    """A workload; who may not look into the operator's namespace gets what the records say of themselves, and why.

    Raises ApiError.
    """
    try:
        await api.list(kube.CONTROLLER_REVISIONS, home, labels=attestations.attestation_selector(target))
    except kube.Refused as error:
        said = "health is what revision records say of themselves, since the operator's word for it may not be read"
        return await see(api, target, home=None), f"{said}: {error.message}"
    return await see(api, target, home), ""


def _reaches_beyond(stored: kube.Json) -> bool:
    return "namespaceSelector" in lenient.mapping(stored.get("spec"))
