"""Kubernetes Events on the workload and on the policy: what `kubectl describe` shows. Best effort, gone in an hour.

An Event that a crash loses is not written again: what must be remembered is on the Remediation (TRAPS 33).
"""

from collections.abc import Iterator, Mapping

from platelet.model import reasons
from platelet.model.approval import how_to_retry
from platelet.model.effects import Publish
from platelet.model.notice import Notice
from platelet.model.resource import JOBS
from platelet.model.rules import Sink

REPORTING_CONTROLLER = "platelet.dev/operator"
NOTE_LENGTH = 1024  # bytes; the limit of events.k8s.io/v1
_REASONS = {
    "Opened": reasons.OPENED,
    "NotDelivered": reasons.NOT_DELIVERED,
    "ApprovalNeeded": reasons.APPROVAL_NEEDED,
    "Held": reasons.HELD,
    "Announced": reasons.ANNOUNCED,
    "Acted": reasons.ACTED,
    "Recovered": reasons.RECOVERED,
    "Escalated": reasons.ESCALATED,
    "Acknowledged": reasons.ACKNOWLEDGED,
    "Resolved": reasons.RESOLVED,
}  # of an alert without a target, and of a Job: the notice's own
_ACTIONS = {
    "Opened": "Open",
    "NotDelivered": "Deliver",
    "ApprovalNeeded": "Ask",
    "Held": "Wait",
    "Announced": "Announce",
    "Answered": "Answer",
    "Acted": "Act",
    "Recovered": "Verify",
    "Escalated": "Escalate",
    "Acknowledged": "Acknowledge",
    "Ongoing": "Escalate",
    "Healing": "Act",
    "HealingOver": "Escalate",
    "TemplateFailed": "Deliver",
    "Resolved": "Resolve",
    "Untargeted": "Escalate",
    "UntargetedAcknowledged": "Acknowledge",
    "UntargetedOver": "Resolve",
    "JobFailed": "Escalate",
    "JobAcknowledged": "Acknowledge",
    "JobOver": "Resolve",
}
_WARNINGS = ("Escalated", "NotDelivered", "TemplateFailed", "Untargeted", "JobFailed")


def render(notice: Notice) -> tuple[Publish, ...]:
    """One Event for each object that the notice is about and that still exists."""
    return tuple(
        Publish(
            regarding=regarding,
            type="Warning" if notice.kind in _WARNINGS else "Normal",
            reason=_REASONS.get(notice.kind, notice.reason),
            action=_ACTIONS[notice.kind],
            note=_note(notice),
        )
        for regarding in _regarding(notice)
    )


def _regarding(notice: Notice) -> Iterator[Mapping[str, str]]:
    if notice.workload is not None:
        ref = notice.workload.ref
        yield {
            "apiVersion": "apps/v1",
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": notice.workload.uid,
        }
    if notice.kind == "JobFailed" and notice.job is not None:
        yield {
            "apiVersion": JOBS.api_version,
            "kind": JOBS.kind,
            "namespace": notice.job.namespace,
            "name": notice.job.name,
            "uid": notice.job.uid,
        }
    if notice.policy is not None:
        yield {
            "apiVersion": "platelet.dev/v1alpha1",
            "kind": "RemediationPolicy",
            "namespace": notice.policy.namespace,
            "name": notice.policy.name,
            "uid": notice.policy.uid,
        }


def _note(notice: Notice) -> str:
    remediation, way_back = notice.remediation, ""
    if remediation is None:
        known = notice.alert is not None and notice.reason == reasons.NO_TARGET
        note = f"alert {notice.alert.reason}: {notice.message}" if notice.alert and known else notice.message
    else:
        namespace, name = remediation.namespace, remediation.name
        note = f"Remediation {namespace}/{name}: {notice.reason}: {notice.message}"
        way_back = f"; to try again: {how_to_retry(namespace, name)}" if notice.kind == "Escalated" else ""
    room = NOTE_LENGTH - len(way_back)
    return note.encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + way_back


SINK = Sink(name="event", tells=lambda _notice: True, render=render, kept=False)
