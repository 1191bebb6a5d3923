"""Alerts in whatever order they come (I22), from whomever, about whatever."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from platelet.core.opening import Update
from platelet.model import reasons
from platelet.model.remediation import RemediationStatus
from platelet.replay.admission import Review
from platelet.shell import kube
from platelet.shell.intake.alert_inbox import AlertInbox
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.intake.targets import TargetFinder
from platelet.shell.store.opener import Opener, store_status
from tests.scenarios.manifests import on_alert, policy
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import ALERT, MINUTE, Shell


async def a_shell(**more: Any) -> Shell:
    made = Shell(**more)
    await made.book.refresh()
    await made.policy_statuses.tell(made.book.judgements)
    return made


# Each row: what arrives in which order (F firing, R resolved, of one episode; a digit: of another one; "," a new body;
# "|" another process takes over), and what is on record: how many Remediations, how many alerts fire on them.
ORDERS = {
    "firing": ("F", 1, 1),
    "firing twice in one body": ("FF", 1, 1),
    "firing in two bodies": ("F,F", 1, 1),
    "firing, then resolved": ("F,R", 1, 0),
    "both in one body": ("FR", 1, 0),
    "resolved before firing, in one body": ("RF", 0, 0),
    "resolved before firing, in two bodies": ("R,F", 0, 0),
    "only resolved": ("R", 0, 0),
    "resolved twice": ("F,R,R", 1, 0),
    "a late duplicate of firing": ("F,R,F", 1, 0),
    "a late duplicate at another process": ("F,R|F", 1, 0),
    "a second episode while the first is on record": ("F,2", 1, 2),
    "a second episode after the first has resolved": ("F,R,2", 1, 1),
    "two episodes, the first resolved late": ("F,2,R", 1, 1),
    "two episodes in one body": ("F2", 1, 2),
}


@pytest.mark.parametrize(("order", "remediations", "firing"), ORDERS.values(), ids=ORDERS)
async def test_the_order_of_firing_and_resolved(order: str, remediations: int, firing: int) -> None:
    """I22: an incident that is over never opens, and what is resolved never fires again."""
    shell = await a_shell()
    alerts = {
        "F": shell.an_alert(1),
        "R": shell.an_alert(1, resolved=True),
        "2": shell.an_alert(2),
    }
    for process in order.split("|"):
        inbox = shell.new_inbox()
        for body in process.split(","):
            await inbox.store([alerts[letter] for letter in body], 0)
    opened = shell.remediations()
    assert len(opened) == remediations
    facts = [fact for remediation in opened for fact in (remediation.status.evidence or (remediation.spec.signal,))]
    assert sum(fact.resolved_at is None for fact in facts) == firing


@pytest.mark.parametrize("order", list(itertools.permutations("FF2R")), ids="".join)
async def test_any_order_of_four_deliveries_opens_at_most_one(order: tuple[str, ...]) -> None:
    """The second episode fires in the end; the first only if its end was never heard."""
    shell = await a_shell()
    alerts = {"F": shell.an_alert(1), "R": shell.an_alert(1, resolved=True), "2": shell.an_alert(2)}
    for letter in order:
        await shell.inbox.store([alerts[letter]], 0)
    (only,) = shell.remediations()
    facts = {fact.fingerprint: fact.resolved_at for fact in only.status.evidence or (only.spec.signal,)}
    assert facts[alerts["2"].episode] is None
    assert facts.get(alerts["F"].episode, "over") is not None


async def test_many_alerts_on_one_target_are_one_remediation() -> None:
    shell = await a_shell()
    await shell.inbox.store([shell.an_alert(number) for number in range(1, 9)], 0)
    (only,) = shell.remediations()
    assert len(only.status.evidence) == 8
    assert only.spec.mode == "Enforce"


NOBODYS = {
    "of another name": {"alertname": "Other"},
    "of another namespace": {"namespace": "bank"},
    "about a workload that is no target": {"deployment": "other"},
}


@pytest.mark.parametrize("labels", NOBODYS.values(), ids=NOBODYS)
async def test_an_alert_that_is_nobodys(labels: dict[str, str]) -> None:
    shell = await a_shell()
    shell.world.deploy("other", "app:good-1")
    await shell.inbox.store([shell.an_alert(labels={"namespace": SHOP, "deployment": "api", **labels})], 0)
    assert not shell.remediations()
    assert not shell.people.events


WITHOUT_TARGET = {
    "it names no workload": {"namespace": SHOP},
    "its workload does not exist": {"namespace": SHOP, "deployment": "gone"},
    "it names a kind that is not healed": {"namespace": SHOP, "statefulset": "db"},
    "its pod is gone": {"namespace": SHOP, "pod": "api-1"},
}


@pytest.mark.parametrize("labels", WITHOUT_TARGET.values(), ids=WITHOUT_TARGET)
async def test_an_alert_without_a_target_is_on_record_and_told_once(labels: dict[str, str]) -> None:
    """DESIGN 3.4: it matched, so it is stored before the answer is 200."""
    shell = await a_shell()
    for _ in range(2):
        await shell.inbox.store([shell.an_alert(labels=labels)], 0)
    status = shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"]
    assert [alert["reason"] for alert in status["untargetedAlerts"]] == [ALERT]
    assert [event.reason for event in shell.people.events] == ["NoTarget"]
    assert not shell.remediations()
    assert any(condition["type"] == "Ready" for condition in status["conditions"]), "the rest of the status stays"


async def test_the_pod_of_an_alert_leads_to_its_deployment() -> None:
    shell = await a_shell()
    pod = shell.world.pods("api")[0]["metadata"]["name"]
    await shell.inbox.store([shell.an_alert(labels={"namespace": SHOP, "pod": pod})], 0)
    (only,) = shell.remediations()
    assert only.spec.target_ref.name == "api"


async def test_an_exporters_pod_is_never_the_target() -> None:
    """TRAPS 16."""
    shell = await a_shell()
    labels = {"namespace": SHOP, "deployment": "api", "pod": "kube-state-metrics-1", "container": "kube-state-metrics"}
    await shell.inbox.store([shell.an_alert(labels=labels)], 0)
    assert [remediation.spec.target_ref.name for remediation in shell.remediations()] == ["api"]


async def test_an_alert_without_labels_acts_on_refs_only() -> None:
    """ApiDown of a probe names no workload and no namespace."""
    shell = await a_shell()
    refs = policy("by-name", triggers=[on_alert(ALERT)], targets={"refs": [{"kind": "Deployment", "name": "api"}]})
    shell.apply(kube.POLICIES, refs)
    await shell.book.refresh()
    await shell.inbox.store([shell.an_alert(labels={})], 0)
    assert [remediation.spec.policy_ref.name for remediation in shell.remediations()] == ["by-name"]


@pytest.mark.parametrize("fault", ["unanswered", "answer lost", "refused"])
async def test_every_call_that_fails_is_an_alert_that_is_sent_again(fault: Any) -> None:
    """I10, I19: whichever call fails, either it is on record, or the sender hears that it is not.

    What is refused for good is on record too, on the policy.
    """
    calls = 30
    for index in range(calls):
        shell = await a_shell()
        first = shell.world.server.index
        shell.world.server.faults.at[first + index] = fault
        try:
            await shell.inbox.store([shell.an_alert()], 0)
        except NotStoredError:
            await shell.inbox.store([shell.an_alert()], 0)
        notes = [event.note for event in shell.people.events]
        assert len(shell.remediations()) == 1 or (fault == "refused" and "refuses" in notes[0]), f"call {index}"
        if shell.world.server.index <= first + index:
            return
    raise AssertionError("more calls than expected")


async def test_a_policy_that_is_not_ready_is_not_asked() -> None:
    shell = await a_shell(runbookRef={"name": "missing"})
    await shell.inbox.store([shell.an_alert()], 0)
    assert not shell.remediations()


async def test_what_a_process_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """I27."""
    from platelet.shell.intake import alert_inbox  # noqa: PLC0415 - its bound is made small

    monkeypatch.setattr(alert_inbox, "_REMEMBERED", 3)
    shell = await a_shell()
    inbox: AlertInbox = shell.inbox
    await inbox.store([shell.an_alert(number, resolved=True) for number in range(9)], 0)
    assert len(inbox._resolved) == 3  # noqa: SLF001 - memory has no other witness


def by_name(**more: Any) -> dict[str, Any]:
    """A policy that says by itself what its alerts are about."""
    refs = [{"kind": "Deployment", "name": "api"}, {"kind": "Deployment", "name": "web"}]
    return policy("by-name", triggers=[on_alert(ALERT)], targets={"refs": refs}, **more)


# Each row: what the alert's labels name, which of the refs api and web are healed, and whether people are told.
NAMED: dict[str, tuple[dict[str, str], list[str], bool]] = {
    "nothing": ({}, ["api", "web"], False),
    "only a namespace": ({"namespace": SHOP}, ["api", "web"], False),
    "a scrape's job": ({"namespace": SHOP, "job": "blackbox", "instance": "https://a.example"}, ["api", "web"], False),
    "a Service that does not exist": ({"namespace": SHOP, "service": "front", "app": "front"}, [], True),
    "another namespace, in OpenTelemetry's words": (
        {"k8s_namespace_name": "bank", "k8s_deployment_name": "api"},
        [],
        False,
    ),
    "another pod, in words of an old discovery": (
        {"kubernetes_namespace": "bank", "kubernetes_pod_name": "x"},
        [],
        False,
    ),
    "a pod without a namespace": ({"pod_name": "ledger-1"}, [], True),
    "another pod, in words that nobody knows": ({"bank_pod": "ledger-1"}, [], True),
    "another namespace, in words that nobody knows": ({"team_namespace": "bank"}, [], True),
    "who calls": ({"source_workload": "ledger", "source_workload_namespace": SHOP}, [], True),
    "the exporter": ({"namespace": SHOP, "pod": "kube-state-metrics-1"}, ["api", "web"], False),
    "a volume": ({"namespace": SHOP, "persistentvolumeclaim": "data"}, [], True),
    "a budget of disruptions": ({"namespace": SHOP, "poddisruptionbudget": "other"}, [], True),
    "one of them": ({"namespace": SHOP, "deployment": "web"}, ["web"], False),
    "one of them, without a namespace": ({"deployment": "web"}, ["web"], False),
    "another Deployment": ({"namespace": SHOP, "deployment": "other"}, [], False),
    "another Deployment, without a namespace": ({"deployment": "other"}, [], False),
    "a Deployment that does not exist": ({"namespace": SHOP, "deployment": "gone"}, [], True),
    "a StatefulSet that does not exist": ({"namespace": SHOP, "statefulset": "api"}, [], True),
    "a kind that is not healed": ({"namespace": SHOP, "rollout": "api"}, [], False),
    "a job": ({"namespace": SHOP, "job_name": "api"}, [], False),
    "several workloads": ({"namespace": SHOP, "deployment": "api", "daemonset": "x"}, [], True),
    "a pod that is gone": ({"namespace": SHOP, "pod": "api-1"}, [], True),
    "a pod of nobody": ({"namespace": SHOP, "pod": "lonely"}, [], False),
    "a pod of one of them": ({"namespace": SHOP, "pod": "<api>"}, ["api"], False),
    "an autoscaler of one of them": ({"namespace": SHOP, "horizontalpodautoscaler": "hpa"}, ["api"], False),
}


@pytest.mark.parametrize(("labels", "healed", "is_told"), NAMED.values(), ids=NAMED)
async def test_refs_say_what_is_meant_only_where_the_alert_names_nothing(
    labels: dict[str, str], healed: list[str], *, is_told: bool
) -> None:
    """I1: an alert about something else never acts on what the policy lists."""
    shell = await a_shell()
    for name in ("web", "other"):
        shell.world.deploy(name, "app:good-1")
    shell.apply(kube.PODS, {"metadata": {"name": "lonely"}, "spec": {}})
    reference = {"scaleTargetRef": {"kind": "Deployment", "name": "api"}}
    shell.apply(kube.AUTOSCALERS, {"metadata": {"name": "hpa"}, "spec": reference})
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    shell.apply(kube.POLICIES, by_name())
    await shell.book.refresh()
    pod = shell.world.pods("api")[0]["metadata"]["name"]
    await shell.inbox.store([shell.an_alert(labels={k: v.replace("<api>", pod) for k, v in labels.items()})], 0)
    assert sorted(remediation.spec.target_ref.name for remediation in shell.remediations()) == healed
    assert [event.reason for event in shell.people.events] == (["NoTarget"] if is_told else [])
    assert shell.fates == ["untargeted" if is_told else "stored" if healed else "ignored"]


class Refusing:
    """An API server that turns some creations away for good, as a quota does, or for a while."""

    def __init__(self, api: Any, names: dict[str, kube.ApiError]) -> None:
        """By the beginnings of the names."""
        self._api = api
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    async def create(self, resource: kube.Resource, namespace: str, body: Any, *, agent: str = "") -> Any:
        """As it is, unless it is one of those."""
        for prefix, error in self._names.items():
            if resource == kube.REMEDIATIONS and body["metadata"]["name"].startswith(prefix):
                raise error
        return await self._api.create(resource, namespace, body, agent=agent)


async def test_what_cannot_be_stored_of_one_target_costs_no_other() -> None:
    """What is refused for good is on record and told; what another try may mend is sent again."""
    shell = await a_shell()
    names = ("full", "slow", "late")
    for name in names:
        shell.world.deploy(name, "app:good-1", labels={"heal": "yes"})
    quota, timeout = kube.Refused(403, "Forbidden", "exceeded quota"), kube.Unanswered(0, "Timeout", "no answer")
    api: Any = Refusing(shell.api, {"deployment-full": quota, "deployment-slow": timeout})
    shell.api = api
    shell.opener = Opener(shell.api, shell.clock, shell.book)
    inbox = shell.new_inbox()
    labels = [{"namespace": SHOP, "deployment": name} for name in ("full", "slow", "late", "api")]
    alerts = [shell.an_alert(number, labels=named) for number, named in enumerate(labels)]
    for _ in range(2):
        shell.fates.clear()
        with pytest.raises(NotStoredError):
            await inbox.store(alerts, 0)
        assert shell.fates == ["refused", "failed", "stored", "stored"]
    assert sorted(remediation.spec.target_ref.name for remediation in shell.remediations()) == ["api", "late"]
    assert ["exceeded quota" in event.note for event in shell.people.events] == [True]
    await inbox.store([alerts[0]], 0)


async def test_a_subject_that_may_not_be_looked_up_holds_up_no_other_and_the_policy_names_the_right() -> None:
    """Until a while after the last of them has come; its sender tries again meanwhile."""
    shell = await a_shell()
    words = (
        'pods "gone" is forbidden: User "platelet" cannot get resource "pods" in API group "" in the namespace "shop"'
    )

    class WithoutPods:
        """A role that is older than the operator."""

        async def get(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
            if resource == kube.PODS:
                raise kube.Refused(403, "Forbidden", words)
            return await shell.api.get(resource, namespace, name)

    async def warnings() -> list[tuple[str, str]]:
        await shell.book.refresh()
        judged = next(judgement for judgement in shell.book.judgements if judgement.resource == kube.POLICIES)
        return [(caveat.reason, caveat.message) for caveat in judged.caveats or ()]

    api: Any = WithoutPods()
    shell.finder = TargetFinder(api)
    before = await warnings()
    alerts = [shell.an_alert(1, labels={"namespace": SHOP, "pod": "gone"}), shell.an_alert(2)]
    with pytest.raises(NotStoredError):
        await shell.new_inbox().store(alerts, 0)
    assert shell.fates == ["failed", "stored"]
    assert len(shell.remediations()) == 1
    ((reason, message),) = [known for known in await warnings() if known not in before]
    assert reason == reasons.SUBJECT_NOT_READABLE
    assert words in message
    shell.world.advance(20 * MINUTE)
    assert await warnings() == before


# Each row: minutes after the end when Alertmanager is seen to have it active again, and how many fire then.
BACK = {"at once": (0, 0), "within two polls": (2, 0), "clearly later": (3, 1)}


@pytest.mark.parametrize("restarted", [False, True], ids=["the same process", "another process"])
@pytest.mark.parametrize(("later", "firing"), BACK.values(), ids=BACK)
async def test_an_alert_that_is_back_under_the_same_start(later: int, firing: int, *, restarted: bool) -> None:
    """Prometheus was cut off: its alerts end in Alertmanager, and come back as they began."""
    shell = await a_shell()
    alert, end = shell.an_alert(), shell.an_alert(resolved=True)
    inbox = shell.inbox
    await inbox.store([alert], 0)
    (only,) = shell.remediations()
    opened = RemediationStatus(opened_at=shell.clock.now(), evidence=(only.spec.signal,))
    await store_status(shell.api, only, Update(remediation=only, status=opened))
    await inbox.store([end], 0)
    shell.world.advance(later * MINUTE)
    inbox = shell.new_inbox() if restarted else inbox
    await inbox.store([alert], 0)  # a late report of before changes nothing
    for _ in range(2):
        await inbox.store_present([alert])
    (only,) = shell.remediations()
    assert sum(fact.resolved_at is None for fact in only.status.evidence) == firing
    await inbox.store([end], 0)  # a late one of the episode before
    (only,) = shell.remediations()
    assert sum(fact.resolved_at is None for fact in only.status.evidence) == firing
    await inbox.store([replace(end, ends_at=shell.clock.now())], 0)
    (only,) = shell.remediations()
    assert [fact.resolved_at is None for fact in only.status.evidence] == [False]


async def test_an_alert_that_is_back_after_its_remediation_was_closed_opens_another() -> None:
    shell = await a_shell()
    alert = shell.an_alert()
    await shell.inbox.store([alert], 0)
    (first,) = shell.remediations()
    ended = replace(first.spec.signal, resolved_at=shell.clock.now())
    closed = RemediationStatus(state="Closed", opened_at=shell.clock.now(), evidence=(ended,))
    await store_status(shell.api, first, Update(remediation=first, status=closed))
    await shell.inbox.store_present([alert])
    assert len(shell.remediations()) == 1
    shell.world.advance(3 * MINUTE)
    await shell.inbox.store([alert], 0)
    assert len(shell.remediations()) == 1, "a late report opens nothing"
    for _ in range(3):
        await shell.inbox.store_present([alert])
    assert len(shell.remediations()) == 2


async def test_what_is_refused_for_good_is_told_as_such_to_the_poller() -> None:
    """What it has heard of all others is known then."""
    shell = await a_shell()
    inbox = shell.new_inbox()
    firing = shell.an_alert()
    await inbox.store([firing], 0)

    def refuse(review: Review) -> None:
        if review.resource is kube.REMEDIATIONS and review.subresource == "status":
            raise kube.Refused(422, "Invalid", "a webhook says no")

    shell.world.store.admissions.append(refuse)
    with pytest.raises(NotStoredError) as error:
        await inbox.store([replace(firing, status="resolved", ends_at=shell.clock.now())], 0)
    assert error.value.for_good
