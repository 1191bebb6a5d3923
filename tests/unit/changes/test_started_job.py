"""The Job that is made of a CronJob: what is sent, what it is taken for, and when it has come to its end."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from platelet import changes
from platelet.changes import started_job
from platelet.changes.started_job import STARTED_FOR
from platelet.model import reasons
from platelet.model.change import Patch
from platelet.model.durations import format_time
from platelet.model.intent import ObjectRef, PinnedChange
from platelet.model.resource import CRON_JOBS, JOBS
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from tests.unit.situations import NOW, a_situation, minutes, seconds

Json = dict[str, Any]
LIMIT = minutes(10)
POD: Json = {"template": {"spec": {"containers": [{"name": "mend"}]}}}
COMPLETE, FAILED = {"type": "Complete", "status": "True"}, {"type": "Failed", "status": "True"}
FAILS_WHY: Json = {**FAILED, "reason": "BackoffLimitExceeded", "message": "Job has reached the backoff limit"}


def a_cron_job(**spec: Any) -> Json:
    """A suspended one; `spec` is of its Jobs."""
    template = {"metadata": {"labels": {"for": "mending"}, "annotations": {"why": "x"}}, "spec": {**POD, **spec}}
    meta = {"name": "mend", "uid": "uid-mend", "resourceVersion": "7"}
    return {"metadata": meta, "spec": {"suspend": True, "jobTemplate": template}}


def around(*objects: Json, **others: Any) -> Situation:
    """These CronJobs (which have a template) and Jobs are there."""
    known: dict[ObjectRef, Json] = {}
    for stored in objects:
        kind = CRON_JOBS if "jobTemplate" in stored.get("spec", {}) else JOBS
        known[kind.named(stored["metadata"]["name"])] = stored
    return a_situation(objects=known, **others)


def planned(cron_job: Json | None = None, limit: timedelta = LIMIT) -> PinnedChange:
    """The change as an action plans it, pinned."""
    situation = around(cron_job or a_cron_job())
    pinned = changes.pin([started_job.of(cron_job or a_cron_job(), limit, situation)], situation)
    assert pinned is not None
    return pinned[0]


def a_job(*conditions: Json, started_for: str | None = "uid-rem", **status: Any) -> Json:
    """The Job of `planned`, as stored."""
    change = planned()
    assert change.object is not None
    annotations = {STARTED_FOR: change.meant[STARTED_FOR]} if started_for == "uid-rem" else {STARTED_FOR: started_for}
    meta = {"name": change.object.name, "uid": "uid-job", "resourceVersion": "9", "annotations": annotations}
    return {"metadata": meta, "spec": POD, "status": {"conditions": list(conditions), **status}}


def sent(cron_job: Json, limit: timedelta = LIMIT) -> Json:
    """The body that is sent."""
    situation, pinned = around(cron_job), planned(cron_job, limit)
    live = changes.as_it_is(pinned, situation)
    assert live is not None
    patch = started_job.CHANGE.patch(pinned, live, situation)
    assert isinstance(patch, Patch)
    assert (patch.creates, patch.resource) == (True, JOBS)
    return dict(patch.body)  # type: ignore[arg-type]


def test_it_is_what_the_cronjob_describes() -> None:
    body = sent(a_cron_job())
    name = planned().object
    assert name is not None
    assert name.name.startswith("mend-")
    assert body["metadata"] == {
        "name": name.name,
        "labels": {"for": "mending"},
        "annotations": {
            "why": "x",
            "cronjob.kubernetes.io/instantiate": "manual",
            STARTED_FOR: a_situation().remediation.uid,
        },
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "mend", "uid": "uid-mend"}],
    }
    assert body["spec"] == {**POD, "activeDeadlineSeconds": 600, "ttlSecondsAfterFinished": 86400}


@pytest.mark.parametrize(
    ("spec", "deadline", "stays"),
    [
        ({"activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 0}, 60, 86400),
        ({"activeDeadlineSeconds": 6000, "ttlSecondsAfterFinished": 100000}, 600, 100000),
    ],
    ids=["a shorter deadline stays, and it is kept until its end was seen", "a longer one does not"],
)
def test_it_ends_in_time_and_is_kept(spec: Json, deadline: int, stays: int) -> None:
    body = sent(a_cron_job(**spec))["spec"]
    assert (body["activeDeadlineSeconds"], body["ttlSecondsAfterFinished"]) == (deadline, stays)


def test_its_name_is_the_same_until_it_was_started() -> None:
    """And another one for each that the incident has started, for another CronJob, and for another incident."""
    situation = a_situation()
    first = started_job.name_of("mend", situation)
    assert started_job.name_of("mend", situation) == first
    other = replace(situation, remediation=replace(situation.remediation, uid="another"))
    names = {first, started_job.name_of("tidy", situation), started_job.name_of("mend", other)}
    assert len(names) == 3
    assert len(started_job.name_of("m" * 52, situation)) <= 63


def test_none_yet_is_as_before_and_ours_is_as_meant() -> None:
    pinned = planned()
    nothing, ours = around(a_cron_job()), around(a_cron_job(), a_job())
    assert changes.is_as_before(pinned, nothing)
    assert not changes.is_made(pinned, nothing)
    assert changes.is_made(pinned, ours)
    assert not changes.is_as_before(pinned, ours)


@pytest.mark.parametrize("started_for", [None, "another"])
def test_one_of_others_under_its_name_is_neither(started_for: str | None) -> None:
    pinned, situation = planned(), around(a_cron_job(), a_job(started_for=started_for))
    assert not changes.is_made(pinned, situation)
    assert not changes.is_as_before(pinned, situation)


CHANGED = {
    "the CronJob is gone": (),
    "it is being deleted": ({**a_cron_job(), "metadata": {**a_cron_job()["metadata"], "deletionTimestamp": "x"}},),
    "it describes another Job": (a_cron_job(backoffLimit=9),),
}


@pytest.mark.parametrize("objects", CHANGED.values(), ids=CHANGED)
def test_it_is_not_started_once_its_cronjob_has_changed(objects: tuple[Json, ...]) -> None:
    live = changes.as_it_is(planned(), around(*objects))
    assert live is not None
    assert live.blocked


def test_whether_the_cronjob_is_suspended_does_not_matter() -> None:
    awake = a_cron_job()
    awake["spec"]["suspend"] = False
    live = changes.as_it_is(planned(), around(awake))
    assert live is not None
    assert not live.blocked


ENDS = {
    "it runs": ((a_job(active=1),), 5, "Pending", reasons.JOB_RUNNING),
    "a controller has not seen it": ((a_job(),), 0, "Pending", reasons.JOB_RUNNING),
    "it is complete": ((a_job(COMPLETE),), 5, "Recovered", reasons.JOB_COMPLETE),
    "it is complete, late": ((a_job(COMPLETE),), 60, "Recovered", reasons.JOB_COMPLETE),
    "it has failed": ((a_job(FAILS_WHY),), 5, "Failed", reasons.JOB_FAILED),
    "it is about to fail": ((a_job({**FAILED, "status": "False"}),), 5, "Pending", reasons.JOB_RUNNING),
    "its time has just passed": ((a_job(active=1),), 11, "Pending", reasons.JOB_RUNNING),
    "it runs on although its time has passed": ((a_job(active=1),), 12, "Inconclusive", reasons.UNKNOWN_OUTCOME),
    "it is gone": ((), 5, "Inconclusive", reasons.UNKNOWN_OUTCOME),
    "it is another's": ((a_job(COMPLETE, started_for="x"),), 5, "Inconclusive", reasons.UNKNOWN_OUTCOME),
}


@pytest.mark.parametrize(("jobs", "after", "outcome", "reason"), ENDS.values(), ids=ENDS)
def test_its_end_is_what_it_says(jobs: tuple[Json, ...], after: int, outcome: str, reason: str) -> None:
    """It may run for ten minutes."""
    verdict = started_job.CHANGE.completion(planned(), around(*jobs), NOW, NOW + minutes(after))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    if outcome == "Pending":
        assert verdict.retry_at is not None
        assert verdict.retry_at > NOW + minutes(after)


def stopped_at(moment: datetime) -> Json:
    """A Job that runs, and whose time is over then, after a minute."""
    job = a_job(active=1, startTime=format_time(moment - minutes(1)))
    return {**job, "spec": {**POD, "activeDeadlineSeconds": 60}}


def test_it_is_looked_at_while_its_pods_can_still_tell() -> None:
    verdict = started_job.CHANGE.completion(planned(), around(stopped_at(NOW + seconds(5))), NOW, NOW)
    assert verdict.retry_at == NOW + seconds(2)


def test_why_it_failed_is_told() -> None:
    verdict = started_job.CHANGE.completion(planned(), around(a_job(FAILS_WHY)), NOW, NOW)
    assert verdict.message.endswith("failed: BackoffLimitExceeded: Job has reached the backoff limit")


def test_it_cannot_be_reverted_and_nobody_reverts_it() -> None:
    """A Job that is gone after its end is no change that others have reverted."""
    back = started_job.CHANGE.revert(planned(), around(a_job(COMPLETE)))
    assert isinstance(back, Refusal)
    assert back.reason == reasons.NOT_REVERSIBLE
    assert started_job.CHANGE.how_changed_back(planned(), around()) == ""


BROKEN = {
    "another kind": replace(planned(), object=CRON_JOBS.named("mend")),
    "the target itself": replace(planned(), object=None),
    "no CronJob": replace(planned(), how={}),
    "no number": replace(planned(), how={**planned().how, "seconds": "long"}),
}


@pytest.mark.parametrize("pinned", BROKEN.values(), ids=BROKEN)
def test_what_is_none_is_not_read_as_one(pinned: PinnedChange) -> None:
    started_job.CHANGE.check(planned())
    with pytest.raises((ValueError, KeyError)):
        started_job.CHANGE.check(pinned)
