"""Whose log is read once a Job has ended: only where the policy says so, of what failed last, and once for each Job."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from platelet.core import job_logs
from platelet.core.decide import decide
from platelet.model.log_tail import LogTail
from platelet.model.policy import EvidenceRules
from platelet.model.situation import Situation
from platelet.model.workload import Owner, Pod
from tests.unit.changes.test_started_job import COMPLETE, FAILS_WHY, Json, a_job, around, planned, stopped_at
from tests.unit.situations import (
    NOW,
    a_container,
    a_pod,
    a_policy,
    a_remediation,
    a_status,
    an_attempt,
    change,
    minutes,
    seconds,
    verifying,
)

TAIL = LogTail(pod="mend-x", container="mend", read_at=NOW, lines=("done",))
OWNER = Owner(api_version="batch/v1", kind="Job", name="mend", uid="uid-job")


def started(job: Json | None, *, state: str = "Verifying", logs: bool = True, **attempt: Any) -> Situation:
    """A step has started this Job, which is as it says by now."""
    made = an_attempt(action="job", changes=(planned(),), **attempt)
    status = a_status(state=state, attempts=(made,), verifying=verifying())
    return around(
        *([job] if job is not None else []),
        policy=a_policy(evidence=EvidenceRules(logs=logs)),
        remediation=a_remediation(status=status),
    )


WANTED: dict[str, tuple[Situation, bool]] = {
    "complete": (started(a_job(COMPLETE)), True),
    "failed": (started(a_job(FAILS_WHY)), True),
    "it is about to be stopped": (started(stopped_at(NOW + seconds(3))), True),
    "it has a moment yet": (started(stopped_at(NOW + seconds(4))), False),
    "it runs": (started(a_job(active=1)), False),
    "it is gone": (started(None), False),
    "nobody asked for it": (started(a_job(COMPLETE), logs=False), False),
    "the policy is gone": (change(started(a_job(COMPLETE)), policy=None), False),
    "it was read already": (started(a_job(COMPLETE), log_tail=TAIL), False),
    "the verification is over": (started(a_job(COMPLETE), state="Monitoring"), False),
    "another kind of attempt": (
        change(started(a_job(COMPLETE)), remediation=a_remediation(status=a_status(state="Verifying"))),
        False,
    ),
}


@pytest.mark.parametrize(("situation", "wanted"), WANTED.values(), ids=WANTED)
def test_when_it_is_read(situation: Situation, wanted: bool) -> None:  # noqa: FBT001 - the expected answer
    assert (job_logs.ended(situation, NOW) is not None) == wanted


def test_its_pods_are_found_by_its_name_and_its_secrets_by_its_template() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter2"}]
    job = a_job(COMPLETE)
    job["spec"] = {"template": {"spec": {"containers": [{"name": "mend", "env": env}]}}}
    ended = job_logs.ended(started(job), NOW)
    assert ended is not None
    assert ended.pods == f"job-name={job['metadata']['name']}"
    assert (ended.attempt, ended.hidden) == ("rem-1/0/1", ("hunter2",))


def a_pod_of_it(
    name: str = "mend-1",
    exit_code: int | None = 0,
    *,
    created_at: datetime = NOW,
    owner: Owner = OWNER,
    **container: Any,
) -> Pod:
    ran = a_container(name="mend", ready=False, state="terminated", exit_code=exit_code, finished_at=NOW)
    return a_pod(name, owner=owner, created_at=created_at, containers=(replace(ran, **container),))


BEFORE = NOW - minutes(1)
CHOSEN: dict[str, tuple[tuple[Pod, ...], tuple[str, str, bool] | None]] = {
    "the only one": ((a_pod_of_it(),), ("mend-1", "mend", False)),
    "the newest of those that failed": (
        (a_pod_of_it("mend-1", 1, created_at=BEFORE), a_pod_of_it("mend-2", 1)),
        ("mend-2", "mend", False),
    ),
    "one that failed, before a newer one that did not": (
        (a_pod_of_it("mend-1", 1, created_at=BEFORE), a_pod_of_it("mend-2")),
        ("mend-1", "mend", False),
    ),
    "an init container that failed": (
        (
            a_pod(
                "mend-1",
                owner=OWNER,
                containers=(
                    a_container(name="prepare", init=True, state="terminated", exit_code=1, finished_at=BEFORE),
                    a_container(name="mend", state="waiting"),
                ),
            ),
        ),
        ("mend-1", "prepare", False),
    ),
    "an init container that did its work": (
        (
            a_pod(
                "mend-1",
                owner=OWNER,
                containers=(
                    a_container(name="prepare", init=True, state="terminated", exit_code=0, finished_at=BEFORE),
                    a_container(name="mend", state="terminated", exit_code=0, finished_at=BEFORE),
                ),
            ),
        ),
        ("mend-1", "mend", False),
    ),
    "one that waits to be started again: the run before": (
        (a_pod_of_it(state="waiting", exit_code=None, last_exit_code=1, last_finished_at=BEFORE),),
        ("mend-1", "mend", True),
    ),
    "none has run": ((a_pod_of_it(state="waiting", exit_code=None),), None),
    "another Job of the same name": ((a_pod_of_it(owner=replace(OWNER, uid="uid-before")),), None),
    "there is none any more": ((), None),
}


@pytest.mark.parametrize(("pods", "chosen"), CHOSEN.values(), ids=CHOSEN)
def test_whose_log(pods: tuple[Pod, ...], chosen: tuple[str, str, bool] | None) -> None:
    job = job_logs.ended(started(a_job(FAILS_WHY)), NOW)
    assert job is not None
    source = job_logs.choose(job, pods)
    assert (None if source is None else (source.pod, source.container, source.previous)) == chosen


@pytest.mark.parametrize(
    ("condition", "verdict"), [(COMPLETE, None), (FAILS_WHY, "Failed")], ids=["complete", "failed"]
)
def test_what_was_read_is_kept_with_its_attempt(condition: Json, verdict: str | None) -> None:
    situation = change(started(a_job(condition)), job_log_tail=TAIL)
    (attempt,) = decide(situation, NOW).status.attempts
    assert (attempt.log_tail, attempt.verdict) == (TAIL, verdict)


def test_what_is_on_record_is_not_replaced() -> None:
    situation = change(started(a_job(COMPLETE), log_tail=TAIL), job_log_tail=replace(TAIL, lines=("later",)))
    assert job_logs.note(situation, situation.remediation.status) == situation.remediation.status


def test_a_log_decides_nothing() -> None:
    """With it and without it, the same comes of the Job."""
    situation = started(a_job(FAILS_WHY))
    without = decide(situation, NOW)
    with_it = decide(change(situation, job_log_tail=TAIL), NOW)
    (attempt,) = with_it.status.attempts
    bare = replace(with_it.status, attempts=(replace(attempt, log_tail=None),))
    assert (bare, with_it.effects) == (without.status, without.effects)
