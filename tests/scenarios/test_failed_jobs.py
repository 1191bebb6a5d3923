"""Jobs that have failed: people are told once with evidence, until it is over, and nothing is ever done about it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from platelet.api.kinds.status_lists import FAILED_JOBS
from platelet.changes.started_job import STARTED_FOR
from platelet.model import reasons
from platelet.model.failed_job import FailedJob
from platelet.model.resource import CRON_JOBS, JOBS
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios import jobs
from tests.scenarios.heals import HEAL, effects, sample
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_by_hand import ask
from tests.scenarios.world import SHOP

HOUR = 60 * MINUTE
PAGER: Json = {"webhook": {"url": "http://pager.svc/hook"}}
TRIGGER: Json = {"job": {"reasons": ["BackoffLimitExceeded", "DeadlineExceeded"]}}
WHY = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def prepare(simulation: Simulation, trigger: Json = TRIGGER, **more: Any) -> None:
    """A policy that looks for failed Jobs, beside a workload that is well."""
    begin(simulation, step("rolloutRestart"), **{"triggers": [on_pods(), trigger], "escalation": PAGER, **more})


def fail(simulation: Simulation, name: str, cron_job: tuple[str, str] | None = None, **metadata: object) -> str:
    """A Job that has failed; its uid."""
    uid = jobs.run(simulation, name, cron_job, **metadata)
    jobs.end(simulation, name, "Failed", *WHY)
    return uid


def told(simulation: Simulation, sink: str = "webhook") -> list[tuple[str, str]]:
    """What a sink has taken, a repetition once: of what, and the message."""
    taken = {known.correlation.id: known for known in simulation.mailbox.delivered if known.correlation.sink == sink}
    bodies = [delivery.request.body for delivery in taken.values()]
    return [(body["type"].removeprefix("dev.platelet."), body["data"]["message"]) for body in bodies]


def kinds(simulation: Simulation) -> list[str]:
    return [kind for kind, _ in told(simulation)]


def listed(simulation: Simulation) -> tuple[FailedJob, ...]:
    """What is on record."""
    return FAILED_JOBS.read(simulation.world.store.get(kube.POLICIES, SHOP, "heal").get("status", {}))


def test_a_job_of_nobody_is_told_with_evidence_and_over_when_it_is_deleted(simulation: Simulation) -> None:
    prepare(simulation)
    uid = jobs.run(simulation, "migrate")
    simulation.run(5 * MINUTE)
    assert told(simulation) == [], "it runs"
    jobs.leave_pod(simulation, "migrate", uid, 3)
    jobs.end(simulation, "migrate", "Failed", *WHY)
    simulation.run(2 * HOUR)
    ((kind, message),) = told(simulation)
    assert kind == "job.failed"
    assert message == f"Job {SHOP}/migrate failed: {': '.join(WHY)}; container mend exited 3"
    assert [(entry.uid, entry.count, entry.is_open) for entry in listed(simulation)] == [(uid, 1, True)]
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(MINUTE)
    assert told(simulation)[1:] == [("job.resolved", f"Job {SHOP}/migrate: Job migrate is gone")]
    assert states(simulation) == []
    assert effects(simulation.world.server.audit) == {}


def fail_with_a_log(simulation: Simulation) -> FailedJob:
    """What is on record of a Job whose container has written something."""
    uid = jobs.run(simulation, "migrate")
    jobs.leave_pod(simulation, "migrate", uid, 3)
    jobs.end(simulation, "migrate", "Failed", *WHY)
    simulation.run(10 * MINUTE)
    (entry,) = listed(simulation)
    return entry


def test_the_end_of_its_log_is_kept_where_the_policy_says_so_without_credentials(simulation: Simulation) -> None:
    simulation.world.server.logs = {"mend": "connecting\nDB_PASSWORD=hunter2\npanic: no database\n"}
    prepare(simulation, evidence={"logs": True})
    entry = fail_with_a_log(simulation)
    assert entry.log_tail is not None
    assert entry.log_tail.lines == ("connecting", "DB_PASSWORD=<redacted>", "panic: no database")
    (delivery,) = simulation.mailbox.delivered
    assert delivery.request.body["data"]["job"]["log"][-1] == "panic: no database"
    assert "hunter2" not in repr([call.body for call in simulation.world.server.audit])


def test_no_log_is_read_unless_the_policy_says_so(simulation: Simulation) -> None:
    simulation.world.server.logs = {"mend": "a secret"}
    prepare(simulation)
    assert fail_with_a_log(simulation).log_tail is None
    assert [call for call in simulation.world.server.audit if call.subresource == "log"] == []


def test_a_log_that_may_not_be_read_holds_nothing_up(simulation: Simulation) -> None:
    prepare(simulation, evidence={"logs": True})
    entry = fail_with_a_log(simulation)
    assert entry.log_tail is not None
    assert entry.log_tail.not_available.endswith("kubectl apply -k deploy/logs lets it")
    assert kinds(simulation) == ["job.failed"]


def test_a_cronjob_is_told_once_until_one_of_its_jobs_succeeds(simulation: Simulation) -> None:
    prepare(simulation)
    cron_job = ("report", jobs.schedule(simulation, "report"))
    for number in range(4):
        fail(simulation, f"report-{number}", cron_job)
        simulation.run(10 * MINUTE)
    assert kinds(simulation) == ["job.failed"]
    assert [(entry.cron_job, entry.name, entry.count) for entry in listed(simulation)] == [("report", "report-3", 4)]
    jobs.run(simulation, "report-4", cron_job)
    jobs.end(simulation, "report-4")
    simulation.run(MINUTE)
    assert kinds(simulation) == ["job.failed", "job.resolved"]
    fail(simulation, "report-5", cron_job)
    simulation.run(MINUTE)
    assert kinds(simulation) == ["job.failed", "job.resolved", "job.failed"], "another incident"


def test_a_success_whose_job_was_deleted_is_the_cronjobs_own_word(simulation: Simulation) -> None:
    """With `successfulJobsHistoryLimit: 0` no Job shows it."""
    prepare(simulation)
    cron_job = ("report", jobs.schedule(simulation, "report"))
    fail(simulation, "report-1", cron_job)
    simulation.run(10 * MINUTE)
    stamp = (simulation.world.now + MINUTE).isoformat().replace("+00:00", "Z")
    succeeded = {"status": {"lastSuccessfulTime": stamp}}
    simulation.world.store.patch(CRON_JOBS, SHOP, "report", succeeded, subresource="status")
    simulation.run(HOUR)
    assert kinds(simulation) == ["job.failed", "job.resolved"]


OVERLOOKED: dict[str, Callable[[Simulation], object]] = {
    "another reason": lambda simulation: jobs.end(
        simulation, jobs.run(simulation, "odd") and "odd", "Failed", "PodFailurePolicy", "a rule"
    ),
    "a step has started it": lambda simulation: fail(simulation, "mend-1", annotations={STARTED_FOR: "uid-1"}),
    "it is complete": lambda simulation: jobs.end(simulation, jobs.run(simulation, "done") and "done"),
}


@pytest.mark.parametrize("happens", OVERLOOKED.values(), ids=OVERLOOKED)
def test_what_is_no_failed_job_of_this_kind(simulation: Simulation, happens: Callable[[Simulation], object]) -> None:
    prepare(simulation)
    happens(simulation)
    simulation.run(10 * MINUTE)
    assert (told(simulation), listed(simulation)) == ([], ())


def test_labels_choose(simulation: Simulation) -> None:
    prepare(simulation, {"job": {"matchLabels": {"team": "shop"}}})
    fail(simulation, "theirs")
    fail(simulation, "ours", labels={"team": "shop"})
    simulation.run(10 * MINUTE)
    assert [entry.name for entry in listed(simulation)] == ["ours"]


def test_without_the_trigger_no_job_is_even_read(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    fail(simulation, "migrate")
    simulation.run(HOUR)
    assert {call.resource for call in simulation.world.server.audit} & {JOBS.plural, CRON_JOBS.plural} == set()
    assert (told(simulation), listed(simulation)) == ([], ())


def test_what_failed_days_before_the_policy_is_nobodys_emergency(simulation: Simulation) -> None:
    fail(simulation, "migrate")
    simulation.run(timedelta(days=2))
    prepare(simulation)
    simulation.run(HOUR)
    assert (told(simulation), listed(simulation)) == ([], ())


def test_who_observes_calls_nobody_until_they_do_not(simulation: Simulation) -> None:
    prepare(simulation, mode="Observe")
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    assert told(simulation) == []
    assert [entry.call for entry in listed(simulation)] == [None]
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"mode": "Enforce"}})
    simulation.run(10 * MINUTE)
    assert kinds(simulation) == ["job.failed"]


def test_it_is_over_when_no_trigger_is_for_it_any_more(simulation: Simulation) -> None:
    prepare(simulation)
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"triggers": [on_pods()]}})
    simulation.run(10 * MINUTE)
    (_, (_, message)) = told(simulation)
    assert "no trigger of the policy is for it any more" in message


def test_more_than_fit_wait_for_a_place(simulation: Simulation) -> None:
    prepare(simulation)
    for number in range(23):
        fail(simulation, f"job-{number:02}")
    simulation.run(10 * MINUTE)
    status = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["status"]
    assert (len(status["failedJobs"]), status["failedJobsUnlisted"]) == (20, 3)
    for number in range(4):
        simulation.world.store.delete(JOBS, SHOP, f"job-{number:02}")
    simulation.run(10 * MINUTE)
    status = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["status"]
    assert status["failedJobsUnlisted"] == 0
    assert kinds(simulation).count("job.failed") == 23


def test_a_policy_without_targets_and_runbook_tells_and_acts_on_nothing(simulation: Simulation) -> None:
    """Not on a workload that crash-loops beside the Job, and not by hand either."""
    telling = policy(triggers=[TRIGGER], escalation=PAGER)
    for name in ("targets", "runbookRef"):
        del telling["spec"][name]
    simulation.apply(telling, runbook(step("rolloutRestart")))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.world.release("api", "app:crash-1")
    fail(simulation, "migrate")
    ask(simulation)
    simulation.run(HOUR)
    assert warning(simulation) == ("", "")
    assert kinds(simulation)[0] == "job.failed"
    assert [remediation.name for remediation in simulation.remediations()] == ["by-hand"]
    assert states(simulation) == [("Closed", reasons.CANCELLED)]
    assert effects(simulation.world.server.audit) == {}


def forbid(simulation: Simulation, forbidden: kube.Resource) -> Callable[[], None]:
    """A role that lets the operator list no Jobs, or no CronJobs; what grants it again."""
    before = {process: process.api.list for process in simulation.processes}

    def forbidding(read: Callable[..., Any]) -> Callable[..., Any]:
        async def list_others(resource: kube.Resource, *of: str, **more: str) -> Any:
            if resource == forbidden:
                raise kube.Refused(403, "Forbidden", "not allowed")
            return await read(resource, *of, **more)

        return list_others

    for process, read in before.items():
        process.api.list = forbidding(read)  # type: ignore[method-assign]

    def grant() -> None:
        for process, read in before.items():
            process.api.list = read  # type: ignore[method-assign]

    return grant


def warning(simulation: Simulation) -> tuple[str, str]:
    """Reason and message of the policy's condition; empty: it has none."""
    conditions = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["status"]["conditions"]
    warnings = [entry for entry in conditions if entry["type"] == "Warning"]
    return (warnings[0]["reason"], warnings[0]["message"]) if warnings else ("", "")


