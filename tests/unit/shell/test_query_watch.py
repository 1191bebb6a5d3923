"""Queries of triggers: asked at their intervals, stored as a level; what fails says nothing."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api.kinds.status_lists import ALERTS
from platelet.core.opening import Update
from platelet.model.reading import Reading, Result, Sample, Unanswered
from platelet.model.remediation import Remediation
from platelet.shell import kube
from platelet.shell.intake.held_alerts import HeldAlerts
from platelet.shell.intake.present_facts import PresentFacts
from platelet.shell.intake.queries import QueryWatch
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.store.opener import store_status
from tests.scenarios.manifests import policy
from tests.scenarios.model_api import FaultKind
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import Shell
from tests.unit.situations import NOW, minutes, seconds

SILENT = Unanswered(why="Prometheus could not be reached: ConnectError")


def on_query(expr: str = "load", **more: Any) -> dict[str, Any]:
    return {"query": {"expr": expr, "above": 5, "interval": "30s", **more}}


class Watched(Shell):
    """A policy `measured` with a query, and a Prometheus that answers what it is told."""

    def __init__(self, *triggers: dict[str, Any], **spec: Any) -> None:
        """Nothing is beyond the bound."""
        super().__init__()
        self.apply(kube.POLICIES, policy("measured", triggers=list(triggers or (on_query(),)), priority=9, **spec))
        self.answers: dict[str, Result | Unanswered] = {}
        self.asked: list[str] = []
        self.heard: list[Reading] = []
        self.boot = 100.0
        self.held = HeldAlerts(self.api)
        self.watch = QueryWatch(
            self,
            self.book,
            self.inbox,
            PresentFacts(self.held, self.untargeted),
            self.clock.now,
            on_reading=self.heard.append,
            boot=lambda: self.boot,
        )

    async def ask(self, query: str) -> Result | Unanswered:
        """Answer as it was told; else with nothing."""
        self.asked.append(query)
        return self.answers.get(query, Result(samples=()))

    def measure(self, value: float, expr: str = "load", **labels: str) -> None:
        """From now on the query gives this one sample, of the Deployment `api` unless labels say otherwise."""
        named = labels or {"namespace": SHOP, "deployment": "api"}
        self.answers[expr] = Result(samples=(Sample(value=value, at=self.clock.now(), labels=named),))

    async def opened(self) -> None:
        """A result beyond the bound, on record as the first look at its Remediation leaves it."""
        self.measure(7)
        (created,) = await self.look()
        status = replace(created.status, opened_at=self.clock.now(), evidence=(created.spec.signal,))
        await store_status(self.api, created, Update(remediation=created, status=status))
        self.held.seen(self.remediations())

    async def look(self, after: float = 30.0) -> list[Remediation]:
        """Some time passes, all that is due is asked, and the Remediations are listed as the sweep does."""
        self.boot += after
        self.world.advance(seconds(after))
        for expr, reading in list(self.answers.items()):
            if isinstance(reading, Result):
                fresh = (Sample(value=s.value, labels=s.labels, at=self.clock.now()) for s in reading.samples)
                self.answers[expr] = Result(samples=tuple(fresh))
        await self.book.refresh()
        await self.watch.look()
        remediations = self.remediations()
        self.held.seen(remediations)
        return remediations


async def test_a_result_beyond_the_bound_opens_one_remediation_and_says_nothing_new_while_it_lasts() -> None:
    shell = Watched(on_query(severity="critical"))
    shell.measure(7)
    (opened,) = await shell.look()
    assert (opened.spec.signal.source, opened.spec.signal.severity) == ("query", "critical")
    assert opened.spec.policy_ref.name == "measured"
    for value in (8, 9):
        shell.measure(value)
        assert await shell.look() == [opened]


async def test_it_is_over_when_the_result_is_below_the_bound_or_gone() -> None:
    for last in (5.0, None):
        shell = Watched()
        await shell.opened()
        if last is None:
            shell.answers.clear()
        else:
            shell.measure(last)
        (over,) = await shell.look()
        assert over.status.evidence[0].resolved_at == shell.clock.now()


UNKNOWN: dict[str, Result | Unanswered] = {
    "no answer": SILENT,
    "NaN": Result(samples=(Sample(value=float("nan"), at=NOW, labels={"namespace": SHOP, "deployment": "api"}),)),
}


@pytest.mark.parametrize("reading", UNKNOWN.values(), ids=UNKNOWN)
async def test_what_is_not_known_neither_opens_nor_ends(reading: Result | Unanswered) -> None:
    shell = Watched()
    shell.answers["load"] = reading
    assert await shell.look() == []
    await shell.opened()
    shell.answers["load"] = reading
    (kept,) = await shell.look()
    assert kept.status.evidence[0].resolved_at is None


async def test_since_when_all_queries_are_answered_is_known() -> None:
    """None while the newest answer of one of them lacks."""
    shell = Watched(on_query(), on_query("errors"))
    await shell.book.refresh()
    assert shell.watch.known_at("shop/measured") is None
    await shell.look()
    assert shell.watch.known_at("shop/measured") == shell.clock.now()
    shell.answers["errors"] = SILENT
    await shell.look()
    assert shell.watch.known_at("shop/measured") is None
    assert shell.watch.known_at("shop/heal") is None
    assert [type(reading) for reading in shell.heard] == [Result, Result, Result, Unanswered]


async def test_each_query_is_asked_at_its_own_interval() -> None:
    """What was missed is not made up for."""
    shell = Watched(on_query(), on_query("slow", interval="2m"))
    for after in (30, 29, 1, 60, 600):
        await shell.look(after)
    assert shell.asked.count("load") == 4
    assert shell.asked.count("slow") == 2


async def test_a_result_about_a_pod_that_is_gone_calls_nobody_while_its_series_ends() -> None:
    """Prometheus gives a pod's series for minutes after its end, and so does each rate of it."""
    shell = Watched(on_query(name="QueueTooLong"))
    shell.measure(7, namespace=SHOP, pod="api-gone")
    for _ in range(20):
        assert await shell.look() == []
    assert not shell.people.events
    shell.answers.clear()
    await shell.look()
    shell.measure(7, namespace=SHOP, pod="api-gone")
    for _ in range(20):
        await shell.look()
    assert not shell.people.events, "another episode of it is no longer than the first"


