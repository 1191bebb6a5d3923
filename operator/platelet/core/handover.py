"""The target as people got it with an escalation, and whether somebody has changed it since.

Only what a person or a tool of theirs writes counts: what we wrote ourselves (a take-back that was due) and what an
autoscaler or the number of nodes makes of the replicas is nobody's doing.
"""

from datetime import datetime

from platelet.core import meaning
from platelet.model import reasons
from platelet.model.intent import PostState, PreState
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def pin(situation: Situation) -> PreState | None:
    """The target as it is now; None where it is gone."""
    return meaning.pin(situation.workload) if situation.workload is not None else None


def changed_by_others(situation: Situation, status: RemediationStatus) -> str:
    """Name what of the target somebody else has changed since it was handed over; empty where nothing is seen."""
    before, workload = _handed_over(status), situation.workload
    if before is None or workload is None:
        return ""
    if workload.uid != before.uid:
        return "all of it: it was created anew"
    ours = _late_writes(status)
    if workload.template_hash not in (before.template_hash, *(post.template_hash for post in ours)):
        return "its template"
    if workload.restart_stamp not in (before.restart_stamp, *(post.restart_stamp for post in ours)):
        return "the stamp of its last restart"
    if _replicas_differ(situation, status) and not situation.autoscalers:
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
    before, workload = _handed_over(status), situation.workload
    if before is None or workload is None or workload.template_hash in known_templates(status):
        return ""
    fresh = [signal for signal in situation.signals if signal.source in ("pod", "workload") and signal.newest_only]
    return fresh[0].message if fresh else ""


def is_sick_after_all(situation: Situation, status: RemediationStatus, now: datetime) -> str:
    """What speaks against a target that people got because nothing was wrong with it; empty while nothing does.

    No step was kept from it for good: an alert that nobody named was no reason to act, and now there is one.
    """
    told = status.escalation
    if told is None or told.reason != reasons.NOTHING_WRONG_WITH_TARGET:
        return ""
    holding = (each for each in situation.signals if each.counts(now))
    return next((each.message for each in holding if not each.unnamed), "")


def _handed_over(status: RemediationStatus) -> PreState | None:
    return status.escalation.handed_over if status.escalation is not None else None


def known_templates(status: RemediationStatus) -> frozenset[str]:
    """What the incident has met: the template that was handed over, and those that its attempts left or restored."""
    before = _handed_over(status)
    met = [attempt.pre.template_hash for attempt in status.attempts]
    met += [attempt.post.template_hash for attempt in status.attempts if attempt.post.template_hash is not None]
    return frozenset([*met, *([before.template_hash] if before is not None else [])])


def _replicas_differ(situation: Situation, status: RemediationStatus) -> bool:
    before, workload = _handed_over(status), situation.workload
    if before is None or workload is None or workload.ref.kind == "DaemonSet":
        return False
    return workload.replicas not in (before.replicas, *(post.replicas for post in _late_writes(status)))


def _late_writes(status: RemediationStatus) -> list[PostState]:
    """What writes of ours may have made true after the hand-over: take-backs, and those whose answer was lost."""
    late = [attempt for attempt in status.attempts if attempt.kind == "TakeBack" or attempt.phase == "Unknown"]
    return [attempt.post for attempt in late]
