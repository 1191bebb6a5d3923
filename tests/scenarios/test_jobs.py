"""A step that runs a Job: at most once, whatever is lost; its end decides; people have what nobody can tell."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.model.resource import CRON_JOBS, JOBS
from platelet.shell import kube
from tests.scenarios import history, jobs
from tests.scenarios.heals import HEAL, LIMITS, MINUTE, approve, is_over
from tests.scenarios.incidents import BUSY, states
from tests.scenarios.manifests import VERIFY, on_alert, on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

MEND, RESTART = step("job", {"fromCronJob": "mend", "timeout": "3m"}), step("rolloutRestart")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def prepare(simulation: Simulation, *steps: kube.Json, shelved: bool = True, **more: Any) -> None:
    """A healthy workload, and a CronJob for its troubles."""
    if shelved:
        jobs.shelve(simulation, "mend")
    simulation.apply(runbook(*steps), policy(limits=LIMITS, **{"triggers": [on_alert("Busy")], **more}))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def strike(simulation: Simulation, lasts: timedelta = 5 * MINUTE) -> None:
    simulation.alerts.fire("f1", BUSY, lasts=lasts)


def run_until_started(simulation: Simulation) -> str:
    """The name of the Job."""
    strike(simulation)
    simulation.run_until(lambda: bool(jobs.started(simulation)))
    (job,) = jobs.started(simulation)
    return str(job["metadata"]["name"])


def reasons_noted(simulation: Simulation) -> list[str]:
    return [decision.reason for decision in simulation.remediation().status.decisions]


def test_it_goes_on_when_the_job_is_complete(simulation: Simulation) -> None:
    """It is verified from then on, and no other Job is made."""
    prepare(simulation, MEND)
    name = run_until_started(simulation)
    simulation.run(2 * MINUTE)
    assert simulation.remediation().status.state == "Verifying"
    jobs.end(simulation, name)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]
    assert len(jobs.started(simulation)) == 1
    assert history.offences(simulation.world.server.audit) == []


def test_a_job_that_failed_leads_to_the_next_step(simulation: Simulation) -> None:
    prepare(simulation, MEND, RESTART)
    jobs.end(simulation, run_until_started(simulation), "Failed", "DeadlineExceeded")
    simulation.run_until(lambda: is_over(simulation))
    attempts = simulation.remediation().status.attempts
    assert [(attempt.action, attempt.verdict) for attempt in attempts] == [
        ("job", "Failed"), ("rolloutRestart", "Recovered"),
    ]  # fmt: skip
    assert reasons.JOB_FAILED in reasons_noted(simulation)


def test_a_job_that_is_deleted_before_its_end_goes_to_people(simulation: Simulation) -> None:
    """Whether it has done anything is not known: neither another one nor another step."""
    prepare(simulation, MEND, RESTART)
    name = run_until_started(simulation)
    simulation.world.store.delete(JOBS, SHOP, name)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Escalated", reasons.INCONCLUSIVE)]
    assert jobs.started(simulation) == []


def test_a_job_that_is_deleted_after_its_end_is_no_matter(simulation: Simulation) -> None:
    prepare(simulation, MEND)
    name = run_until_started(simulation)
    jobs.end(simulation, name)
    simulation.run(timedelta(seconds=15))
    simulation.world.store.delete(JOBS, SHOP, name)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]


def test_where_nobody_knows_whether_it_was_started_it_is_not_started_again(simulation: Simulation) -> None:
    """The write has no answer, and the API server is away for longer than a decision holds."""
    with Simulation() as dry:
        prepare(dry, MEND, RESTART)
        run_until_started(dry)
        create = next(call.index for call in dry.world.server.audit if call.resource == JOBS.plural and call.agent)
    server = simulation.world.server

    def fail(index: int) -> None:
        if index == create:
            server.faults.outages.append((server.now(), server.now() + 5 * MINUTE))

    prepare(simulation, MEND, RESTART)
    server.on_call = fail
    strike(simulation, 10 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert jobs.started(simulation) == []
    assert [attempt.phase for attempt in simulation.remediation().status.attempts] == ["Unknown"]
    assert states(simulation) == [("Escalated", reasons.INCONCLUSIVE)]


def test_one_that_runs_already_is_not_joined_by_another(simulation: Simulation) -> None:
    prepare(simulation, MEND, RESTART)
    uid = simulation.world.store.get(CRON_JOBS, SHOP, "mend")["metadata"]["uid"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "mend", "uid": uid, "controller": True}
    body = {"metadata": {"name": "mend-scheduled", "ownerReferences": [owner]}, "spec": {}}
    simulation.world.store.create(JOBS, SHOP, body)
    strike(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert [job["metadata"]["name"] for job in jobs.started(simulation)] == ["mend-scheduled"]
    assert reasons.JOB_RUNNING in reasons_noted(simulation)


def test_without_the_cronjob_the_step_is_passed_over(simulation: Simulation) -> None:
    prepare(simulation, MEND, RESTART, shelved=False)
    strike(simulation)
    simulation.run_until(lambda: is_over(simulation))
    attempts = simulation.remediation().status.attempts
    assert [attempt.action for attempt in attempts] == ["rolloutRestart"]
    assert reasons.MISSING_REFERENCE in reasons_noted(simulation)


def test_a_yes_is_to_the_cronjob_as_it_was(simulation: Simulation) -> None:
    """One that describes another Job by now is another question."""
    prepare(simulation, {**MEND, "approval": "Required"})
    strike(simulation, 20 * MINUTE)
    simulation.run_until(lambda: states(simulation)[-1:] == [("AwaitingApproval", reasons.APPROVAL_NEEDED)])
    first = simulation.remediation().status.approval
    template = {"spec": {"jobTemplate": {"spec": {"backoffLimit": 1}}}}
    simulation.world.store.patch(CRON_JOBS, SHOP, "mend", template)
    approve(simulation)
    simulation.run(MINUTE)
    second = simulation.remediation().status.approval
    assert first is not None
    assert second is not None
    assert (first.token != second.token, second.answer) == (True, None)
    assert reasons.PLAN_CHANGED in reasons_noted(simulation)
    assert jobs.started(simulation) == []
    approve(simulation)
    simulation.run_until(lambda: bool(jobs.started(simulation)))
    assert jobs.started(simulation)[0]["spec"]["backoffLimit"] == 1


def test_observe_starts_nothing(simulation: Simulation) -> None:
    prepare(simulation, MEND, mode="Observe")
    strike(simulation)
    simulation.run(5 * MINUTE)
    assert "would run Job mend-" in simulation.remediation().status.message
    assert jobs.started(simulation) == []


def test_a_release_that_waits_for_its_migration_gets_it(simulation: Simulation) -> None:
    """Its rollout is under way, and all sick pods are its own; a restart would wait for its end."""
    prepare(simulation, {**MEND, "verify": {**VERIFY, "timeout": "2m"}}, triggers=[on_pods()])
    simulation.world.release("api", "app:crash-unready")
    simulation.run_until(lambda: bool(jobs.started(simulation)), within=5 * MINUTE)
    assert states(simulation)[0][0] in ("Acting", "Verifying")


LOGS: dict[str, Any] = {"evidence": {"logs": True}}
ENDS = {
    "complete": (0, "Complete", "Recovered"),
    "failed": (1, "Failed", "Failed"),
}


@pytest.mark.parametrize(("code", "condition", "verdict"), ENDS.values(), ids=ENDS)
def test_the_end_of_its_log_is_kept_with_the_attempt(
    simulation: Simulation, code: int, condition: str, verdict: str
) -> None:
    """Read once, however it has ended, and without what looks like a credential."""
    prepare(simulation, MEND, **LOGS)
    simulation.world.server.logs = {"mend": "begins\nDB_PASSWORD=hunter2\nends\n"}
    name = run_until_started(simulation)
    jobs.run_pod(simulation, name, code)
    jobs.end(simulation, name, condition)
    simulation.run_until(lambda: is_over(simulation))
    (attempt,) = simulation.remediation().status.attempts
    assert attempt.verdict == verdict
    assert attempt.log_tail is not None
    assert attempt.log_tail.pod == f"{name}-x"
    assert attempt.log_tail.lines == ("begins", "DB_PASSWORD=<redacted>", "ends")
    audit = simulation.world.server.audit
    assert [call.code for call in audit if call.subresource == "log" and call.name == f"{name}-x"] == [200]
    assert "hunter2" not in repr([call.body for call in audit])


NO_LOGS: dict[str, tuple[dict[str, Any], bool, float, str | None]] = {
    "nobody asked for it": ({}, True, 0.0, None),
    "its pod is gone": (LOGS, False, 0.0, "is there that has run"),
    "the kubelet does not answer": (LOGS, True, 3600.0, "no answer in time"),
}


@pytest.mark.parametrize(("more", "has_pod", "takes", "why"), NO_LOGS.values(), ids=NO_LOGS)
def test_without_its_log_it_goes_on_as_well(
    simulation: Simulation,
    more: dict[str, Any],
    has_pod: bool,  # noqa: FBT001 - a column of the table
    takes: float,
    why: str | None,
) -> None:
    prepare(simulation, MEND, **more)
    simulation.world.server.logs, simulation.world.server.log_takes = {"mend": "a secret"}, takes
    name = run_until_started(simulation)
    if has_pod:
        jobs.run_pod(simulation, name, 0)
    jobs.end(simulation, name)
    simulation.run_until(lambda: is_over(simulation))
    (attempt,) = simulation.remediation().status.attempts
    assert (attempt.verdict, attempt.log_tail is not None) == ("Recovered", why is not None)
    if attempt.log_tail is not None and why is not None:
        assert (attempt.log_tail.lines, why in attempt.log_tail.not_available) == ((), True)
