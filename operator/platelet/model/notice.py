"""The notice: what people are told about a remediation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platelet.model.policy import Policy
from platelet.model.remediation import Remediation
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Automation has stopped and people have the incident, or they need no longer care."""

    kind: Literal["Escalated", "Resolved"]
    remediation: Remediation
    workload: Workload | None  # None: deleted
    policy: Policy | None  # None: deleted
    reason: str  # a constant of model.reasons
    message: str
    at: datetime  # of the escalation or the resolution, the same in every rendering
