"""Looks for Jobs that have failed where a policy has a `job` trigger: recorded in its status, and told from there.

Level-triggered, by a LIST at intervals: what failed while nobody looked is found at the next look. What sinks are to be
told is stored in the same write, so that no crash loses it, and none tells it twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import FAILED_JOBS
from platelet.api.readers import jobs as job_contract
from platelet.api.readers import pods as pod_contract
from platelet.core import failed_jobs, log_tails, recorded_calls
from platelet.core.failed_jobs import Seen
from platelet.model.effects import Effect
from platelet.model.failed_job import FailedJob
from platelet.model.policy import Policy
from platelet.model.resource import CRON_JOBS, JOBS, PODS, pods_of_job
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.policy_notices import read_ledger, write_ledger
from platelet.shell.kube import POLICIES, Conflict, Kube, NotFound, OutdatedSchema, Refused
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.namespaces import list_in
from platelet.shell.read.log_reader import LogReader
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_records import store_records

EVERY = timedelta(seconds=30)
_SOON = timedelta(seconds=1)  # after somebody else has written the policy
log = structlog.get_logger("platelet.jobs")


class JobWatch:
    """Judges the Jobs of one policy at a time."""

    def __init__(  # noqa: PLR0913 - what it reads and writes with, and who hears of it
        self,
        kube: Kube,
        clock: Clock,
        book: PolicyBook,
        runner: EffectRunner,
        logs: LogReader,
        *,
        stir: Callable[[str, str], None] = lambda _namespace, _name: None,
    ) -> None:
        """Take the API, the time, the policies, who runs effects, and who reads logs.

        `stir` hears of each policy that has something to tell.
        """
        self._logs, self._stir = logs, stir
        self._kube, self._clock, self._book, self._runner = kube, clock, book, runner
        self._refused: dict[tuple[str, str], str] = {}  # why, by policy, as it was logged last

    async def look(self, namespace: str, name: str) -> datetime | None:
        """Record what has failed, and what is over; when to look again. Raises ApiError.

        While Jobs may not be read, nothing is known of them, and what is on record stays.
        """
        resolved = self._book.remembered(namespace, name)
        if resolved is None or not resolved.policy.ready or not resolved.asks_for_jobs:
            return None
        if (until := self._book.references.unrecorded_until(namespace, name)) is not None:
            return until
        try:
            seen = await self._see(resolved)
        except Refused as error:
            if self._refused.get((namespace, name)) != str(error):
                log.warning("Jobs may not be read", policy=resolved.policy.key, why=str(error))
                self._book.references.doubt_rights(namespace, name)
            self._refused[namespace, name] = str(error)
            return self._clock.now() + EVERY
        self._refused.pop((namespace, name), None)
        listed, unlisted = self._judge(resolved, resolved.failed_jobs, seen)
        if listed == resolved.failed_jobs and unlisted == resolved.failed_jobs_unlisted:
            return self._clock.now() + EVERY
        return await self._store(resolved, seen)

    async def _store(self, resolved: ResolvedPolicy, seen: Seen) -> datetime | None:
        """Write it on the policy as it is now, with what sinks are to be told."""
        policy, now = resolved.policy, self._clock.now()
        try:
            stored = await self._kube.get(POLICIES, policy.namespace, policy.name)
        except NotFound:  # nobody is left who wants to know
            return None
        status = stored.get("status") or {}
        before = FAILED_JOBS.read(status)
        listed, unlisted = self._judge(resolved, before, seen)
        explained = await self._explain(policy, failed_jobs.unexplained(before, listed))
        listed = tuple(explained.get(entry.uid, entry) for entry in listed)
        news = recorded_calls.announce(policy, before, listed, read_ledger(status), now)
        changes = {
            **FAILED_JOBS.write(news.listed),
            "failedJobsUnlisted": unlisted,
            **write_ledger(news.ledger),
        }
        if listed != before or unlisted != status.get("failedJobsUnlisted", 0):
            try:
                await store_records(self._kube, self._book, stored, changes)
            except OutdatedSchema as error:
                log.warning("failed Jobs are not told", policy=policy.key, why=error.message)
                return self._book.references.unrecorded_until(policy.namespace, policy.name)
            except Conflict:
                return now + _SOON
            self._stir(policy.namespace, policy.name)
            await self._tell(resolved, news.listed, unlisted, news.effects)
        return now + _SOON  # to let out what is to be told

    async def _tell(
        self, resolved: ResolvedPolicy, listed: Sequence[FailedJob], unlisted: int, effects: Sequence[Effect]
    ) -> None:
        failing = [f"{entry.namespace}/{entry.name}" for entry in listed if entry.is_open]
        log.warning("failed Jobs", policy=resolved.policy.key, jobs=failing, unlisted=unlisted)
        for effect in effects:
            await self._runner.run(effect)

    def _judge(
        self, resolved: ResolvedPolicy, known: Sequence[FailedJob], seen: Seen
    ) -> tuple[tuple[FailedJob, ...], int]:
        verdict = failed_jobs.judge(resolved.policy, known, seen, self._clock.now())
        return verdict.listed, verdict.unlisted

    async def _see(self, resolved: ResolvedPolicy) -> Seen:
        stored = await list_in(self._kube, JOBS, resolved.namespaces)
        jobs = [job_contract.read_job(job) for job in stored]
        seen = Seen(jobs=jobs, succeeded_at={}, matches=resolved.is_told_of, severity_of=resolved.severity_of)
        if not failed_jobs.depends_on_success(resolved.failed_jobs, seen, self._clock.now()):
            return seen
        cron_jobs = await list_in(self._kube, CRON_JOBS, resolved.namespaces)
        return replace(seen, succeeded_at=job_contract.read_last_successes(cron_jobs))

    async def _explain(self, policy: Policy, entries: Sequence[FailedJob]) -> dict[str, FailedJob]:
        """How their containers ended, as far as pods of theirs are left; by the uid of the Job."""
        explained = {}
        for entry in entries:
            stored = await self._kube.list(PODS, entry.namespace, labels=pods_of_job(entry.name))
            ending = job_contract.find_last_failure(map(pod_contract.read_pod, stored), entry.uid)
            if ending is None:
                continue
            tail = None
            if policy.evidence.logs:
                template = next(pod for pod in stored if pod["metadata"]["name"] == ending.pod)
                tail = await self._logs.read_source(log_tails.of_job(entry.namespace, ending, template))
            explained[entry.uid] = failed_jobs.explain(entry, ending, tail)
        return explained
