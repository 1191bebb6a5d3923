"""The notice: what people are told about a remediation."""

from dataclasses import dataclass
from datetime import datetime

from platelet.model.escalation import NoticeKind
from platelet.model.policy import Policy
from platelet.model.remediation import Remediation
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What has just become true of an incident: it began, a question, an act, that it helped, that people have it.

    And its end, and that a webhook could not be told.
    """

    kind: NoticeKind
    remediation: Remediation
    workload: Workload | None  # None: deleted
    policy: Policy | None  # None: deleted
    reason: str  # a constant of model.reasons
    message: str
    at: datetime  # when it became true, the same in every rendering
    occasion: str = ""  # tells notices of one kind apart

    @property
    def token(self) -> str:
        """What a question is about: each plan is asked about once. Empty for all other notices."""
        asked = self.remediation.status.approval
        return asked.token if self.kind == "ApprovalNeeded" and asked else ""

    @property
    def id(self) -> str:
        """The same whenever it is told again: `<uid>/escalated`, with what else tells it from others of its kind."""
        return "/".join(filter(None, (self.remediation.uid, self.kind.lower(), self.token or self.occasion)))
