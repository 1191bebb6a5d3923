"""Reads the end of one container's log, bounded in time and length: that it cannot be read holds nothing up."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from platelet.api.readers import workloads
from platelet.core import job_logs, log_tails
from platelet.core.job_logs import EndedJob
from platelet.model import log_tail
from platelet.model.log_tail import LogSource, LogTail
from platelet.model.situation import Situation
from platelet.shell.kube import FORBIDDEN, PODS, ApiError, Reads
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.latest import Latest

TIMEOUT = 1.0  # seconds: all that evidence may cost
READ_BYTES = 8192  # of the last lines; fewer are kept, once what looks like a credential is out
_REMEMBERED = 200  # incidents
_NOT_ALLOWED = "platelet may not read logs: kubectl apply -k deploy/logs lets it"

T = TypeVar("T")


class Logs(Protocol):
    """The API server's logs of containers."""

    async def read_log(
        self,
        source: LogSource,
        *,
        lines: int,
        limit_bytes: int,
        timeout: float,  # noqa: ASYNC109 - the call's own bound
    ) -> str:
        """The last lines. Raises NotFound, Refused, Unanswered."""


class LogReader(Protocol):
    """Reads the log that a look is to hold."""

    async def read(self, situation: Situation) -> LogTail | None:
        """What it says before the first act, or why that is not known; None where nobody wants to know."""

    async def read_of_job(self, situation: Situation) -> LogTail | None:
        """What the log of a Job says that has ended, or why that is not known; None where nobody wants to know."""

    async def read_source(self, source: LogSource) -> LogTail | None:
        """What this very log says, or why that is not known; None where none is ever read."""


class NoLogs:
    """Reads none."""

    async def read(self, situation: Situation) -> LogTail | None:
        """None."""
        del situation
        return None

    async def read_of_job(self, situation: Situation) -> LogTail | None:
        """None."""
        del situation
        return None

    async def read_source(self, source: LogSource) -> LogTail | None:
        """None."""
        del source
        return None


class BoundedLogs:
    """Reads a log once for each incident whose policy asks for it, and for each Job that its steps have started."""

    def __init__(self, logs: Logs, kube: Reads, clock: Clock) -> None:
        """`logs` is asked with the operator's own rights, `kube` for the pods of Jobs."""
        self._logs = logs
        self._kube = kube
        self._clock = clock
        self._tails: Latest[str, LogTail] = Latest(_REMEMBERED)  # by uid of the incident or id of the attempt

    async def read(self, situation: Situation) -> LogTail | None:
        """What the log says before the first act, or why that is not known; None where nobody wants to know."""
        source = log_tails.wanted(situation)
        if source is None:
            return None
        uid = situation.remediation.uid
        tail = self._tails.get(uid)
        if tail is None:
            tail = await self.read_source(source)
            self._tails.put(uid, tail)
        return tail

    async def read_of_job(self, situation: Situation) -> LogTail | None:
        """What the log of a Job says that has ended, or why that is not known; None where nobody wants to know."""
        job = job_logs.ended(situation, self._clock.now())
        if job is None:
            return None
        tail = self._tails.get(job.attempt)
        if tail is None:
            tail = await self._ask_about(job)
            self._tails.put(job.attempt, tail)
        return tail

    async def _ask_about(self, job: EndedJob) -> LogTail:
        stored = await self._answer(self._kube.list(PODS, job.namespace, labels=job.pods))
        if isinstance(stored, _Unknown):
            return log_tail.of_nobody(f"the pods of Job {job.name}: {stored.why}", self._clock.now())
        source = job_logs.choose(job, [workloads.read_pod(pod) for pod in stored])
        if source is None:
            return log_tail.of_nobody(f"no pod of Job {job.name} is there that has run", self._clock.now())
        return await self.read_source(source)

    async def read_source(self, source: LogSource) -> LogTail:
        """What this very log says, or why that is not known."""
        asked = self._logs.read_log(source, lines=log_tail.MAX_LINES, limit_bytes=READ_BYTES, timeout=TIMEOUT)
        text = await self._answer(asked)
        if isinstance(text, _Unknown):
            why = _NOT_ALLOWED if text.code == FORBIDDEN else text.why
            return log_tail.without(source, why, self._clock.now())
        return log_tail.of_text(source, text, self._clock.now())

    async def _answer(self, asked: Awaitable[T]) -> "T | _Unknown":
        """What is answered in time, or why nothing is."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asked
        except TimeoutError:
            return _Unknown(why="no answer in time")
        except ApiError as error:
            return _Unknown(why=error.message, code=error.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unknown:
    why: str
    code: int = 0  # an HTTP status
