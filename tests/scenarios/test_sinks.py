"""A sink is one file and one name in a list: this toy is told, in order and at least once, whatever dies meanwhile.

It stands beside the annotation, Events and the webhook, and none of them hears later or otherwise because of it.
"""

from datetime import timedelta
from typing import Any

import pytest

from platelet import sinks
from platelet.api.kinds import notifications
from platelet.model import approval, reasons
from platelet.model.effects import Deliver
from platelet.model.notice import Notice
from platelet.model.notification import Notification
from platelet.model.request import Request
from platelet.model.rules import Sink
from platelet.shell import kube
from tests.scenarios.heals import HEAL, effects, sample, with_faults
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

HOUR = timedelta(hours=1)
PAGER = {"webhook": {"url": "http://pager.svc/hook"}}
TICKETS = "tickets.svc"
API = {"undo": "yes"}


def render(notice: Notice) -> tuple[Request, ...]:
    """One ticket for each notice, by its id."""
    body = {"kind": notice.kind, "why": notice.reason, "what": notice.message}
    return (Request(url=f"http://{TICKETS}/{notice.id}", method="PUT", body=body),)


TOY = Sink(name="tickets", tells=lambda notice: notice.kind != "NotDelivered", render=render, kept=True)


@pytest.fixture(autouse=True)
def _list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "SINKS", (*sinks.SINKS, TOY))


def told(simulation: Simulation, sink: str = TOY.name) -> list[str]:
    """What a sink has taken, in order; a repetition once."""
    taken: dict[str, Deliver] = {}
    for delivery in simulation.mailbox.delivered:
        if delivery.correlation.sink == sink:
            taken.setdefault(delivery.correlation.id, delivery)
    return [delivery.request.body["kind"] if sink == TOY.name else kind_of(delivery) for delivery in taken.values()]


def kind_of(delivery: Deliver) -> str:
    kind: str = delivery.request.body["type"].rpartition(".")[2]
    return kind


def known(simulation: Simulation, sink: str = TOY.name) -> list[Notification]:
    """What is on record of telling a sink of the only incident."""
    return [notification for notification in simulation.remediation().status.notifications if notification.sink == sink]


STORY = ["Opened", "Acted", "Escalated", "Resolved"]


def play(simulation: Simulation) -> range:
    """A restart does not help; people release something that runs. Returns the calls of it all."""
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    first = simulation.world.server.index
    simulation.world.release("api", "app:crash")
    simulation.run(20 * MINUTE)
    simulation.world.release("api", "app:good-2")
    simulation.run(20 * MINUTE)
    return range(first, simulation.world.server.index)


def outcome(simulation: Simulation) -> dict[str, Any]:
    """What must be the same whatever died meanwhile."""
    return {
        "states": states(simulation),
        "effects": len(effects(simulation.world.server.audit)),
        "marked": "platelet.dev/escalated" in simulation.world.deployment("api")["metadata"].get("annotations", {}),
        "tickets": told(simulation),
        "on record": [
            (notification.kind, notification.state, notification.error) for notification in known(simulation)
        ],
        "pager": told(simulation, "webhook"),
        "pager on record": [(notification.kind, notification.state) for notification in known(simulation, "webhook")],
        "mark on record": [(notification.kind, notification.state) for notification in known(simulation, "annotation")],
    }


def test_a_toy_in_the_list_is_told_the_story_in_order_and_says_so(simulation: Simulation) -> None:
    play(simulation)
    assert outcome(simulation) == {
        "states": [("Closed", reasons.RESOLVED_BY_PEOPLE)],
        "effects": 1,
        "marked": False,
        "tickets": STORY,
        "on record": [(kind, "Delivered", "") for kind in STORY],
        "pager": ["escalated", "resolved"],
        "pager on record": [("Escalated", "Delivered"), ("Resolved", "Delivered")],
        "mark on record": [("Escalated", "Delivered")],
    }
    assert {
        delivery.request.method for delivery in simulation.mailbox.delivered if delivery.correlation.sink == TOY.name
    } == {"PUT"}


def test_a_crash_at_any_call_loses_nothing_that_people_are_told() -> None:
    """At least once, always under the same id, and said so: in the end all is as without the crash."""
    with Simulation() as calm:
        calls = play(calm)
        expected = outcome(calm)
    for simulation, fault in with_faults(sample(calls, 17), "kill before", "kill after"):
        play(simulation)
        assert outcome(simulation) == expected, fault


def test_a_sink_that_fails_for_an_hour_holds_up_no_other_and_says_why(simulation: Simulation) -> None:
    simulation.mailbox.down_hosts = {TICKETS}
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run(HOUR)
    assert (told(simulation), told(simulation, "webhook")) == ([], ["escalated"])
    opened, acted, escalated = known(simulation)
    assert (opened.kind, opened.state, opened.error) == ("Opened", "Pending", f"{TICKETS} answered 503")
    assert opened.tries > 5
    assert {(notification.state, notification.tries) for notification in (acted, escalated)} == {("Pending", 0)}
    simulation.mailbox.down_hosts = set()
    simulation.run(15 * MINUTE)
    assert told(simulation) == STORY[:3]
    assert {notification.state for notification in known(simulation)} == {"Delivered"}


