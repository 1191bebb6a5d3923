"""Failed Jobs are told level by level as incidents are, and who was called hears the end; whatever dies meanwhile."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.model import approval
from platelet.model.resource import JOBS
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios import jobs
from tests.scenarios.escalations import FOLLOWED, L1, L2, L3, notifications
from tests.scenarios.heals import sample, with_faults
from tests.scenarios.incidents import MINUTE
from tests.scenarios.manifests import escalation_policy
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_failed_jobs import HOUR, fail, listed, prepare
from tests.scenarios.world import SHOP


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def follow(simulation: Simulation, *levels: Json) -> None:
    """A policy that looks for failed Jobs and calls people by these levels."""
    simulation.apply(escalation_policy(*levels))
    prepare(simulation, escalation=FOLLOWED)


def told(simulation: Simulation, name: str = "migrate") -> list[tuple[timedelta, str, str]]:
    """How long after people were called first which sink took what of a Job, in order."""
    (entry,) = (entry for entry in listed(simulation) if entry.name == name)
    assert entry.call is not None
    taken = {(known.correlation.id, known.correlation.sink) for known in simulation.mailbox.delivered}
    of_job = [
        known
        for known in notifications(simulation)
        if known.told_at is not None and known.known_as == entry.known_as and (known.id, known.sink) in taken
    ]
    return sorted(
        (MINUTE * round((known.told_at - entry.call.at) / MINUTE), known.sink, known.kind)
        for known in of_job
        if known.told_at
    )


def test_each_level_is_told_at_its_time_and_all_of_them_hear_the_end(simulation: Simulation) -> None:
    follow(simulation, L1, L2, L3)
    fail(simulation, "migrate")
    simulation.run(70 * MINUTE)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(2 * HOUR)
    assert [(after, sink) for after, sink, kind in told(simulation) if kind == "JobFailed"] == [
        (timedelta(), "oncall"),
        (30 * MINUTE, "lead"),
        (60 * MINUTE, "manager"),
    ]
    assert [sink for _, sink, kind in told(simulation) if kind == "JobOver"] == ["lead", "manager", "oncall"]


def test_who_was_not_told_does_not_hear_the_end(simulation: Simulation) -> None:
    follow(simulation, L1, L2, L3)
    fail(simulation, "migrate")
    simulation.run(40 * MINUTE)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(2 * HOUR)
    assert "manager" not in {sink for _, sink, _ in told(simulation)}


def test_a_level_is_told_again_until_it_is_over(simulation: Simulation) -> None:
    follow(simulation, {**L1, "repeatEvery": "20m"}, {**L2, "until": "Resolved", "repeatEvery": "1h"})
    fail(simulation, "migrate")
    simulation.run(95 * MINUTE)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(3 * HOUR)
    called = [(after, sink) for after, sink, kind in told(simulation) if kind == "JobFailed"]
    assert [after / MINUTE for after, sink in called if sink == "oncall"] == [0, 20, 40, 60, 80]
    assert [after / MINUTE for after, sink in called if sink == "lead"] == [30, 90]


def test_a_cronjob_that_fails_again_goes_on_where_it_was(simulation: Simulation) -> None:
    follow(simulation, L1, L2)
    cron_job = ("report", jobs.schedule(simulation, "report"))
    for number in range(4):
        fail(simulation, f"report-{number}", cron_job)
        simulation.run(20 * MINUTE)
    assert told(simulation, "report-3") == [(timedelta(), "oncall", "JobFailed"), (30 * MINUTE, "lead", "JobFailed")]


def test_a_level_that_cannot_be_told_does_not_keep_the_next_one_waiting(simulation: Simulation) -> None:
    simulation.mailbox.down_hosts = {"oncall.svc"}
    follow(simulation, L1, L2, L3)
    fail(simulation, "migrate")
    simulation.run(3 * MINUTE)
    assert [sink for _, sink, _ in told(simulation)] == ["lead"]
    simulation.mailbox.down_hosts = set()
    simulation.run(80 * MINUTE)
    assert [sink for _, sink, _ in told(simulation)] == ["lead", "oncall", "manager"]


def test_what_nobody_has_taken_is_not_told_once_it_is_over(simulation: Simulation) -> None:
    simulation.mailbox.down_hosts = {"oncall.svc"}
    follow(simulation, L1)
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(MINUTE)
    simulation.mailbox.down_hosts = set()
    simulation.run(HOUR)
    assert [kind for _, _, kind in told(simulation)] == ["JobOver"], "it may have heard of it: no answer is no proof"


def test_the_trigger_says_how_grave_it_is(simulation: Simulation) -> None:
    """Of two triggers that are for it, the graver one."""
    pager = {"after": "0s", "sinks": ["pager"], "severities": ["critical"]}
    alerts = {"after": "0s", "sinks": ["alerts"], "severities": ["warning", "error"]}
    simulation.apply(escalation_policy(pager, alerts))
    nightly = {"job": {"matchLabels": {"tier": "nightly"}, "severity": "critical"}}
    prepare(simulation, triggers=[{"job": {}}, nightly], escalation=FOLLOWED)
    fail(simulation, "backup", labels={"tier": "nightly"})
    fail(simulation, "report")
    simulation.run(HOUR)
    assert [sink for _, sink, _ in told(simulation, "backup")] == ["pager"]
    assert [sink for _, sink, _ in told(simulation, "report")] == ["alerts"]


def test_severities_choose_whom_a_level_tells(simulation: Simulation) -> None:
    """A failed Job is a warning unless its trigger says more."""
    pager = {"after": "0s", "sinks": ["pager"], "severities": ["critical"]}
    alerts = {"after": "0s", "sinks": ["alerts"], "severities": ["warning", "error"]}
    follow(simulation, pager, alerts)
    fail(simulation, "migrate")
    simulation.run(2 * HOUR)
    assert [sink for _, sink, _ in told(simulation)] == ["alerts"]


def test_who_observes_again_is_called_no_more(simulation: Simulation) -> None:
    follow(simulation, L1, L2)
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"mode": "Observe"}})
    simulation.run(HOUR)
    assert [sink for _, sink, _ in told(simulation)] == ["oncall"]
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(MINUTE)
    assert [(sink, kind) for _, sink, kind in told(simulation)][1:] == [("oncall", "JobOver")]


def test_a_level_that_is_added_calls_whom_it_names(simulation: Simulation) -> None:
    follow(simulation, L1)
    fail(simulation, "migrate")
    simulation.run(40 * MINUTE)
    simulation.world.store.patch(kube.ESCALATION_POLICIES, SHOP, "oncall", {"spec": escalation_policy(L1, L2)["spec"]})
    simulation.run(10 * MINUTE)
    assert [sink for _, sink, _ in told(simulation)] == ["oncall", "lead"]


def acknowledge(simulation: Simulation, by: str = "ann") -> None:
    """What `platelet acknowledge` writes."""
    uid = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["metadata"]["uid"]
    (entry,) = (entry for entry in listed(simulation) if entry.is_open)
    annotations = {approval.ACKNOWLEDGED_ON_POLICY + entry.token(uid): by}
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"metadata": {"annotations": annotations}})


def test_acknowledging_ends_the_levels_until_the_next_failure(simulation: Simulation) -> None:
    follow(simulation, {**L1, "repeatEvery": "10m"}, L2)
    cron_job = ("report", jobs.schedule(simulation, "report"))
    fail(simulation, "report-1", cron_job)
    simulation.run(15 * MINUTE)
    acknowledge(simulation)
    simulation.run(2 * HOUR)
    assert [(after / MINUTE, sink) for after, sink, _ in told(simulation, "report-1")] == [
        (0, "oncall"),
        (10, "oncall"),
    ]
    (entry,) = listed(simulation)
    assert entry.call is not None
    assert entry.call.acknowledged_by == "ann"
    assert {known.state for known in notifications(simulation)} == {"Acknowledged"}
    jobs.run(simulation, "report-2", cron_job)
    jobs.end(simulation, "report-2")
    simulation.run(MINUTE)
    fail(simulation, "report-3", cron_job)
    simulation.run(40 * MINUTE)
    assert ("lead", "JobFailed") in {(sink, kind) for _, sink, kind in told(simulation, "report-3")}, "told anew"


def test_a_level_until_resolved_goes_on_when_somebody_has_heard(simulation: Simulation) -> None:
    follow(simulation, L1, {**L2, "until": "Resolved", "repeatEvery": "1h"}, L3)
    fail(simulation, "migrate")
    simulation.run(5 * MINUTE)
    acknowledge(simulation)
    simulation.run(100 * MINUTE)
    assert [(after / MINUTE, sink) for after, sink, _ in told(simulation)] == [
        (0, "oncall"),
        (30, "lead"),
        (90, "lead"),
    ]


def test_who_has_heard_is_told_to_pagerduty_and_to_slack(simulation: Simulation) -> None:
    key = {"name": "pagers", "key": "key"}
    pager = {"name": "oncall", "pagerduty": {"routingKeyRef": key}}
    channel = {"name": "chat", "slack": {"channel": "C0123456789", "tokenRef": key}}
    simulation.apply(escalation_policy({"after": "0s", "sinks": ["oncall", "chat"]}, sinks=[pager, channel]))
    prepare(simulation, escalation=FOLLOWED)
    fail(simulation, "migrate")
    simulation.run(MINUTE)
    acknowledge(simulation)
    simulation.run(5 * MINUTE)
    bodies = [known.request.body for known in simulation.mailbox.delivered]
    assert [body["event_action"] for body in bodies if "event_action" in body] == ["trigger", "acknowledge"]
    assert [body["text"].partition(":")[0] for body in bodies if "blocks" in body] == ["JOB FAILED", "ACKNOWLEDGED"]


def play(simulation: Simulation) -> range:
    """Three levels, one that repeats, and a Job that is deleted. Returns the calls of it all."""
    follow(simulation, L1, {**L2, "repeatEvery": "20m"}, L3)
    first = simulation.world.server.index
    fail(simulation, "migrate")
    simulation.run(75 * MINUTE)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(20 * MINUTE)
    return range(first, simulation.world.server.index)


def outcome(simulation: Simulation) -> list[tuple[str, str]]:
    """Which notice each sink has taken: must be the same whatever died meanwhile."""
    (entry,) = listed(simulation)
    taken = {(known.correlation.id, known.correlation.sink) for known in simulation.mailbox.delivered}
    return sorted((name.partition("/")[2].replace(entry.known_as, "job"), sink) for name, sink in taken)


def test_a_crash_at_any_call_tells_each_level_at_least_once_under_its_own_id() -> None:
    with Simulation() as calm:
        indexes = play(calm)
        expected = outcome(calm)
        assert expected == [
            ("jobfailed/job", "oncall"),
            ("jobfailed/job/level-2", "lead"),
            ("jobfailed/job/level-2/repeat-1", "lead"),
            ("jobfailed/job/level-2/repeat-2", "lead"),
            ("jobfailed/job/level-3", "manager"),
            ("jobover/job", "lead"),
            ("jobover/job", "manager"),
            ("jobover/job", "oncall"),
        ]
    for simulation, fault in with_faults(sample(indexes, 16), "kill before", "kill after", "answer lost"):
        play(simulation)
        assert outcome(simulation) == expected, fault
