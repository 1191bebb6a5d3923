"""A Job that is made of a CronJob of the target's namespace: what `kubectl create job --from=cronjob/x` does.

Its name follows from the incident, so whoever sends it again meets the one that is there. Two things differ from
kubectl's, so that no Job disappears before its end was seen, and a second one is made in its place: its owner is no
*controlling* one, whose history limits would delete it, and it stays for a day after its end.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, Final

from platelet.model import reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.digest import digest
from platelet.model.durations import format_duration, parse_time, say_time
from platelet.model.intent import PinnedChange
from platelet.model.resource import CRON_JOBS, JOBS, Resource
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal, Verdict

KIND: Final = "StartJob"
STARTED_FOR: Final = "platelet.dev/started-for"  # the uid of the Remediation
_BY_HAND: Final = {"cronjob.kubernetes.io/instantiate": "manual"}
_CRON_JOB, _TEMPLATE, _SECONDS = "cronJob", "template", "seconds"
_STAYS_FOR: Final = 24 * 3600  # seconds
_STOPS_WITHIN: Final = timedelta(minutes=2)  # after its deadline: its pods' grace period, and its controller
_ASK_EVERY: Final = timedelta(seconds=10)
_LAST_WORDS: Final = timedelta(seconds=3)  # before its deadline, at which its pods are deleted, and their logs
Json = Mapping[str, Any]


def of(cron_job: Json, limit: timedelta, situation: Situation) -> PinnedChange:
    """A Job of this CronJob that may run for so long."""
    name = cron_job["metadata"]["name"]
    seconds = int(limit.total_seconds())
    return PinnedChange(
        kind=KIND,
        object=JOBS.named(name_of(name, situation)),
        meant={STARTED_FOR: situation.remediation.uid},
        how={_CRON_JOB: name, _TEMPLATE: _name_template(cron_job), _SECONDS: str(seconds)},
    )


def name_of(cron_job: str, situation: Situation) -> str:
    """The name of the incident's next Job: another one for each that it has started."""
    attempts = situation.remediation.status.attempts
    number = sum(change.kind == KIND for attempt in attempts for change in attempt.changes)
    return f"{cron_job[:52]}-{digest(f'{situation.remediation.uid}/{cron_job}/{number}')[:10]}"