def test_nothing_is_over_because_jobs_may_not_be_read(simulation: Simulation) -> None:
    prepare(simulation)
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    forbid(simulation, JOBS)
    simulation.run(HOUR)
    assert kinds(simulation) == ["job.failed"]
    assert [entry.is_open for entry in listed(simulation)] == [True]


@pytest.mark.parametrize("forbidden", [JOBS, CRON_JOBS], ids=["Jobs", "CronJobs"])
def test_a_policy_says_that_jobs_may_not_be_read_until_they_may(
    simulation: Simulation, forbidden: kube.Resource
) -> None:
    prepare(simulation)
    simulation.run(MINUTE)
    assert warning(simulation) == ("", "")
    grant = forbid(simulation, forbidden)
    cron_job = ("report", jobs.schedule(simulation, "report"))
    fail(simulation, "report-1", cron_job)
    simulation.run(2 * MINUTE)
    reason, message = warning(simulation)
    assert reason == reasons.JOBS_NOT_READABLE
    assert f"the operator may not list {forbidden.plural}.batch in namespace {SHOP} (403 Forbidden)" in message
    assert told(simulation) == []
    grant()
    simulation.run(2 * MINUTE)
    assert warning(simulation) == ("", "")
    assert kinds(simulation) == ["job.failed"]


