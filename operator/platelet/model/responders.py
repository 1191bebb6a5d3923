"""Who has said that they have heard of an incident, or look at what it asks."""

from platelet.model.remediation import RemediationStatus


def of(status: RemediationStatus) -> str:
    """The name of whoever has acknowledged it; empty: nobody so far."""
    asked, escalation = status.approval, status.escalation
    if escalation is not None and status.state == "Escalated":
        return escalation.acknowledged_by
    if asked is not None and asked.is_open and asked.acknowledged_by:
        return asked.acknowledged_by
    return escalation.acknowledged_by if escalation is not None else ""
