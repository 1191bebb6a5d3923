"""Kubernetes Events on the workload and on the policy: what `kubectl describe` shows. Best effort, gone in an hour."""

from collections.abc import Iterator, Mapping

from platelet.model import reasons
from platelet.model.approval import how_to_retry
from platelet.model.effects import Publish
from platelet.model.notice import Notice

NOTE_LENGTH = 1024  # bytes; the limit of events.k8s.io/v1
_REASONS = {
    "Opened": reasons.OPENED,
    "NotDelivered": reasons.NOT_DELIVERED,
    "ApprovalNeeded": reasons.APPROVAL_NEEDED,
    "Held": reasons.HELD,
    "Acted": reasons.ACTED,
    "Recovered": reasons.RECOVERED,
    "Escalated": reasons.ESCALATED,
    "Resolved": reasons.RESOLVED,
}
_ACTIONS = {
    "Opened": "Open",
    "NotDelivered": "Deliver",
    "ApprovalNeeded": "Ask",
    "Held": "Wait",
    "Acted": "Act",
    "Recovered": "Verify",
    "Escalated": "Escalate",
    "Resolved": "Resolve",
}


def render(notice: Notice) -> tuple[Publish, ...]:
    """One Event for each object that the notice is about and that still exists."""
    return tuple(
        Publish(
            regarding=regarding,
            type="Warning" if notice.kind in ("Escalated", "NotDelivered") else "Normal",
            reason=_REASONS[notice.kind],
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
    if notice.policy is not None:
        yield {
            "apiVersion": "platelet.dev/v1alpha1",
            "kind": "RemediationPolicy",
            "namespace": notice.policy.namespace,
            "name": notice.policy.name,
            "uid": notice.policy.uid,
        }


def _note(notice: Notice) -> str:
    remediation = notice.remediation
    namespace, name = remediation.namespace, remediation.name
    note = f"Remediation {namespace}/{name}: {notice.reason}: {notice.message}"
    way_back = f"; to try again: {how_to_retry(namespace, name)}" if notice.kind == "Escalated" else ""
    room = NOTE_LENGTH - len(way_back)
    return note.encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + way_back
