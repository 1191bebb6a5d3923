"""The policy's webhook: one CloudEvents 1.0 body per notice, with an id that stays the same when it is sent again.

What it says comes from the Remediation alone: no template, no environment, no configuration values (TRAPS 48).
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import log_tail, reasons, recent_change
from platelet.model.approval import (
    Approval,
    how_to_acknowledge,
    how_to_annotate,
    how_to_annotate_a_policy,
    how_to_annotate_a_retry,
    how_to_annotate_an_acknowledgement,
    how_to_approve,
    how_to_retry,
)
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL, format_time
from platelet.model.escalation import EscalationRecord
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import CALLS, OF_JOBS, ON_RECORD, was_announced_to
from platelet.model.outside import URL_PATTERN, names_a_host
from platelet.model.policy import Policy
from platelet.model.remediation import Attempt, Remediation, RemediationStatus
from platelet.model.request import Destination, Request, SecretRef, Signing
from platelet.model.rules import Sink
from platelet.model.untargeted_alert import UntargetedAlert

API_VERSION = "platelet.dev/v1alpha1"
NAME = "webhook"
_CALLS = ("ApprovalNeeded", "Held", "Escalated", "Announced")
_FOLLOWS = ("Answered", "Acted", "Recovered", "Resolved")
_OF_POLICY = {
    "Untargeted": "dev.platelet.alert.untargeted",
    "UntargetedOver": "dev.platelet.alert.resolved",
    "JobFailed": "dev.platelet.job.failed",
    "JobOver": "dev.platelet.job.resolved",
}
_URL_RULE = "not a URL that can be called: write it like https://hooks.example.com/platelet, without user or password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where people are called: a POST with a CloudEvents body."""

    url: Annotated[
        str,
        names_a_host(_URL_RULE),
        Matches(URL_PATTERN, _URL_RULE, goes_on=True),
        Field(max_length=2048),
    ]
    secret_ref: Annotated[
        SecretRef | None, Field(description="A token that is sent as `Authorization: Bearer`. Absent: none.")
    ] = None
    signing_secret_ref: Annotated[
        SecretRef | None,
        Field(
            description="A secret by which each request is signed as Standard Webhooks has it: 24 to 64 bytes in "
            "base64, after `whsec_` or alone. Absent: they are not signed."
        ),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def tells(notice: Notice) -> bool:
    """What calls people, and what steps say; and what follows, once it has heard of this incident."""
    if notice.policy is None or (notice.route or NAME) not in notice.policy.sinks:
        return False
    if notice.kind in ON_RECORD:
        return notice.kind in _OF_POLICY and notice.reason != reasons.ANOTHER_CLUSTER
    if notice.kind in _CALLS:
        return True
    if notice.kind not in _FOLLOWS or notice.remediation is None:
        return False
    status = notice.remediation.status
    return _was_told(status) or was_announced_to(status.notifications, notice.route or NAME)


def render(notice: Notice) -> tuple[Request, ...]:
    """One POST where the policy has a webhook. That it cannot be told is told elsewhere."""
    policy = notice.policy
    if policy is None or not tells(notice):
        return ()
    webhook: Webhook = policy.sinks[notice.route or NAME]
    event = _of_policy(notice, policy) if notice.remediation is None else _of_incident(notice, notice.remediation)
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8", "Idempotency-Key": notice.id}
    bearer = webhook.secret_ref.within(policy.namespace) if webhook.secret_ref is not None else None
    signing = None
    if webhook.signing_secret_ref is not None:
        signing = Signing(id=notice.id, secret=webhook.signing_secret_ref.within(policy.namespace))
    return (Request(url=webhook.url, headers=headers, body=event, bearer=bearer, signing=signing),)


def _was_told(status: RemediationStatus) -> bool:
    """Whether it may know of the incident: by a question, an escalation, or what holds it."""
    escalation, held = status.escalation, status.held
    if held is not None and held.told_at is not None and not held.by_another:
        return True
    called = escalation is not None and (not escalation.silent or escalation.told > 1)
    return status.approval is not None or called


def _of_policy(notice: Notice, policy: Policy) -> dict[str, Any]:
    """What is no incident: an alert without a target, or a Job that has failed."""
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"/apis/{API_VERSION}/namespaces/{policy.namespace}/remediationpolicies/{policy.name}",
        "type": _OF_POLICY[notice.kind],
        "datacontenttype": "application/json",
        "data": {
            "policy": {"namespace": policy.namespace, "name": policy.name},
            **({"job": _job(notice.job)} if notice.kind in OF_JOBS else {"alert": _alert(notice.alert)}),
            **(_of_call(notice, policy) if notice.kind in CALLS else {}),
            "reason": notice.reason,
            "message": notice.message,
            **_own_words(notice),
        },
    }


