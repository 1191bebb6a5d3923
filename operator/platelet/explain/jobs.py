"""Why people are told of a CronJob or a Job that has failed, or are not: policy by policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import failed_jobs
from platelet.core.failed_jobs import Seen
from platelet.explain import calls, lines
from platelet.explain.eligibility import Unread
from platelet.model import log_tail
from platelet.model.durations import format_time
from platelet.model.failed_job import FailedJob, Job, Subject
from platelet.model.policy import DAY
from platelet.model.trigger import FromJobs

_JOBS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """One policy, and why it tells of the Job, or does not."""

    key: str
    mode: str
    tells: bool
    because: str
    log: tuple[str, ...] = ()  # the end of it, in lines


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStory:
    """A CronJob with its Jobs, or a Job that no CronJob controls."""

    subject: Subject
    jobs: tuple[Job, ...]  # the newest end first
    tellers: tuple[Teller, ...]
    now: datetime

    @property
    def is_known(self) -> bool:
        """Whether there is anything of it: a Job, or a record of one."""
        return bool(self.jobs) or any(teller.tells for teller in self.tellers)


def explain(
    subject: Subject,
    jobs: Sequence[Job],
    succeeded_at: Mapping[Subject, datetime],
    policies: Sequence[ResolvedPolicy | Unread],
    now: datetime,
) -> JobStory:
    """Judge as the operator does. `jobs` are all of the namespace."""
    of_it = sorted((job for job in jobs if job.subject == subject), key=lambda job: _ended_at(job) or now, reverse=True)
    tellers = tuple(_judge(policy, subject, jobs, succeeded_at, now) for policy in policies)
    return JobStory(subject=subject, jobs=tuple(of_it), tellers=tellers, now=now)


def text(story: JobStory) -> list[str]:
    """In words for people."""
    kind, namespace, name = story.subject
    shown = [_say(job, story.now) for job in story.jobs[:_JOBS_SHOWN]]
    more = len(story.jobs) - len(shown)
    policies = []
    for teller in story.tellers:
        policies += [f"{'ok' if teller.tells else 'no':<4}{teller.key} ({teller.mode})", f"      {teller.because}"]
        policies += [f"      {lines.clean(line)}" for line in teller.log]
    return [
        f"{kind} {namespace}/{name}",
        *lines.section("Jobs", [*shown, *([f"and {more} older ones"] if more else [])] or ["none is there"]),
        *lines.section("Policies", policies or ["none in this namespace, and none of the operator's reaches here"]),
    ]


def document(story: JobStory) -> dict[str, Any]:
    """The same for machines."""
    kind, namespace, name = story.subject
    return {
        "target": {"kind": kind, "namespace": namespace, "name": name},
        "jobs": [
            {
                "name": job.name,
                **({"completeAt": format_time(job.complete_at)} if job.complete_at is not None else {}),
                **({"failedAt": format_time(job.failed_at)} if job.failed_at is not None else {}),
                **({"reason": job.reason, "message": job.message} if job.failed_at is not None else {}),
            }
            for job in story.jobs
        ],
        "policies": [_of_teller(teller) for teller in story.tellers],
        "now": format_time(story.now),
    }


def _of_teller(teller: Teller) -> dict[str, Any]:
    written = {"policy": teller.key, "mode": teller.mode, "matches": teller.tells, "because": [teller.because]}
    return written | ({"log": list(teller.log)} if teller.log else {})


def _judge(
    resolved: ResolvedPolicy | Unread,
    subject: Subject,
    jobs: Sequence[Job],
    succeeded_at: Mapping[Subject, datetime],
    now: datetime,
) -> Teller:
    if isinstance(resolved, Unread):
        return Teller(key=resolved.key, mode="unknown", tells=False, because=resolved.because)
    seen = Seen(jobs=jobs, succeeded_at=succeeded_at, matches=resolved.is_told_of, severity_of=resolved.severity_of)
    tells, because = _unfit(resolved, subject) or _say_verdict(resolved, subject, seen, now)
    entry = _of(subject, resolved.failed_jobs)
    log = tuple(log_tail.say(entry.log_tail)) if entry is not None and tells else ()
    return Teller(key=resolved.policy.key, mode=resolved.policy.mode, tells=tells, because=because, log=log)


def _unfit(resolved: ResolvedPolicy, subject: Subject) -> tuple[bool, str] | None:
    """Why the policy looks for no Job here; None where it does."""
    if not resolved.policy.ready:
        return False, f"not ready: {resolved.policy.not_ready_reason}"
    if subject[1] not in resolved.namespaces:
        return False, f"its namespaceSelector does not choose namespace {subject[1]}"
    entry = _of(subject, resolved.failed_jobs)
    if resolved.jobs_unread:
        return entry is not None and entry.is_open, resolved.jobs_unread
    asks = resolved.loaded.triggers_of(FromJobs) or entry is not None
    return None if asks else (False, "it has no trigger `job`")


def _say_verdict(resolved: ResolvedPolicy, subject: Subject, seen: Seen, now: datetime) -> tuple[bool, str]:
    """What is on record, or will be at the next look; else why nothing is."""
    verdict = failed_jobs.judge(resolved.policy, resolved.failed_jobs, seen, now)
    before, after = _of(subject, resolved.failed_jobs), _of(subject, verdict.listed)
    if after is not None and after.is_open:
        several = f", {after.count} Jobs by now" if after.count > 1 else ""
        since = f"since {lines.moment(after.since, now)}{several}: {after.message}"
        if before is None or not before.is_open:
            return True, f"it is told within half a minute: it fails {since}"
        whom = calls.say(after)
        return True, f"{whom}; it fails {since}"
    if after is not None and before is not None and before.is_open:
        return True, f"it was told, and is over within half a minute: {after.resolution}"
    if after is not None and after.resolved_at is not None:
        return True, f"it was told, and is over since {lines.moment(after.resolved_at, now)}: {after.resolution}"
    return False, _why_not(resolved, [job for job in seen.jobs if job.subject == subject], seen, now)


def _why_not(resolved: ResolvedPolicy, jobs: Sequence[Job], seen: Seen, now: datetime) -> str:
    failed = [job for job in jobs if job.failed_at is not None]
    matching = [job for job in failed if seen.matches(job)]
    if not failed:
        return "no Job of it that is there has failed"
    if all(job.ours for job in failed):
        return "a step of a Runbook has started it, and tells what came of it"
    if not matching:
        looked_for = (trigger.describe(settings, ()) for trigger, settings in resolved.loaded.triggers_of(FromJobs))
        return f"not this one: {'; '.join(looked_for)}"
    last = max(moment for job in matching if (moment := job.failed_at) is not None)
    if now - last > DAY:
        return f"it failed {lines.moment(last, now)}: more than a day before it was first seen"
    succeeded_at = failed_jobs.last_success(matching[0].subject, (job for job in jobs if not job.ours), seen)
    if succeeded_at is not None and succeeded_at > last:
        return f"a Job has succeeded since, {lines.moment(succeeded_at, now)}"
    return "the policy's list is full: it is told once another one is over"


def _of(subject: Subject, listed: Sequence[FailedJob]) -> FailedJob | None:
    return next((entry for entry in listed if entry.subject == subject), None)


def _ended_at(job: Job) -> datetime | None:
    return job.failed_at or job.complete_at


def _say(job: Job, now: datetime) -> str:
    if job.failed_at is not None:
        why = ": ".join(filter(None, (job.reason, job.message)))
        return f"{job.name} failed {lines.moment(job.failed_at, now)}: {why}"
    if job.complete_at is not None:
        return f"{job.name} is complete {lines.moment(job.complete_at, now)}"
    return f"{job.name} has not ended"