def test_a_new_policy_says_at_once_that_jobs_may_not_be_read(simulation: Simulation) -> None:
    forbid(simulation, CRON_JOBS)
    prepare(simulation)
    simulation.run(timedelta(seconds=5))
    assert warning(simulation)[0] == reasons.JOBS_NOT_READABLE


def test_without_a_trigger_on_jobs_their_rights_do_not_matter(simulation: Simulation) -> None:
    forbid(simulation, JOBS)
    prepare(simulation, on_pods())
    simulation.run(10 * MINUTE)
    assert warning(simulation) == ("", "")


def tell_through(faults: dict[int, FaultKind]) -> tuple[range, list[str], list[bool]]:
    """A CronJob fails and succeeds, while something goes wrong at these calls."""
    with Simulation() as simulation:
        prepare(simulation)
        cron_job = ("report", jobs.schedule(simulation, "report"))
        simulation.world.server.faults.at.update(faults)
        first = simulation.world.server.index
        fail(simulation, "report-1", cron_job)
        simulation.run(5 * MINUTE)
        jobs.run(simulation, "report-2", cron_job)
        jobs.end(simulation, "report-2")
        simulation.run(15 * MINUTE)
        calls = range(first, simulation.world.server.index)
        return calls, kinds(simulation), [entry.is_open for entry in listed(simulation)]


def test_a_crash_at_any_call_tells_it_once_and_its_end_once() -> None:
    calls, *expected = tell_through({})
    assert expected == [["job.failed", "job.resolved"], [False]]
    faults: tuple[FaultKind, ...] = ("kill before", "kill after")
    for number, index in enumerate(sample(calls, 8)):
        assert list(tell_through({index: faults[number % 2]})[1:]) == expected, index


def test_its_reason_is_said_by_an_event_on_the_job_and_on_the_policy(simulation: Simulation) -> None:
    prepare(simulation)
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    events = [
        (event["regarding"]["kind"], event["regarding"]["name"], event["type"])
        for event in simulation.world.store.find(kube.EVENTS, SHOP)
        if event["reason"] == reasons.JOB_FAILED
    ]
    assert sorted(events) == [("Job", "migrate", "Warning"), ("RemediationPolicy", "heal", "Warning")]
