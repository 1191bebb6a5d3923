"""The policy's webhook: one CloudEvents 1.0 body per notice, with an id that stays the same when it is sent again.

What it says comes from the Remediation alone: no template, no environment, no configuration values (TRAPS 48).
"""

from typing import Any

from platelet.model.approval import how_to_annotate, how_to_annotate_a_retry, how_to_approve, how_to_retry
from platelet.model.durations import format_time
from platelet.model.effects import Deliver
from platelet.model.escalation import EscalationRecord
from platelet.model.notice import Notice
from platelet.model.remediation import Approval, Attempt, Remediation

API_VERSION = "platelet.dev/v1alpha1"


def render(notice: Notice) -> tuple[Deliver, ...]:
    """Deliver where the policy has a webhook; nothing else. That it cannot be told is told elsewhere."""
    policy, remediation = notice.policy, notice.remediation
    if policy is None or not policy.has_webhook or notice.kind == "NotDelivered":
        return ()
    event = _event(notice)
    return (
        Deliver(
            id=event["id"],
            policy=(policy.namespace, policy.name),
            remediation=(remediation.namespace, remediation.name),
            event=event,
        ),
    )


def _event(notice: Notice) -> dict[str, Any]:
    remediation = notice.remediation
    kind = notice.kind.lower()
    target = remediation.spec.target_ref
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"/apis/{API_VERSION}/namespaces/{remediation.namespace}/remediations/{remediation.name}",
        "type": f"dev.platelet.remediation.{kind}",
        "time": format_time(notice.at),
        "subject": f"{remediation.namespace}/{target.kind.lower()}/{target.name}",
        "datacontenttype": "application/json",
        "data": _data(notice),
    }


def _data(notice: Notice) -> dict[str, Any]:
    remediation = notice.remediation
    status, target, policy = remediation.status, remediation.spec.target_ref, remediation.spec.policy_ref
    return {
        "remediation": {"namespace": remediation.namespace, "name": remediation.name, "uid": remediation.uid},
        "target": {"kind": target.kind, "namespace": remediation.namespace, "name": target.name},
        "policy": {"namespace": policy.namespace or remediation.namespace, "name": policy.name},
        "reason": notice.reason,
        "message": notice.message,
        "step": status.step_name,
        "openedAt": None if status.opened_at is None else format_time(status.opened_at),
        "evidence": [{"reason": fact.reason, "message": fact.message} for fact in status.evidence],
        "attempts": [_attempt(attempt) for attempt in status.attempts],
        **(
            {"retry": _retry(remediation, status.escalation)}
            if notice.kind == "Escalated" and status.escalation
            else {}
        ),
        **({"approval": _approval(remediation, status.approval)} if status.approval and notice.token else {}),
    }


def _approval(remediation: Remediation, asked: Approval) -> dict[str, Any]:
    return {
        "token": asked.token,
        "action": asked.action,
        "summary": asked.summary,
        "why": asked.why,
        "expiresAt": format_time(asked.expires_at),
        "how": how_to_approve(remediation.namespace, remediation.name),
        "howByKubectl": how_to_annotate(remediation.namespace, remediation.name, asked.token),
    }


def _retry(remediation: Remediation, told: EscalationRecord) -> dict[str, Any]:
    return {
        "token": told.token,
        "how": how_to_retry(remediation.namespace, remediation.name),
        "howByKubectl": how_to_annotate_a_retry(remediation.namespace, remediation.name, told.token),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "action": attempt.action,
        "summary": attempt.summary,
        "at": format_time(attempt.intended_at),
        "phase": attempt.phase,
        "verdict": attempt.verdict,
        "message": attempt.verdict_message or attempt.message,
    }
