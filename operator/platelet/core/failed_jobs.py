"""Which Jobs that have failed are told to people, and when that is over. What is told then is in `recorded_calls`.

Judged anew at every look from what there is, so nothing is lost that was missed. What is on record on the policy only
says what people know: each CronJob is told once until it is over, however often its Jobs fail meanwhile.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from platelet.core import record
from platelet.model.durations import say_time
from platelet.model.failed_job import MAX_FAILED_JOBS, ORDINARY, Ending, FailedJob, Job, Subject
from platelet.model.log_tail import LogTail
from platelet.model.policy import DAY, Policy
from platelet.model.recorded_call import RecordedCall
from platelet.model.severity import Grade

_SHORT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of the Jobs in the namespaces of a policy."""

    jobs: Sequence[Job]
    succeeded_at: Mapping[Subject, datetime]  # of CronJobs, by their own word: also of Jobs that are deleted by now
    matches: Callable[[Job], bool]  # whether a trigger of the policy is for it
    severity_of: Callable[[Job], Grade] = lambda _job: ORDINARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The list as it is to be on record, and how many more there are than it has room for."""

    listed: tuple[FailedJob, ...]
    unlisted: int = 0


def judge(policy: Policy, known: Sequence[FailedJob], seen: Seen, now: datetime) -> Verdict:
    """Bring what is on record up to date."""
    by_subject = _by_subject(seen.jobs)
    listed = [_follow(entry, by_subject.get(entry.subject, ()), seen, now) for entry in known]
    unlisted = 0
    for subject in sorted(by_subject.keys() - {entry.subject for entry in listed}):
        failed = _failing(by_subject[subject], seen)
        if not failed or not _is_news(failed[-1], now):
            continue
        if len(listed) < MAX_FAILED_JOBS or _make_room(listed):
            listed.append(_open(failed, seen))
        else:
            unlisted += 1
    calls = policy.mode != "Observe"
    marked = (
        replace(entry, call=RecordedCall(at=now)) if calls and entry.is_open and entry.call is None else entry
        for entry in listed
    )
    return Verdict(listed=tuple(marked), unlisted=unlisted)


def depends_on_success(known: Sequence[FailedJob], seen: Seen, now: datetime) -> bool:
    """Whether CronJobs must be asked when they succeeded last, since one of them is told of, or would be."""
    if any(entry.is_open and entry.cron_job for entry in known):
        return True
    told_of = {entry.subject: entry.failed_at for entry in known}
    failing = (_failing(jobs, seen) for subject, jobs in _by_subject(seen.jobs).items() if subject[0] == "CronJob")
    lasts = (failed[-1] for failed in failing if failed)
    return any(
        _is_news(job, now) and (job.subject not in told_of or _failed_at(job) > told_of[job.subject]) for job in lasts
    )


def unexplained(known: Sequence[FailedJob], listed: Sequence[FailedJob]) -> tuple[FailedJob, ...]:
    """Those whose last failed Job is new: how its containers ended is to be added."""
    uids = {entry.uid for entry in known}
    return tuple(entry for entry in listed if entry.is_open and entry.uid not in uids)


def explain(entry: FailedJob, how: Ending, tail: LogTail | None) -> FailedJob:
    """Add how a container of its last Job ended, and the end of its log, where that was read."""
    return replace(entry, message=record.clip(f"{entry.message}; {how}"), log_tail=tail)


def last_success(subject: Subject, jobs: Iterable[Job], seen: Seen) -> datetime | None:
    """When one of these Jobs of a subject was complete last, or another one that is deleted by now."""
    moments = [job.complete_at for job in jobs] + [seen.succeeded_at.get(subject)]
    return max((moment for moment in moments if moment is not None), default=None)


def say(job: Job) -> str:
    """Say that it has failed, and why."""
    why = ": ".join(filter(None, (job.reason, job.message))) or "it does not say why"
    owner = f" of CronJob {job.cron_job}" if job.cron_job else ""
    return record.clip(f"Job {job.namespace}/{job.name}{owner} failed: {why}")


def _follow(entry: FailedJob, jobs: Sequence[Job], seen: Seen, now: datetime) -> FailedJob:
    """One that is on record, in the light of what there is now. What fails again goes on, or begins anew."""
    failed = [job for job in _failing(jobs, seen) if _failed_at(job) > entry.failed_at]
    if not entry.is_open:
        return _open(failed, seen) if failed and _is_news(failed[-1], now) else entry
    if failed:
        return replace(_open(failed, seen), since=entry.since, count=entry.count + len(failed), call=entry.call)
    succeeded_at = last_success(entry.subject, jobs, seen)
    if succeeded_at is not None and succeeded_at > entry.failed_at:
        return _end(entry, f"a Job succeeded at {say_time(succeeded_at)}", now)
    same = next((job for job in jobs if job.uid == entry.uid), None)
    if same is None:
        return _end(entry, f"Job {entry.name} is gone", now)
    return entry if seen.matches(same) else _end(entry, "no trigger of the policy is for it any more", now)


def _by_subject(jobs: Iterable[Job]) -> dict[Subject, list[Job]]:
    """What a step of a Runbook has started says nothing here."""
    by_subject: dict[Subject, list[Job]] = defaultdict(list)
    for job in jobs:
        if not job.ours:
            by_subject[job.subject].append(job)
    return by_subject


def _is_news(job: Job, now: datetime) -> bool:
    """Whether it failed within a day: what was there before the policy is nobody's emergency any more."""
    return now - _failed_at(job) <= DAY


def _failing(jobs: Sequence[Job], seen: Seen) -> list[Job]:
    """Those that have failed since one of them succeeded, the last one at the end."""
    failed = sorted((job for job in jobs if seen.matches(job)), key=lambda job: (_failed_at(job), job.name))
    succeeded_at = last_success(jobs[0].subject, jobs, seen) if jobs else None
    return [job for job in failed if succeeded_at is None or _failed_at(job) >= succeeded_at]


def _failed_at(job: Job) -> datetime:
    if job.failed_at is None:
        raise ValueError(f"Job {job.namespace}/{job.name} has not failed")
    return job.failed_at


def _open(failed: Sequence[Job], seen: Seen) -> FailedJob:
    """One that is told anew, from the first of these Jobs on."""
    first, last = failed[0], failed[-1]
    return FailedJob(
        namespace=last.namespace,
        name=last.name,
        uid=last.uid,
        cron_job=last.cron_job,
        reason=record.clip(last.reason, _SHORT),
        message=say(last),
        severity=seen.severity_of(last),
        since=_failed_at(first),
        failed_at=_failed_at(last),
        count=len(failed),
    )


def _end(entry: FailedJob, why: str, now: datetime) -> FailedJob:
    return replace(entry, resolved_at=now, resolution=record.clip(why))


def _make_room(listed: list[FailedJob]) -> bool:
    """Forget the one that is over longest. What still fails is not forgotten for another."""
    over = [entry for entry in listed if not entry.is_open]
    if not over:
        return False
    listed.remove(min(over, key=lambda entry: entry.resolved_at or entry.failed_at))
    return True
