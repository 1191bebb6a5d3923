"""A policy as it is in force: read, with the Runbook that it refers to."""

from dataclasses import dataclass, field

from platelet.api.kinds import policy, runbook
from platelet.api.kinds.caveats import Caveat
from platelet.model import severity
from platelet.model.failed_job import ORDINARY, FailedJob, Job
from platelet.model.notification import Notification, has_untold
from platelet.model.policy import Policy
from platelet.model.severity import Grade
from platelet.model.trigger import FromJobs
from platelet.model.untargeted_alert import UntargetedAlert


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPolicy:
    """A policy with its runbook and its readiness, and the namespaces that it is for: its own or those it selects."""

    loaded: policy.LoadedPolicy
    runbook: runbook.Runbook | None
    namespaces: frozenset[str]
    ending: frozenset[str] = frozenset()  # those of them that are being deleted
    resource_version: str = field(default="", compare=False)
    untargeted: tuple[UntargetedAlert, ...] = field(default=(), compare=False)  # alerts on record without a target
    escalation_fault: Caveat | None = None  # why its EscalationPolicy is not followed
    notifications: tuple[Notification, ...] = field(default=(), compare=False)  # of what is on record on it
    failed_jobs: tuple[FailedJob, ...] = field(default=(), compare=False)  # what is on record of them
    failed_jobs_unlisted: int = field(default=0, compare=False)
    jobs_unread: str = field(default="", compare=False)  # why the operator reads no Jobs, where people ask about that

    @property
    def policy(self) -> Policy:
        """What decisions see."""
        return self.loaded.policy

    @property
    def lasting_namespaces(self) -> frozenset[str]:
        """Where its targets count: in a namespace that ends all lose their pods, which is no sign of a common cause."""
        return self.namespaces - self.ending

    @property
    def asks_for_jobs(self) -> bool:
        """Whether Jobs are to be looked at: a trigger is for them, or was, and its last word is not spoken."""
        return bool(self.loaded.triggers_of(FromJobs)) or any(entry.is_open for entry in self.failed_jobs)

    def is_told_of(self, job: Job) -> bool:
        """Whether a trigger is for this Job, which has failed."""
        return any(trigger.matches(settings, job) for trigger, settings in self.loaded.triggers_of(FromJobs))

    def severity_of(self, job: Job) -> Grade:
        """How grave it is that this Job has failed: of several triggers for it, what the gravest says."""
        grades = (
            trigger.severity(settings)
            for trigger, settings in self.loaded.triggers_of(FromJobs)
            if trigger.matches(settings, job)
        )
        return max(grades, key=severity.rank, default=ORDINARY)

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do for the policy itself, apart from any incident."""
        acts = self.policy.mode != "Observe"
        calls = any(
            entry.is_open and (entry.call is not None or (acts and not entry.is_of_another_cluster))
            for entry in self.untargeted
        )
        return self.asks_for_jobs or calls or has_untold(self.notifications)