def heal_beside(simulation: Simulation, workloads: int = 20) -> list[tuple[timedelta, str]]:
    """Many incidents that people get at once; then a release that is undone. Returns when something was written."""
    slow = policy(triggers=[on_alert("Slow")], escalation=PAGER, limits={"maxUnhealthy": "100%", "maxConcurrent": 100})
    simulation.apply(runbook(step("rolloutUndo")), slow)
    simulation.apply(policy("heal-api", targets={"kinds": ["Deployment"], "selector": {"matchLabels": API}}))
    for number in range(workloads):
        simulation.world.deploy(f"web-{number}", "app:good-1", labels=HEAL)
    simulation.world.deploy("api", "app:good-1", labels=API)
    simulation.run(3 * MINUTE)
    begun = simulation.world.now
    for number in range(workloads):
        labels = {"alertname": "Slow", "namespace": SHOP, "deployment": f"web-{number}"}
        simulation.alerts.fire(f"f{number}", labels)
    simulation.world.release("api", "app:crash")
    simulation.run(10 * MINUTE)
    writes = simulation.world.server.writes(kube.DEPLOYMENTS)
    return [(call.at - begun, call.agent.partition("/")[2]) for call in writes if call.agent.count("/") > 0]


def test_sinks_that_hang_do_not_occupy_those_who_heal() -> None:
    """Twenty incidents each tell two sinks that answer nothing for an hour: every write is made when it is without."""
    with Simulation() as calm:
        expected = heal_beside(calm)
        assert [agent for _, agent in expected].count("0/1") == 1, "the undo of the one that crashes"
    with Simulation() as simulation:
        simulation.mailbox.hanging_hosts = {TICKETS, "pager.svc"}
        assert heal_beside(simulation) == expected
        assert simulation.mailbox.delivered == []


def untargeted(simulation: Simulation) -> list[Notification]:
    """What is on record of telling people of alerts without a target."""
    status = simulation.world.store.get(kube.POLICIES, SHOP, "heal").get("status", {})
    return list(notifications.read_notifications(status)[0])


def stray(simulation: Simulation) -> None:
    """An alert that matches and names nothing; the sender sends it until it is answered."""
    begin(simulation, step("rolloutRestart"), triggers=[on_alert("Lost")], escalation=PAGER)
    simulation.alerts.fire("f1", {"alertname": "Lost", "namespace": SHOP})


def test_an_alert_without_a_target_is_told_later_where_nobody_takes_it_now(simulation: Simulation) -> None:
    """Its sender has its answer at once: it is stored, with whom it is to be told."""
    simulation.mailbox.hanging_hosts = {TICKETS}
    simulation.mailbox.down_hosts = {"pager.svc"}
    stray(simulation)
    simulation.run(timedelta(seconds=1))
    assert {(notification.sink, notification.state) for notification in untargeted(simulation)} == {
        ("webhook", "Pending"),
        ("tickets", "Pending"),
    }
    simulation.run(HOUR)
    assert simulation.mailbox.delivered == []
    simulation.processes[0].end()
    simulation.mailbox.hanging_hosts = simulation.mailbox.down_hosts = set()
    simulation.run(timedelta())  # the next replica starts
    simulation.run(15 * MINUTE)
    assert (told(simulation), told(simulation, "webhook")) == (["Untargeted"], ["untargeted"])
    assert {(notification.state, notification.error) for notification in untargeted(simulation)} == {("Delivered", "")}


def test_a_crash_at_any_call_loses_no_alert_without_a_target() -> None:
    def lost(faults: dict[int, FaultKind]) -> tuple[range, list[str], set[str]]:
        with Simulation() as simulation:
            simulation.world.server.faults.at.update(faults)
            stray(simulation)
            first = simulation.world.server.index
            simulation.run(10 * MINUTE)
            calls = range(first, simulation.world.server.index)
            return calls, told(simulation), {notification.state for notification in untargeted(simulation)}

    calls, *expected = lost({})
    assert expected == [["Untargeted"], {"Delivered"}]
    kinds: tuple[FaultKind, ...] = ("kill before", "kill after")
    for number, index in enumerate(sample(calls, 5)):
        assert list(lost({index: kinds[number % 2]})[1:]) == expected, index


def test_who_acknowledges_is_on_record_with_each_sink_and_is_told_what_gets_worse(simulation: Simulation) -> None:
    triggers = [on_alert("Busy"), {"alert": {"matchers": ['alertname="Down"'], "severity": "critical"}}]
    begin(simulation, step("rolloutUndo"), triggers=triggers, escalation=PAGER)
    labels = {"namespace": SHOP, "deployment": "api"}
    simulation.alerts.fire("f1", {"alertname": "Busy", **labels})
    simulation.run_until(lambda: told(simulation, "webhook") == ["escalated"])
    data = next(
        delivery for delivery in simulation.mailbox.delivered if delivery.correlation.sink == "webhook"
    ).request.body["data"]
    annotations = {approval.ACKNOWLEDGE: data["acknowledge"]["token"], approval.ACKNOWLEDGED_BY: "ann"}
    name = simulation.remediation().name
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, name, {"metadata": {"annotations": annotations}})
    simulation.run(MINUTE)
    calls = [
        notification
        for notification in simulation.remediation().status.notifications
        if notification.kind == "Escalated"
    ]
    assert {(call.sink, call.state, call.acknowledged_by) for call in calls} == {
        (sink, "Acknowledged", "ann") for sink in ("annotation", "webhook", "tickets")
    }
    simulation.alerts.fire("f2", {"alertname": "Down", **labels})
    simulation.run(10 * MINUTE)
    assert told(simulation, "webhook") == ["escalated", "escalated"]
    assert states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)]
