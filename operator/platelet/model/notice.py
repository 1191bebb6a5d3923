"""The notice: what people are told about a remediation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platelet.model.policy import Policy
from platelet.model.remediation import Remediation
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What has just become true of an incident: a question, an act, that it helped, that people have it, its end."""

    kind: Literal["ApprovalNeeded", "Acted", "Recovered", "Escalated", "Resolved"]
    remediation: Remediation
    workload: Workload | None  # None: deleted
    policy: Policy | None  # None: deleted
    reason: str  # a constant of model.reasons
    message: str
    at: datetime  # when it became true, the same in every rendering