async def test_a_result_that_names_a_gone_pod_for_long_is_told_once_until_it_is_over() -> None:
    """A recording rule that keeps an old label: by the query's name, and not within a quarter of an hour."""
    shell = Watched(on_query(name="QueueTooLong"))
    for _ in range(3):
        shell.measure(7, namespace=SHOP, pod="api-gone")
        for _ in range(35):
            await shell.look()
        shell.answers.clear()
        await shell.look()
    assert [event.note for event in shell.people.events] == 3 * [
        "alert QueueTooLong: pod api-gone is gone, so its owner is not known",
        "alert QueueTooLong: nobody reports it any more",
    ]


async def test_a_result_without_a_target_is_told_when_it_has_held_for_as_long_as_is_asked() -> None:
    shell = Watched(on_query(**{"for": "2m"}))
    shell.measure(7, namespace=SHOP, service="front")
    for _ in range(4):
        await shell.look()
    assert not shell.people.events
    await shell.look()
    assert len(shell.people.events) == 1


async def test_a_query_that_cannot_be_asked_costs_the_others_nothing() -> None:
    shell = Watched(on_query(), on_query("sum(load{"))
    shell.measure(7)
    (opened,) = await shell.look()
    assert opened.spec.policy_ref.name == "measured"
    assert set(shell.asked) == {"load"}
    assert shell.watch.known_at("shop/measured") == shell.clock.now()


async def test_only_ready_policies_ask() -> None:
    shell = Watched(runbookRef={"name": "missing"})
    await shell.look()
    assert shell.asked == []


