"""The page is held while an attempt runs, in the model: never beyond its time, never once people have the incident."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from platelet.core import healing
from platelet.model import reasons
from platelet.model.durations import parse_time
from platelet.model.remediation import RemediationStatus
from platelet.sinks import alertmanager
from tests.published import alertmanager as published
from tests.scenarios.heals import sample
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import escalation_policy, on_alert, on_pods, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_random_schedules import DEEDS

SHORT = alertmanager.HOLDS_FOR
TIMEOUT = 7 * MINUTE
HOLDING = {"name": "pages", "alertmanager": {"url": "http://am.svc:9093", "holdPageWhileHealing": True}}
PAGER = {"name": "pager", "webhook": {"url": "http://pager.svc/hook"}}
FOLLOWED = {"policyRef": {"name": "oncall"}}
VERIFY = {"timeout": "7m", "stableFor": "1m", "checks": [{"alertResolved": {}}]}
RESTART = step("rolloutRestart", verify=VERIFY)
FAILS = step("rolloutRestart", verify={"timeout": "7m", "stableFor": "1m"})
MEDDLING = (
    "annotates",
    "scales to 3",
    "releases a good one",
    "releases a bad one",
    "restarts",
    "deletes the Remediations",
)
KINDS: tuple[FaultKind, ...] = ("kill before", "kill after", "answer lost", "unanswered", "conflict")


@dataclass(frozen=True, slots=True)
class Posted:
    """An alert at the moment at which Alertmanager took it, and the incident as it was on record then."""

    at: datetime
    ends: datetime
    labels: dict[str, str]
    status: RemediationStatus | None  # None: it was deleted


@dataclass(slots=True)
class Watcher:
    """Sees each alert as it is posted."""

    posted: list[Posted] = field(default_factory=list)
    _seen: int = 0

    def __call__(self, simulation: Simulation) -> None:
        """Look at what has come since the last time."""
        new, self._seen = simulation.mailbox.delivered[self._seen :], len(simulation.mailbox.delivered)
        by_name = {remediation.name: remediation.status for remediation in simulation.remediations()}
        for body in (delivery.request.body for delivery in new if delivery.correlation.sink == "pages"):
            assert published.faults(body) == []
            for alert in body:
                labels = alert["labels"]
                status = by_name.get(labels["remediation"])
                self.posted.append(Posted(simulation.world.now, parse_time(alert["endsAt"]), labels, status))

    def holds(self, now: datetime) -> bool:
        """Whether the page is held now: by what was posted last, since a resolved alert ends the one that stands."""
        return bool(self.posted) and self.posted[-1].ends > now


def play(simulation: Simulation, *steps: Any, levels: tuple[Any, ...] = ()) -> Watcher:
    """An alert that the steps do not help, with a page to be held."""
    watcher = Watcher()
    simulation.people = watcher
    simulation.apply(escalation_policy(*levels or ({"after": "0s", "sinks": ["pager"]},), sinks=[HOLDING, PAGER]))
    begin(simulation, *steps or (RESTART,), triggers=[on_alert("Busy"), on_pods()], escalation=FOLLOWED)
    return watcher


def beyond(posted: Posted) -> bool:
    """Whether it holds the page for longer than it may."""
    if posted.ends <= posted.at:
        return False
    status = posted.status
    if posted.ends > posted.at + SHORT or status is None or status.state in ("Escalated", "Closed"):
        return True
    attempt, verifying = status.attempts[-1], status.verifying
    times = [attempt.intended_at, *((verifying.started_at, verifying.complete_at) if verifying is not None else ())]
    latest: datetime = max(moment for moment in times if moment is not None)
    return posted.ends > latest + TIMEOUT


def test_a_page_is_held_from_the_intent_until_people_have_it(simulation: Simulation) -> None:
    watcher = play(simulation)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: bool(watcher.posted))
    first = watcher.posted[0]
    assert first.labels == {
        "alertname": "PlateletHealing",
        "severity": "none",
        "namespace": "shop",
        "workload_type": "deployment",
        "workload": "api",
        "deployment": "api",
        "remediation": "deployment-api-1",
        "policy": "shop/heal",
    }
    while simulation.world.now < first.at + TIMEOUT:
        assert watcher.holds(simulation.world.now), "an attempt runs"
        simulation.run(MINUTE / 2)
    simulation.run_until(lambda: states(simulation)[0][0] == "Escalated")
    assert not watcher.holds(simulation.world.now), "the page may come at once"
    count = len(watcher.posted)
    simulation.run(60 * MINUTE)
    assert len(watcher.posted) == count


def test_people_who_get_it_early_are_paged_at_once(simulation: Simulation) -> None:
    watcher = play(simulation, FAILS)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)])
    assert watcher.posted[0].ends > simulation.world.now, "it was held until now"
    assert not watcher.holds(simulation.world.now)
    count = len(watcher.posted)
    simulation.run(60 * MINUTE)
    assert len(watcher.posted) == count


def test_it_lapses_by_itself_where_platelet_is_gone(simulation: Simulation) -> None:
    watcher = play(simulation)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: bool(watcher.posted))
    simulation.restarts = False
    simulation.processes[0].end()
    simulation.run(SHORT)
    assert not watcher.holds(simulation.world.now)


def test_it_is_over_when_the_incident_is(simulation: Simulation) -> None:
    watcher = play(simulation)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: bool(watcher.posted))
    simulation.alerts.resolve("f1")
    simulation.run_until(lambda: states(simulation)[0][0] == "Closed")
    assert not watcher.holds(simulation.world.now)


def test_without_the_setting_nothing_is_held(simulation: Simulation) -> None:
    watcher = Watcher()
    simulation.people = watcher
    sink = {"name": "pages", "alertmanager": {"url": "http://am.svc:9093"}}
    simulation.apply(escalation_policy({"after": "0s", "sinks": ["pages"]}, sinks=[sink]))
    begin(simulation, RESTART, triggers=[on_alert("Busy")], escalation=FOLLOWED)
    simulation.alerts.fire("f1", BUSY)
    simulation.run(30 * MINUTE)
    assert {posted.labels["alertname"] for posted in watcher.posted} == {"PlateletEscalated"}


def story(faults: dict[int, FaultKind]) -> tuple[range, Watcher, list[tuple[str, str]], bool]:
    with Simulation() as simulation:
        watcher = play(simulation, FAILS)
        first = simulation.world.server.index
        simulation.world.server.faults.at.update({first + offset: kind for offset, kind in faults.items()})
        simulation.world.release("api", "app:crash")
        simulation.run(12 * MINUTE)
        return (
            range(simulation.world.server.index - first),
            watcher,
            states(simulation),
            watcher.holds(simulation.world.now),
        )


def test_a_crash_at_any_call_holds_no_page_for_longer_and_ends_it_when_people_have_it() -> None:
    calls, watcher, expected, held = story({})
    assert watcher.posted
    assert not held
    assert expected[0][0] == "Escalated"
    kinds: tuple[FaultKind, ...] = ("kill before", "kill after")
    for number, offset in enumerate(sample(calls, 17)):
        _, watcher, outcome, held = story({offset: kinds[number % 2]})
        assert (outcome, held) == (expected, False), offset
        assert [posted for posted in watcher.posted if beyond(posted)] == [], offset


@settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    faults=st.dictionaries(st.integers(0, 300), st.sampled_from(KINDS), max_size=4),
    deeds=st.dictionaries(st.integers(0, 25), st.sampled_from(MEDDLING), max_size=3),
    down=st.sets(st.integers(0, 25), max_size=6),
    replicas=st.integers(1, 2),
)
def test_whatever_happens_no_page_is_held_beyond_a_moment_or_the_attempt(
    faults: dict[int, FaultKind], deeds: dict[int, str], down: set[int], replicas: int
) -> None:
    """`deeds` and `down` are minutes: in these Alertmanager takes nothing."""
    with Simulation(replicas) as simulation:
        watcher = play(simulation, step("rolloutRestart", verify=VERIFY), step("rolloutUndo", verify=VERIFY))
        first = simulation.world.server.index
        simulation.world.server.faults.at.update({first + offset: kind for offset, kind in faults.items()})
        simulation.alerts.fire("f1", BUSY)
        for minute in range(26):
            simulation.mailbox.down_hosts = {"am.svc:9093"} if minute in down else set()
            if minute in deeds:
                DEEDS[deeds[minute]](simulation)
            simulation.run(MINUTE)
        simulation.run(SHORT + 2 * MINUTE)
        assert [posted for posted in watcher.posted if beyond(posted)] == []
        settled = all(state in ("Escalated", "Closed") for state, _ in states(simulation))
        assert not (settled and watcher.holds(simulation.world.now))


def test_a_renewal_may_be_lost() -> None:
    assert healing.EVERY * 2 < SHORT
