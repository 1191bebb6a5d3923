"""What message templates can say of a notice: each field, its type, and its value. None of it is ever a secret."""

from collections.abc import Mapping
from typing import Any

from platelet.model import approval, gravity, responders
from platelet.model.durations import say_time
from platelet.model.notice import Notice
from platelet.model.remediation import Remediation

_FACT = {"reason": str, "message": str}
_ATTEMPT = {"action": str, "summary": str, "verdict": str, "message": str}
FIELDS: Mapping[str, Any] = {
    "kind": str,
    "reason": str,
    "message": str,
    "severity": str,
    "level": int,
    "at": str,
    "namespace": str,
    "workload": {"kind": str, "name": str},
    "policy": str,
    "remediation": str,
    "state": str,
    "step": str,
    "opened": str,
    "responder": str,
    "answer": str,
    "alert": str,
    "evidence": (_FACT,),
    "attempts": (_ATTEMPT,),
}
"""The type of each: text, a number, an object by its fields, or a list of what is in the brackets."""


def values_of(notice: Notice) -> dict[str, Any]:
    """The value of each field; empty where the notice has none."""
    policy, remediation, entry = notice.policy, notice.remediation, notice.job or notice.alert
    common = {
        "kind": notice.kind,
        "reason": notice.reason,
        "message": notice.message,
        "level": notice.level,
        "at": say_time(notice.at),
        "alert": notice.alert.reason if notice.alert is not None else "",
    }
    if remediation is not None:
        return {**common, **_of_incident(notice, remediation)}
    return {
        **common,
        "severity": entry.grade if entry is not None else "warning",
        "namespace": policy.namespace if policy is not None else "",
        "workload": {"kind": "", "name": ""},
        "policy": policy.key if policy is not None else "",
        **dict.fromkeys(("remediation", "state", "step", "opened"), ""),
        "responder": entry.call.acknowledged_by if entry is not None and entry.call is not None else "",
        "answer": notice.how_to_acknowledge,
        "evidence": (),
        "attempts": (),
    }


def _of_incident(notice: Notice, remediation: Remediation) -> dict[str, Any]:
    status, target = remediation.status, remediation.spec.target_ref
    return {
        "severity": gravity.of_incident(status),
        "namespace": remediation.namespace,
        "workload": {"kind": target.kind, "name": target.name},
        "policy": remediation.policy_key,
        "remediation": remediation.name,
        "state": status.state,
        "step": status.step_name,
        "opened": say_time(status.opened_at) if status.opened_at is not None else "",
        "responder": responders.of(status),
        "answer": _answer(notice, remediation),
        "evidence": tuple({"reason": fact.reason, "message": fact.message} for fact in status.evidence),
        "attempts": tuple(
            {
                "action": attempt.action,
                "summary": attempt.summary,
                "verdict": attempt.verdict or attempt.phase,
                "message": attempt.verdict_message or attempt.message,
            }
            for attempt in status.attempts
        ),
    }


def _answer(notice: Notice, remediation: Remediation) -> str:
    namespace, name = remediation.namespace, remediation.name
    if notice.kind == "ApprovalNeeded":
        return approval.how_to_approve(namespace, name)
    return approval.how_to_acknowledge(namespace, name) if notice.kind == "Escalated" else ""
