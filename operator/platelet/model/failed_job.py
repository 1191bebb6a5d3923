"""Jobs that have failed: a Job reduced to what a `job` trigger asks of it, and what is on record of one that has.

A Job that fails is no incident of a workload: it has no template that could be at fault, and no pods to prove.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.digest import digest
from platelet.model.durations import CAMEL, Timestamp, format_time
from platelet.model.log_tail import LogTail
from platelet.model.notification import OF_A_JOB, Course
from platelet.model.recorded_call import OnRecord, RecordedCall
from platelet.model.severity import Grade
from platelet.model.signal import ShortText, Text
from platelet.model.workload import Name

MAX_FAILED_JOBS: Final = 20
ORDINARY: Final[Grade] = "warning"
"""How grave a failed Job is unless its trigger says more, or less."""
Subject = tuple[str, str, str]
"""Of what it is told: kind, namespace and name of the CronJob, or of the Job itself where no CronJob controls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A Job as it is stored."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)
    cron_job: str = ""  # that controls it; empty: none
    ours: bool = False  # a step of a Runbook has started it, and tells itself what became of it
    complete_at: datetime | None = None  # since when it has the condition Complete
    failed_at: datetime | None = None  # since when it has the condition Failed
    reason: str = ""  # of that condition
    message: str = ""  # the same

    @property
    def subject(self) -> Subject:
        """Of what people are told."""
        return subject_of(self.namespace, self.cron_job, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a container of a Job failed last."""

    pod: str
    container: str
    code: int
    reason: str = ""
    previous: bool = False  # it has run again since

    def __str__(self) -> str:
        more = f" ({self.reason})" if self.reason not in ("", "Error") else ""
        return f"container {self.container} exited {self.code}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob(OnRecord):
    """One CronJob whose last Job has failed, or a Job of its own, with the Job that failed last."""

    namespace: Name
    name: Name  # of the Job that failed last
    uid: ShortText
    cron_job: Annotated[str, Field(max_length=253, description="Empty: no CronJob controls the Job.")] = ""
    reason: Annotated[ShortText, Field(description="Of the Job's condition Failed.")] = ""
    message: Text
    severity: Annotated[Grade, Field(description="As the trigger says that is for it.")] = ORDINARY
    since: Annotated[Timestamp, Field(description="When the first of these Jobs failed.")]
    failed_at: Annotated[Timestamp, Field(description="When the last of them failed.")]
    count: Annotated[int, Field(ge=1, description="How many Jobs have failed since then.")] = 1
    call: Annotated[
        RecordedCall | None,
        Field(description="That people are called for it. Absent: a policy that observes calls nobody."),
    ] = None
    log_tail: Annotated[LogTail | None, Field(description="Where the policy keeps logs (evidence.logs).")] = None
    resolved_at: Timestamp | None = None
    resolution: Text = ""  # why it is over

    course: ClassVar[Course] = OF_A_JOB
    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def subject(self) -> Subject:
        """Of what people are told."""
        return subject_of(self.namespace, self.cron_job, self.name)

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        kind, namespace, name = self.subject
        return f"{kind} {namespace}/{name}"

    @property
    def grade(self) -> Grade:
        """How grave it is, which decides which levels are for it."""
        return self.severity

    @property
    def cause(self) -> str:
        """Why people are called: a constant of model.reasons."""
        return reasons.JOB_FAILED

    @property
    def known_as(self) -> str:
        """What tells its notices from those of others: the same from the first failure to its end."""
        return digest("/".join((*self.subject, format_time(self.since))))


def subject_of(namespace: str, cron_job: str, name: str) -> Subject:
    """The CronJob where there is one, else the Job."""
    return ("CronJob", namespace, cron_job) if cron_job else ("Job", namespace, name)