def _of_call(notice: Notice, policy: Policy) -> dict[str, Any]:
    """Which level it is, and how people say that they have heard."""
    entry = notice.job or notice.alert
    if entry is None:
        return _level(notice)
    token = entry.token(policy.uid)
    by_kubectl = how_to_annotate_a_policy(policy.namespace, policy.name, token)
    how = {"token": token, "how": notice.how_to_acknowledge, "howByKubectl": by_kubectl}
    return {**_level(notice), "acknowledge": how}


def _alert(alert: UntargetedAlert | None) -> dict[str, Any]:
    if alert is None:
        return {}
    return {"name": alert.reason, "startsAt": format_time(alert.first_seen), "severity": alert.grade}


def _job(job: FailedJob | None) -> dict[str, Any]:
    if job is None:
        return {}
    named = {"namespace": job.namespace, "name": job.name, "uid": job.uid, "cronJob": job.cron_job}
    log = {"log": log_tail.say(job.log_tail)} if job.log_tail is not None else {}
    how = {"severity": job.severity, "reason": job.reason, "failedAt": format_time(job.failed_at), "count": job.count}
    return {**named, **how, **log}


def _of_incident(notice: Notice, remediation: Remediation) -> dict[str, Any]:
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
        "data": _data(notice, remediation),
    }


def _data(notice: Notice, remediation: Remediation) -> dict[str, Any]:
    status, target, policy = remediation.status, remediation.spec.target_ref, remediation.spec.policy_ref
    return {
        "remediation": {"namespace": remediation.namespace, "name": remediation.name, "uid": remediation.uid},
        "target": {"kind": target.kind, "namespace": remediation.namespace, "name": target.name},
        "policy": {"namespace": policy.namespace or remediation.namespace, "name": policy.name},
        "reason": notice.reason,
        "message": notice.message,
        **_own_words(notice),
        "step": status.step_name,
        "openedAt": None if status.opened_at is None else format_time(status.opened_at),
        "evidence": [{"reason": fact.reason, "message": fact.message} for fact in status.evidence],
        "changedBefore": recent_change.say(status.recent_change),
        "log": log_tail.say(status.log_tail),
        "attempts": [_attempt(attempt) for attempt in status.attempts],
        **_answers(notice, remediation),
    }


def _own_words(notice: Notice) -> dict[str, str]:
    """What its template says."""
    words = {"title": notice.title, "body": notice.body}
    return {name: text for name, text in words.items() if text}


def _answers(notice: Notice, remediation: Remediation) -> dict[str, Any]:
    """How people answer to what they are told."""
    escalation, asked = remediation.status.escalation, remediation.status.approval
    if notice.kind == "Escalated" and escalation is not None:
        heard = _acknowledge(remediation, escalation.acknowledgement)
        return {**_level(notice), "retry": _retry(remediation, escalation), "acknowledge": heard}
    if notice.kind == "ApprovalNeeded" and asked is not None:
        return {
            **_level(notice),
            "approval": _approval(remediation, asked),
            "acknowledge": _acknowledge(remediation, asked.token),
        }
    return {}


def _level(notice: Notice) -> dict[str, int]:
    return {"level": notice.level} if notice.policy is not None and notice.policy.levels else {}


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


def _retry(remediation: Remediation, escalation: EscalationRecord) -> dict[str, Any]:
    return {
        "token": escalation.token,
        "how": how_to_retry(remediation.namespace, remediation.name),
        "howByKubectl": how_to_annotate_a_retry(remediation.namespace, remediation.name, escalation.token),
    }


def _acknowledge(remediation: Remediation, token: str) -> dict[str, Any]:
    namespace, name = remediation.namespace, remediation.name
    return {
        "token": token,
        "how": how_to_acknowledge(namespace, name),
        "howByKubectl": how_to_annotate_an_acknowledgement(namespace, name, token),
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
        "log": log_tail.say(attempt.log_tail),
    }


SINK = Sink(
    name=NAME,
    tells=tells,
    render=render,
    kept=True,
    settings=Webhook,
    leads_to=lambda webhook: Destination(
        url=webhook.url, secret_ref=webhook.secret_ref, signing_ref=webhook.signing_secret_ref
    ),
)
