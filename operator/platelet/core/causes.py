"""Where the cause of a sickness lies, as far as pods and records tell: in a new template of the workload's own, or not.

Of several that are sick at once each may have its cause in itself: one release that went wrong in many places. It takes
proof: all that is sick runs the newest template, which has never run well, and another template has.
"""

from collections.abc import Sequence

from platelet.model.remediation import Remediation
from platelet.model.revision import RevisionRecord
from platelet.model.situation import Situation
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash


def is_own(situation: Situation) -> bool:
    """Whether the target's own new template is at fault, and nothing was done about it in vain."""
    workload = situation.workload
    return (
        workload is not None
        and not was_acted_on_in_vain(situation.remediation)
        and lies_in_template(workload, situation.revisions, situation.pods, situation.records)
    )


def lies_in_template(
    workload: Workload, revisions: Sequence[Revision], pods: Sequence[Pod], records: Sequence[RevisionRecord]
) -> bool:
    """Whether only pods of the newest template are sick, and this one never ran well where another one did."""
    newest = newest_revision_hash(workload, revisions)
    sick = [each for each in pods if each.is_active and _is_sick(each)]
    live = next((each for each in records if each.template_hash == workload.template_hash), None)
    if not newest or not sick or live is None or live.ever_healthy or live.claims_health:
        return False
    proven = any(each.health == "Healthy" for each in records if each.template_hash != workload.template_hash)
    return proven and all(each.revision_hash == newest for each in sick)


def was_acted_on_in_vain(remediation: Remediation) -> bool:
    """Whether something was done in an incident that is not over, and did not help."""
    if remediation.status.state == "Closed":
        return False
    return any(
        each.kind == "Act" and (each.phase == "Unknown" or each.verdict in ("Failed", "Inconclusive"))
        for each in remediation.status.attempts
    )


def _is_sick(pod: Pod) -> bool:
    """A crash loop is ready for a moment in each turn (TRAPS 40): its restarts still tell."""
    return not pod.ready or any(each.restarts > 0 for each in pod.containers)
