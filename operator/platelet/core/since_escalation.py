"""The target as people got it with an escalation, and whether somebody has changed it since.

Only what a person or a tool of theirs writes counts: what we wrote ourselves (a revert that was due) and what an
autoscaler or the number of nodes makes of the replicas is nobody's doing.
"""

from datetime import datetime

from platelet.core import target_state
from platelet.model import reasons
from platelet.model.intent import REPLICAS, RESTART_STAMP, TEMPLATE, PreState
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.workload import Workload


def pin(situation: Situation) -> PreState | None:
    """The target as it is now; None where it is gone."""
    return target_state.pin(situation.snapshot.workload) if situation.snapshot.workload is not None else None


def changed_by_others(situation: Situation, status: RemediationStatus) -> str:
    """Name what of the target somebody else has changed since it was handed over; empty where nothing is seen."""
    before, workload = _handed_over(status), situation.snapshot.workload
    if before is None or workload is None:
        return ""
    if workload.uid != before.uid:
        return "all of it: it was created anew"
    if _differs(TEMPLATE, before, workload, status):
        return "its template"
    if _differs(RESTART_STAMP, before, workload, status):
        return "the stamp of its last restart"
    if _replicas_differ(situation, status) and not situation.surroundings.autoscalers:
        return "its number of replicas"
    return ""


def needs_autoscalers(situation: Situation) -> bool:
    """Whether it must be known who else may have changed the number of replicas."""
    status = situation.remediation.status
    return status.state == "Escalated" and _replicas_differ(situation, status)


def fails_anew(situation: Situation, status: RemediationStatus) -> str:
    """What fails of a template that people have released since; empty where it is what they were told of.

    A template that an incident's own undo has left belongs to that incident. Pods that still run the old template, and
    alerts, which lag, say nothing about the new one.
    """
    before, workload = _handed_over(status), situation.snapshot.workload
    if before is None or workload is None or workload.template_hash in known_templates(status):
        return ""
    fresh = [signal for signal in situation.signals if signal.source in ("pod", "workload") and signal.newest_only]
    return fresh[0].message if fresh else ""


def is_sick_after_all(situation: Situation, status: RemediationStatus, now: datetime) -> str:
    """What speaks against a target that people got because nothing was wrong with it; empty while nothing does.

    No step was kept from it for good: an alert that nobody named was no reason to act, and now there is one.
    """
    escalation = status.escalation
    if escalation is None or escalation.reason != reasons.NOTHING_WRONG_WITH_TARGET:
        return ""
    holding = (signal for signal in situation.signals if signal.counts(now))
    return next((signal.message for signal in holding if not signal.unnamed), "")


def _handed_over(status: RemediationStatus) -> PreState | None:
    return status.escalation.handed_over if status.escalation is not None else None


def known_templates(status: RemediationStatus) -> frozenset[str]:
    """What the incident has met: the template that was handed over, and those that its attempts left or restored."""
    before = _handed_over(status)
    met = [attempt.pre.template_hash for attempt in status.attempts]
    met += [template for attempt in status.attempts if (template := attempt.on_target(TEMPLATE)) is not None]
    return frozenset([*met, *([before.template_hash] if before is not None else [])])


def _replicas_differ(situation: Situation, status: RemediationStatus) -> bool:
    before, workload = _handed_over(status), situation.snapshot.workload
    if before is None or workload is None or workload.ref.kind == "DaemonSet":
        return False
    return _differs(REPLICAS, before, workload, status)


def _differs(name: str, before: PreState, workload: Workload, status: RemediationStatus) -> bool:
    """Whether a field of the target is neither as it was handed over nor as a write of ours may have made it since.

    Those are the ones that put something back, and those whose answer was lost.
    """
    late = [attempt for attempt in status.attempts if attempt.kind == "Revert" or attempt.phase == "Unknown"]
    known = (before.fields[name], *(attempt.on_target(name) for attempt in late))
    return target_state.pin(workload).fields[name] not in known