async def test_a_result_without_a_target_is_on_record_once_and_refs_say_what_is_meant() -> None:
    shell = Watched()
    shell.measure(7, job="batch")
    for _ in range(3):
        assert await shell.look() == []
    status = shell.world.store.get(kube.POLICIES, SHOP, "measured").get("status", {})
    assert "untargetedAlerts" not in status, "without a namespace it is about nobody's workload"
    shell.measure(7, namespace=SHOP, job="batch")
    for _ in range(3):
        assert await shell.look() == []
    status = shell.world.store.get(kube.POLICIES, SHOP, "measured")["status"]
    assert len(status["untargetedAlerts"]) == 1
    named = Watched(targets={"refs": [{"kind": "Deployment", "name": "api"}]})
    named.measure(7, job="batch")
    (opened,) = await named.look()
    assert opened.spec.target_ref.name == "api"


async def test_a_result_of_another_namespace_is_nobodys() -> None:
    shell = Watched()
    shell.measure(7, namespace="elsewhere", deployment="api")
    assert await shell.look() == []


async def test_facts_of_a_trigger_that_was_rewritten_end() -> None:
    shell = Watched()
    await shell.opened()
    stored = shell.world.store.get(kube.POLICIES, SHOP, "measured")
    shell.world.store.replace(
        kube.POLICIES, SHOP, "measured", {**stored, "spec": {**stored["spec"], "triggers": [on_query("other")]}}
    )
    (over,) = await shell.look()
    assert over.status.evidence[0].resolved_at is not None


async def test_what_has_ended_is_not_looked_for_again() -> None:
    """Each look lists all Remediations, and there is one a second until the sweep."""
    shell = Watched()
    await shell.opened()
    stored = shell.world.store.get(kube.POLICIES, SHOP, "measured")
    spec = {**stored["spec"], "triggers": [on_query("other")]}
    shell.world.store.replace(kube.POLICIES, SHOP, "measured", {**stored, "spec": spec})
    await shell.book.refresh()
    await shell.watch.look()
    before = len(shell.world.server.audit)
    await shell.watch.look()
    assert [call.resource for call in shell.world.server.audit[before:]] == []


# Each row: how the API server answers the end of a fact, and whether the policy's queries count as answered.
ENDS: dict[str, tuple[FaultKind, bool]] = {
    "it refuses this one's status: nothing can be done about it either": ("refused", True),
    "it does not answer": ("unanswered", False),
}


@pytest.mark.parametrize(("fault", "known"), ENDS.values(), ids=ENDS)
async def test_an_end_that_cannot_be_stored_is_stored_at_the_next_answer(fault: FaultKind, *, known: bool) -> None:
    shell = Watched()
    await shell.opened()
    shell.measure(3)
    await shell.book.refresh()
    shell.world.server.faults.at[shell.world.server.index + 1] = fault
    shell.boot += 30
    await shell.watch.look()
    assert (shell.watch.known_at("shop/measured") is not None) == known
    (over,) = await shell.look()
    assert over.status.evidence[0].resolved_at is not None


async def test_what_cannot_be_stored_is_tried_again_and_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Watched()
    shell.measure(7)

    async def fail(*_: Any) -> None:
        raise NotStoredError("no")

    with monkeypatch.context() as broken:
        broken.setattr(shell.inbox, "store_results", fail)
        await shell.book.refresh()
        await shell.watch.look()
    assert shell.watch.known_at("shop/measured") is None
    assert len(await shell.look(minutes(1).total_seconds())) == 1


async def test_a_result_without_a_workload_is_over_once_its_query_does_not_give_it_and_never_before() -> None:
    """Whoever was called for it would be called for ever."""
    shell = Watched(on_query(severity="critical"), on_query("other"))
    for expr in ("load", "other"):
        shell.measure(7, expr, namespace=SHOP, job="batch")
    await shell.look()

    def firing() -> list[tuple[str, bool]]:
        listed = ALERTS.read(shell.world.store.get(kube.POLICIES, SHOP, "measured")["status"])
        return [(entry.severity, entry.is_open) for entry in listed]

    assert firing() == [("critical", True), ("", True)]
    shell.answers["load"] = SILENT
    await shell.look()
    assert firing() == [("critical", True), ("", True)], "a query that fails ends nothing"
    del shell.answers["load"]
    await shell.look()
    assert firing() == [("critical", False), ("", True)], "the other query still gives a series of the same labels"
    reads = shell.world.server.index
    await shell.look()
    assert [call.verb for call in shell.world.server.audit[-(shell.world.server.index - reads) :] if call.changed] == []
