"""The trigger on Jobs that have failed: people are told with evidence, and nothing is ever done about it.

It opens no Remediation, since that is about a workload: it is on record on the policy (docs/adr/0026).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL
from platelet.model.failed_job import Job
from platelet.model.severity import Grade
from platelet.model.signal import Evidence
from platelet.model.trigger import FromJobs

JobReason = Literal[
    "BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes", "MaxFailedIndexesExceeded"
]
REASONS: tuple[JobReason, ...] = get_args(JobReason)
_LABEL_VALUE = Annotated[str, Field(max_length=63)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTrigger:
    """`job:` in a policy: Jobs that have failed, in the namespaces in which the policy acts. It only calls people."""

    reasons: Annotated[
        tuple[JobReason, ...] | None,
        Field(
            min_length=1,
            max_length=len(REASONS),
            description="Of the Job's condition Failed. BackoffLimitExceeded: its pods failed too often. "
            "DeadlineExceeded: it ran longer than activeDeadlineSeconds. PodFailurePolicy: by a rule of its own. "
            "FailedIndexes and MaxFailedIndexesExceeded: of an indexed Job. Absent: whatever the reason.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    match_labels: Annotated[
        Mapping[str, _LABEL_VALUE] | None,
        Field(
            min_length=1,
            max_length=16,
            description="All of them must be on the Job; a CronJob gives its Jobs those of "
            "spec.jobTemplate.metadata. Absent: all Jobs. The policy's `targets` are for workloads, and choose no Job.",
        ),
    ] = None

    severity: Annotated[
        Grade,
        Field(description="How grave it is that one of them fails: by this, levels of an EscalationPolicy are chosen."),
    ] = "warning"

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def matches(trigger: JobTrigger, job: Job) -> bool:
    """Whether it is for a Job that has failed. What a step of a Runbook has started never is one."""
    if job.failed_at is None or job.ours or (trigger.reasons is not None and job.reason not in trigger.reasons):
        return False
    return all(job.labels.get(key) == value for key, value in (trigger.match_labels or {}).items())


def _describe(trigger: JobTrigger, _facts: Sequence[Evidence]) -> str:
    wanted = f"with {' or '.join(trigger.reasons)}" if trigger.reasons else "for whatever reason"
    return f"it looks for Jobs of the namespace that have failed, {wanted}, and only tells people"


TRIGGER = FromJobs(
    key="job", settings=JobTrigger, matches=matches, severity=lambda trigger: trigger.severity, describe=_describe
)
