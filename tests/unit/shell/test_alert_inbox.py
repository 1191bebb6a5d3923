"""Alerts in whatever order they come (I22), from whomever, about whatever."""

import itertools
from typing import Any

import pytest

from platelet.shell import kube
from platelet.shell.alert_inbox import AlertInbox
from platelet.shell.receiver import NotStoredError
from tests.scenarios.manifests import on_alert, policy
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import ALERT, Shell


async def a_shell(**more: Any) -> Shell:
    made = Shell(**more)
    await made.book.refresh()
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
            await inbox.store([alerts[each] for each in body], 0)
    found = shell.remediations()
    assert len(found) == remediations
    facts = [fact for each in found for fact in (each.status.evidence or (each.spec.signal,))]
    assert sum(fact.resolved_at is None for fact in facts) == firing


@pytest.mark.parametrize("order", list(itertools.permutations("FF2R")), ids="".join)
async def test_any_order_of_four_deliveries_opens_at_most_one(order: tuple[str, ...]) -> None:
    """The second episode fires in the end; the first only if its end was never heard."""
    shell = await a_shell()
    alerts = {"F": shell.an_alert(1), "R": shell.an_alert(1, resolved=True), "2": shell.an_alert(2)}
    for each in order:
        await shell.inbox.store([alerts[each]], 0)
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
    assert [each["reason"] for each in status["untargetedAlerts"]] == [ALERT]
    assert [each.reason for each in shell.people.events] == ["NoTarget"]
    assert not shell.remediations()
    assert any(each["type"] == "Ready" for each in status["conditions"]), "the rest of the status stays"


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
    assert [each.spec.target_ref.name for each in shell.remediations()] == ["api"]


async def test_an_alert_without_labels_acts_on_refs_only() -> None:
    """ApiDown of a probe names no workload and no namespace."""
    shell = await a_shell()
    refs = policy("by-name", triggers=[on_alert(ALERT)], targets={"refs": [{"kind": "Deployment", "name": "api"}]})
    shell.apply(kube.POLICIES, refs)
    await shell.book.refresh()
    await shell.inbox.store([shell.an_alert(labels={})], 0)
    assert [each.spec.policy_ref.name for each in shell.remediations()] == ["by-name"]


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
        told = [each.note for each in shell.people.events]
        assert len(shell.remediations()) == 1 or (fault == "refused" and "refuses" in told[0]), f"call {index}"
        if shell.world.server.index <= first + index:
            return
    raise AssertionError("more calls than expected")


async def test_a_policy_that_is_not_ready_is_not_asked() -> None:
    shell = await a_shell(runbookRef={"name": "missing"})
    await shell.inbox.store([shell.an_alert()], 0)
    assert not shell.remediations()


async def test_what_a_process_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """I27."""
    from platelet.shell import alert_inbox  # noqa: PLC0415 - its bound is made small

    monkeypatch.setattr(alert_inbox, "_REMEMBERED", 3)
    shell = await a_shell()
    inbox: AlertInbox = shell.inbox
    await inbox.store([shell.an_alert(number, resolved=True) for number in range(9)], 0)
    assert len(inbox._resolved) == 3  # noqa: SLF001 - memory has no other witness
