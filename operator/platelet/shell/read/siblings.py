"""What the other Remediations of a target mean for one of them."""

from collections.abc import Sequence

from platelet.model.remediation import Remediation
from platelet.model.signal import TOLD, Evidence
from platelet.shell.store.remediations import StoredRemediations


def inherited(remediation: Remediation, siblings: Sequence[Remediation]) -> tuple[Evidence, ...]:
    """The alerts that still fire of the incident that this one continues."""
    before = next((sibling for sibling in siblings if sibling.name == remediation.spec.continues), None)
    if before is None:
        return ()
    return tuple(
        evidence for evidence in before.status.evidence if evidence.source in TOLD and evidence.resolved_at is None
    )


def unreadable_before(remediation: Remediation, remediations: StoredRemediations) -> str:
    """Name an older one of the target that cannot be read; empty if there is none."""
    if remediation.spec.mode == "Observe":
        return ""
    return remediations.busy_before(remediation.target, remediation.status.opened_at)


def younger_acting(remediation: Remediation, siblings: Sequence[Remediation]) -> str:
    """Name a younger acting one of the target that has begun to act and has no verdict yet; empty if there is none."""
    acting = (rival for rival in _rivals(remediation, siblings) if rival.status.state in ("Acting", "Verifying"))
    return min((rival.name for rival in acting if _seniority(rival) > _seniority(remediation)), default="")


def older(remediation: Remediation, siblings: Sequence[Remediation], *, escalated: bool = False) -> str:
    """Of two acting ones of a target (one made by hand) the older acts, unless people have that one."""
    names = (
        rival.name
        for rival in _rivals(remediation, siblings)
        if rival.status.state != "Closed"
        and (rival.status.state == "Escalated") == escalated
        and _seniority(rival) < _seniority(remediation)
    )
    return min(names, default="")


def _rivals(remediation: Remediation, siblings: Sequence[Remediation]) -> list[Remediation]:
    """The other Remediations of its target that act; none if this one only observes."""
    if remediation.spec.mode == "Observe":
        return []
    return [
        sibling
        for sibling in siblings
        if sibling.uid != remediation.uid and sibling.spec.mode != "Observe" and sibling.target == remediation.target
    ]


def _seniority(remediation: Remediation) -> tuple[bool, str, str]:
    opened_at = remediation.status.opened_at
    return (opened_at is None, opened_at.isoformat() if opened_at else "", remediation.name)
