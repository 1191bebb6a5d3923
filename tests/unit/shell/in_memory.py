"""The shell's parts around the model of the API server: a Deployment `shop/api` with its pods, a Runbook, a policy."""

from datetime import timedelta
from typing import Any

from platelet.api import budget as budget_contract
from platelet.api import remediation as remediation_contract
from platelet.model.alert import Alert
from platelet.model.budget import Budget, Entry
from platelet.model.effects import Deliver, Publish
from platelet.model.remediation import Remediation
from platelet.model.situation import DeliveryResult
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.alert_inbox import AlertInbox
from platelet.shell.hands import Hands
from platelet.shell.ledger import Ledger
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.targets import TargetFinder
from platelet.shell.untargeted import Untargeted
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.world import OPERATOR, SHOP, World
from tests.unit.situations import a_budget

MINUTE = timedelta(minutes=1)
API = WorkloadRef(kind="Deployment", namespace=SHOP, name="api")
ALERT = "ApiDown"


class People:
    """Hears Events and webhooks."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self.events: list[Publish] = []
        self.delivered: list[Deliver] = []

    async def publish(self, effect: Publish) -> None:
        """An Event."""
        self.events.append(effect)

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """A webhook that answers."""
        self.delivered.append(effect)
        return DeliveryResult(delivered=True)


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
        self.ledger = Ledger(self.api, self.clock, OPERATOR)
        self.book = PolicyBook(self.api, self.clock, OPERATOR, None)
        self.opener = Opener(self.api, self.clock, self.book)
        self.finder = TargetFinder(self.api)
        self.untargeted = self.new_untargeted()
        self.fates: list[str] = []
        self.inbox = self.new_inbox()
        self.lease_left = 10.0
        self.hands = Hands(self.api, self.ledger, self.people, self.people, lambda: self.lease_left)

    def new_inbox(self, cluster: str = "") -> AlertInbox:
        """Of a process that has heard nothing yet; `cluster` is how its settings call this one."""
        return AlertInbox(
            self.api,
            self.clock,
            self.book,
            self.opener,
            self.finder,
            self.untargeted,
            cluster=cluster,
            on_result=self.fates.append,
        )

    def new_untargeted(self) -> Untargeted:
        """Of a process that has told nobody anything yet."""
        return Untargeted(self.api, self.clock, self.people, self.people)

    def apply(self, resource: kube.Resource, manifest: kube.Json) -> kube.Json:
        """`kubectl create` in the namespace shop."""
        return self.world.store.create(resource, SHOP, manifest)

    async def standing(self, name: str = "heal") -> Standing:
        """The policy as it is now."""
        found = await self.book.live(SHOP, name)
        assert found is not None
        return found

    def remediations(self) -> list[Remediation]:
        """All of them."""
        return [remediation_contract.read_remediation(each) for each in self.world.store.find(kube.REMEDIATIONS)]

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
