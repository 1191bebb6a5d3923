"""The notice: what people are told, before it is known where."""

from dataclasses import dataclass
from datetime import datetime

from platelet.model import approval
from platelet.model.failed_job import FailedJob
from platelet.model.notification import OF_A_JOB, OF_AN_ALERT, NoticeKind, Notification
from platelet.model.policy import Policy
from platelet.model.remediation import Remediation
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that has just become true, and that people may be told.

    Of an incident: it has begun, puts a question, was acted on, has recovered, was handed to people, has ended; a sink
    could not be told; an attempt runs, or no longer does. Besides incidents: an alert has no target, a Job has failed,
    somebody has acknowledged that, it is over.
    """

    kind: NoticeKind
    remediation: Remediation | None = None  # None: an alert without a target, a Job
    workload: Workload | None = None  # None: deleted, or there is none
    policy: Policy | None  # None: deleted
    reason: str  # a constant of model.reasons
    message: str
    at: datetime  # when it became true, the same in every rendering
    occasion: str = ""  # tells notices of one kind apart
    alert: UntargetedAlert | None = None
    job: FailedJob | None = None
    told: tuple[Notification, ...] = ()  # of the alert or the Job: what is on record of telling people of it
    level: int = 1  # of the escalation
    repeat: int = 0  # how often that level was told before
    to: tuple[str, ...] | None = None  # only these sinks of the policy; None: all whom it concerns
    until: datetime | None = None  # of an attempt that runs: when its time is over
    title: str = ""  # in the words of its sink's template, as plain text; empty: there are none
    body: str = ""  # the same, as the sink has it escaped
    route: str = ""  # the name of the sink that it is rendered for, where its policy has levels

    @property
    def known_as(self) -> str:
        """Identifies the alert or Job on record that it is about: the same at every level and at the end."""
        return self.occasion.partition("/")[0]

    @property
    def how_to_acknowledge(self) -> str:
        """The command that acknowledges an alert or a Job on record; empty: nobody is called for it."""
        if self.job is not None and self.kind == OF_A_JOB.call:
            return approval.how_to_acknowledge_job(self.job.subject)
        if self.alert is not None and self.kind == OF_AN_ALERT.call and self.policy is not None:
            return approval.how_to_acknowledge_alert(self.policy.namespace, self.alert.reason)
        return ""

    @property
    def id(self) -> str:
        """The same at every try: `<uid>/escalated`, and the occasion if there are several of its kind."""
        about = self.remediation or self.policy
        return "/".join(filter(None, (about.uid if about else "", self.kind.lower(), self.occasion)))
