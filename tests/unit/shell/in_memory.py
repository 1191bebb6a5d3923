"""The shell's parts around the model of the API server: a Deployment `shop/api` with its pods, a Runbook, a policy."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from platelet.api.kinds import budget as budget_contract
from platelet.api.kinds import remediation as remediation_contract
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.model.alert import Alert
from platelet.model.budget import Budget, Entry
from platelet.model.effects import Deliver, Publish
from platelet.model.notification import Holder
from platelet.model.remediation import Remediation
from platelet.model.request import Request
from platelet.model.situation import DeliveryResult
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.policy_notices import PolicyNotices
from platelet.shell.intake.alert_inbox import AlertInbox
from platelet.shell.intake.targets import TargetFinder
from platelet.shell.intake.untargeted_alerts import Untargeted
from platelet.shell.outbound.outbox import Outbox
from platelet.shell.read.readers import make_readers
from platelet.shell.store.budget import BudgetWriter
from platelet.shell.store.opener import Opener
from platelet.shell.store.policy_statuses import PolicyStatuses
from platelet.shell.store.remediation_index import RemediationIndex
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.world import OPERATOR, SHOP, World
from tests.unit.situations import a_budget

MINUTE = timedelta(minutes=1)
_TURNS = 50  # of the event loop: longer than a delivery takes that waits for nothing
API = WorkloadRef(kind="Deployment", namespace=SHOP, name="api")
ALERT = "ApiDown"


class People:
    """Hears Events and webhooks."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self.events: list[Publish] = []
        self.delivered: list[Deliver] = []
        self.tries = 0
        self.down = False

    async def publish(self, effect: Publish) -> None:
        """An Event."""
        self.events.append(effect)

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - as the protocol
        """No step calls out here."""
        raise NotImplementedError

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """A webhook that answers, unless it is down."""
        correlation, why = effect.correlation, "hooks.example.com answered 503" if self.down else ""
        self.tries += 1
        if not why:
            self.delivered.append(effect)
        return correlation.result(why)


class Shell:
    """The parts as `shell.wiring` puts them together."""

    def __init__(self, **more: Any) -> None:
        """With a policy on an alert and on crash loops; `more` goes into its spec."""
        self.world = World()
        self.world.store.create(kube.BUDGETS, OPERATOR, {"metadata": {"name": "platelet"}, "spec": {}})
        self.apply(kube.RUNBOOKS, runbook(step("rolloutUndo"), step("rolloutRestart")))
        self.apply(kube.POLICIES, policy(triggers=[on_pods(), on_alert(ALERT)], **more))
        self.world.deploy("api", "app:good-1", labels={"heal": "yes"})
        self.world.advance(MINUTE)
        self.people = People()
        self.api, self.clock = self.world.connect("operator"), self.world.clock
        readers = self.readers = make_readers(self.api, self.clock, OPERATOR)
        self.book, self.budget_reader = readers.book, readers.budget
        self.budget_writer = BudgetWriter(self.api, self.clock, self.budget_reader)
        self.policy_statuses = PolicyStatuses(self.api, self.clock)
        self.opener = Opener(self.api, self.clock, self.book)
        self.finder = TargetFinder(self.api)
        self.fates: list[str] = []
        self.lease_left = 10.0
        self.outbox = Outbox(self.people)
        self.runner = EffectRunner(self.api, self.budget_writer, self.people, self.outbox, lambda: self.lease_left)
        self.notices = PolicyNotices(self.api, self.clock, self.book, self.runner, self.outbox)
        self.news: list[Holder] = []  # whose there is something to tell, or to record of telling
        self.untargeted = self.new_untargeted()
        self.inbox = self.new_inbox()

    def new_inbox(self, cluster: str = "", index: RemediationIndex | None = None) -> AlertInbox:
        """Of a process that has heard nothing yet; `cluster` is how its settings call this one."""
        return AlertInbox(
            self.api,
            self.clock,
            self.book,
            self.opener,
            self.finder,
            self.untargeted,
            index=index,
            cluster=cluster,
            on_result=self.fates.append,
        )

    def new_untargeted(self) -> Untargeted:
        """Of a process that has told nobody anything yet."""
        return Untargeted(self.api, self.clock, self.book, self.runner, self.news.append)

    async def tell_people(self) -> datetime | None:
        """What the leader does with policies that have something to tell; when the last of them is due again."""
        again_at = None
        while self.news:
            _, namespace, name = self.news.pop(0)
            again_at = await self.notices.look(namespace, name)
            await self.let_out()
        return again_at

    async def let_out(self) -> None:
        """Let all that is to be delivered go out, and its results come back."""
        sending = asyncio.create_task(self.outbox.run(self.news.append))
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    def apply(self, resource: kube.Resource, manifest: kube.Json) -> kube.Json:
        """`kubectl create` in the namespace shop."""
        return self.world.store.create(resource, SHOP, manifest)

    async def resolved(self, name: str = "heal") -> ResolvedPolicy:
        """The policy as it is now."""
        resolved = await self.book.live(SHOP, name)
        assert resolved is not None
        return resolved

    def remediations(self) -> list[Remediation]:
        """All of them."""
        return [remediation_contract.read_remediation(stored) for stored in self.world.store.find(kube.REMEDIATIONS)]

    def budget(self) -> Budget:
        """The ActionBudget."""
        return budget_contract.read_budget(self.world.store.get(kube.BUDGETS, OPERATOR, "platelet"))

    def set_budget(self, *entries: Entry, epoch: int = 1) -> None:
        """What the budget remembers."""
        stored = self.world.store.get(kube.BUDGETS, OPERATOR, "platelet")
        status = budget_contract.write_budget_status(a_budget(*entries, epoch=epoch).status)
        self.world.store.replace(kube.BUDGETS, OPERATOR, "platelet", {**stored, "status": status}, subresource="status")

    def an_alert(self, number: int = 1, *, resolved: bool = False, labels: dict[str, str] | None = None) -> Alert:
        """An alert on the Deployment, or on what `labels` name."""
        named = {"namespace": SHOP, "deployment": "api"} if labels is None else labels
        return Alert(
            fingerprint=f"{number:016x}",
            status="resolved" if resolved else "firing",
            labels={"alertname": ALERT, **named},
            starts_at=self.clock.now() - MINUTE,
            ends_at=self.clock.now() if resolved else None,
        )