class StartJob(Change):
    """What it starts cannot be reverted. It has taken effect once the Job is complete."""

    kind = KIND
    rights = (Right(group=JOBS.group, resource=JOBS.plural, verb="create"),)
    proven_by_rollout = False
    reversible = False
    at_most_once = True

    def check(self, pinned: PinnedChange) -> None:
        """It names a Job, its CronJob with what that held, and for how long it may run."""
        if pinned.object is None or pinned.object.kind != JOBS.kind:
            raise ValueError(f"{pinned.object} is no Job")
        _ = pinned.meant[STARTED_FOR], pinned.how[_CRON_JOB], pinned.how[_TEMPLATE], int(pinned.how[_SECONDS])

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """The Job, and its CronJob."""
        name = pinned.object.name if pinned.object is not None else ""
        return (JOBS, name), (CRON_JOBS, pinned.how[_CRON_JOB])

    def live(self, pinned: PinnedChange, situation: Situation) -> Live:
        """The Job of this name; none yet is as it was before. Blocked where its CronJob has changed."""
        job = _job(pinned, situation)
        if job is None:
            blocked = self._why_not(pinned, situation)
            return Live(uid="", resource_version="", version="", values={STARTED_FOR: ""}, blocked=blocked)
        meta = job["metadata"]
        return Live(
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            version=meta["resourceVersion"],
            values={STARTED_FOR: _started_for(job)},
        )

    def _why_not(self, pinned: PinnedChange, situation: Situation) -> str:
        cron_job = situation.surroundings.objects.get(CRON_JOBS.named(pinned.how[_CRON_JOB]))
        if cron_job is None or cron_job["metadata"].get("deletionTimestamp"):
            return "its CronJob is gone"
        return "" if _name_template(cron_job) == pinned.how[_TEMPLATE] else "its CronJob has been changed"

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """The Job as its CronJob describes it: the API server takes its name but once."""
        cron_job = situation.surroundings.objects.get(CRON_JOBS.named(pinned.how[_CRON_JOB]))
        if cron_job is None or pinned.object is None or live.uid:
            return Refusal(reason=reasons.MISSING_REFERENCE, message=f"its CronJob {pinned.how[_CRON_JOB]} is gone")
        return Patch(resource=JOBS, name=pinned.object.name, body=_body(pinned, cron_job), creates=True)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """Whose it is, as an admission left it."""
        del pinned
        _ = answer.body["metadata"]["uid"]
        return {STARTED_FOR: _started_for(answer.body)}

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`Job migrate-0123456789 started`."""
        name = pinned.object.name if pinned.object is not None else ""
        return f"Job {name} {'started' if values[STARTED_FOR] else 'not started'}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """What has run has run."""
        del situation
        message = f"what {self.say(pinned, pinned.meant)} has done cannot be reverted"
        return Refusal(reason=reasons.NOT_REVERSIBLE, message=message)

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whoever deletes a Job that is over reverts nothing; one that was not over, `completion` judges."""
        del pinned, situation
        return ""

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Whether the Job is complete."""
        job = _job(pinned, situation)
        return job is not None and _condition(job, "Complete") is not None

    def completion(self, pinned: PinnedChange, situation: Situation, since: datetime, now: datetime) -> Verdict:
        """Complete or failed by its own conditions. A Job that is gone, or runs past its deadline, is not known."""
        job, deadline = _job(pinned, situation), since + timedelta(seconds=int(pinned.how[_SECONDS])) + _STOPS_WITHIN
        name = pinned.object.name if pinned.object is not None else ""
        if job is None or _started_for(job) != pinned.meant[STARTED_FOR]:
            message = f"Job {name} is not there: what came of it is not known"
            return Verdict(outcome="Inconclusive", reason=reasons.UNKNOWN_OUTCOME, message=message)
        failed = _condition(job, "Failed")
        if failed is not None:
            why = ": ".join(filter(None, (failed.get("reason"), failed.get("message"))))
            return Verdict(outcome="Failed", reason=reasons.JOB_FAILED, message=f"Job {name} failed: {why}")
        if _condition(job, "Complete") is not None:
            return Verdict(outcome="Recovered", reason=reasons.JOB_COMPLETE, message=f"Job {name} is complete")
        if now >= deadline:
            message = f"Job {name} has not ended by {say_time(deadline)}, although its time is over"
            return Verdict(outcome="Inconclusive", reason=reasons.UNKNOWN_OUTCOME, message=message)
        message = f"Job {name} runs: {_say_pods(job)}"
        moments = (deadline, now + _ASK_EVERY, _last_words_at(job))
        due = min(moment for moment in moments if moment is not None and moment > now)
        return Verdict(outcome="Pending", reason=reasons.JOB_RUNNING, message=message, retry_at=due)

    def ended_job(self, pinned: PinnedChange, situation: Situation, now: datetime) -> Json | None:
        """The Job, if it is over, or its time is, but for a moment."""
        job = _job(pinned, situation)
        if job is None or is_over(job):
            return job
        last_words_at = _last_words_at(job)
        return job if last_words_at is not None and now >= last_words_at else None


def is_over(job: Json) -> bool:
    """Whether a Job has come to its end."""
    return _condition(job, "Complete") is not None or _condition(job, "Failed") is not None


def is_of(job: Json, cron_job: Json) -> bool:
    """Whether a Job was made of this CronJob, by whomever."""
    owners = job["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == cron_job["metadata"]["uid"] for owner in owners)


def say_limit(pinned: PinnedChange) -> str:
    """For how long it may run."""
    return format_duration(timedelta(seconds=int(pinned.how[_SECONDS])))


def _body(pinned: PinnedChange, cron_job: Json) -> dict[str, Any]:
    template = deepcopy(dict(cron_job["spec"]["jobTemplate"]))
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    most = int(pinned.how[_SECONDS])
    spec["activeDeadlineSeconds"] = min(spec.get("activeDeadlineSeconds") or most, most)
    spec["ttlSecondsAfterFinished"] = max(spec.get("ttlSecondsAfterFinished") or 0, _STAYS_FOR)
    owner = {"apiVersion": CRON_JOBS.api_version, "kind": CRON_JOBS.kind}
    owner |= {key: cron_job["metadata"][key] for key in ("name", "uid")}
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": pinned.object.name if pinned.object is not None else "",
            "labels": meta.get("labels") or {},
            "annotations": {**(meta.get("annotations") or {}), **_BY_HAND, STARTED_FOR: pinned.meant[STARTED_FOR]},
            "ownerReferences": [owner],
        },
        "spec": spec,
    }


def _job(pinned: PinnedChange, situation: Situation) -> Json | None:
    return situation.surroundings.objects.get(pinned.object) if pinned.object is not None else None


def _last_words_at(job: Json) -> datetime | None:
    """When its log can still be read, shortly before its controller stops it; None while it has not begun."""
    started, seconds = (job.get("status") or {}).get("startTime"), job["spec"].get("activeDeadlineSeconds")
    return parse_time(started) + timedelta(seconds=seconds) - _LAST_WORDS if started and seconds else None


def _started_for(job: Json) -> str:
    """For which Remediation it was started; `others` where none is named."""
    return str((job["metadata"].get("annotations") or {}).get(STARTED_FOR) or "others")


def _name_template(cron_job: Json) -> str:
    return digest(json.dumps(cron_job["spec"]["jobTemplate"], sort_keys=True))


def _condition(job: Json, kind: str) -> Json | None:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((known for known in conditions if (known.get("type"), known.get("status")) == (kind, "True")), None)


def _say_pods(job: Json) -> str:
    status = job.get("status") or {}
    return ", ".join(f"{status.get(count) or 0} pods {count}" for count in ("active", "succeeded", "failed"))


CHANGE: Final = StartJob()
