"""Where the cause of a sickness lies, as far as pods and records tell: in a new template of the workload's own, or not.

Of several that are sick at once each may have its cause in itself: one release that went wrong in many places. It takes
proof: all that is sick runs the newest template, which has never run well, and another template has.
"""

from platelet.model.remediation import Remediation
from platelet.model.situation import Situation
from platelet.model.snapshot import Snapshot
from platelet.model.workload import Pod, newest_revision_hash


def is_own(situation: Situation) -> bool:
    """Whether the target's own new template is at fault, and nothing was done about it in vain."""
    return not was_acted_on_in_vain(situation.remediation) and lies_in_template(situation.snapshot)


def lies_in_template(snapshot: Snapshot) -> bool:
    """Whether only pods of the newest template are sick, and this one never ran well where another one did."""
    workload, records = snapshot.workload, snapshot.records
    if workload is None:
        return False
    newest = newest_revision_hash(workload, snapshot.revisions)
    sick = [pod for pod in snapshot.pods if pod.is_active and _is_sick(pod)]
    live = next((record for record in records if record.template_hash == workload.template_hash), None)
    if not newest or not sick or live is None or live.ever_healthy or live.claims_health:
        return False
    proven = any(record.health == "Healthy" for record in records if record.template_hash != workload.template_hash)
    return proven and all(pod.revision_hash == newest for pod in sick)


def was_acted_on_in_vain(remediation: Remediation) -> bool:
    """Whether something was done in an incident that is not over, and did not help."""
    if remediation.status.state == "Closed":
        return False
    return any(
        attempt.kind == "Act" and (attempt.phase == "Unknown" or attempt.verdict in ("Failed", "Inconclusive"))
        for attempt in remediation.status.attempts
    )


def _is_sick(pod: Pod) -> bool:
    """A pod in a crash loop is ready for a moment after each restart (TRAPS 40), so restarts count, too."""
    return not pod.ready or any(container.restarts > 0 for container in pod.containers)
