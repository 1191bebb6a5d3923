"""How grave an incident is: the gravest severity that people know of, or would hear of."""

from platelet.model import severity
from platelet.model.remediation import RemediationStatus
from platelet.model.severity import Grade


def of_incident(status: RemediationStatus) -> Grade:
    """Sort it into the words of pagers. Where no rule says a severity it is a warning."""
    known = [status.escalation.severity] if status.escalation is not None else []
    known = known or [fact.severity for fact in status.evidence]
    return severity.grade(max(known, key=severity.rank, default=""))
