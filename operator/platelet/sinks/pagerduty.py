"""PagerDuty, by its Events API v2: one alert per incident, acknowledged and resolved; each act is a change event.

All events of an incident have the same dedup_key, so that what a crash repeats joins the alert that is there; only a
change event may then stand twice. Limits: developer.pagerduty.com, "Send an event" and "Change events".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import approval, gravity, incident_logs, log_tail, reasons, recent_change, reply
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL, format_time
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import COURSES, ON_RECORD, was_called
from platelet.model.policy import Policy
from platelet.model.remediation import Remediation
from platelet.model.request import Answer, Destination, Outcome, Request, SecretRef, judge_by_status
from platelet.model.rules import Sink

NAME = "pagerduty"
DEDUP_KEY_LENGTH = 255
SUMMARY_LENGTH = 1024
_CLIENT = "platelet"
_ACTIONS = {
    "ApprovalNeeded": "trigger",
    "Held": "trigger",
    "Escalated": "trigger",
    "Untargeted": "trigger",
    "UntargetedAcknowledged": "acknowledge",
    "UntargetedOver": "resolve",
    "JobFailed": "trigger",
    "JobAcknowledged": "acknowledge",
    "JobOver": "resolve",
    "Acknowledged": "acknowledge",
    "Resolved": "resolve",
}
_CHANGES = ("Answered", "Acted", "Announced")  # these page nobody
_ENDPOINT_RULE = (
    "not the endpoint of PagerDuty's events: https://events.pagerduty.com or https://events.eu.pagerduty.com"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty:
    """A service in PagerDuty, by an integration "Events API V2"."""

    routing_key_ref: Annotated[
        SecretRef, Field(description="The integration key of the service, in a Secret of this namespace.")
    ]
    url: Annotated[
        str,
        Matches("^https?://[^/]+$", _ENDPOINT_RULE, goes_on=True),
        Field(max_length=253, description="Where events go; its host must be among allowedHosts."),
    ] = "https://events.pagerduty.com"

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def tells(notice: Notice) -> bool:
    """What calls people, that one of them has heard, the end; each act, and what steps say."""
    policy, remediation = notice.policy, notice.remediation
    if policy is None or (notice.route or NAME) not in policy.sinks:
        return False
    if notice.kind in ON_RECORD:
        return notice.reason != reasons.ANOTHER_CLUSTER
    if remediation is None:
        return False
    if notice.kind in ("Acknowledged", "Answered", "Resolved"):
        return was_called(remediation.status.notifications, notice.route or NAME)
    return notice.kind in _CHANGES or notice.kind in _ACTIONS


def render(notice: Notice) -> tuple[Request, ...]:
    """One event."""
    policy = notice.policy
    if policy is None or not tells(notice):
        return ()
    settings: PagerDuty = policy.sinks[notice.route or NAME]
    key = settings.routing_key_ref.within(policy.namespace)
    path, body = ("/v2/change/enqueue", _change(notice)) if notice.kind in _CHANGES else ("/v2/enqueue", _event(notice))
    return (Request(url=f"{settings.url}{path}", body=body, secrets={"routing_key": key}, judge=judge),)


def judge(answer: Answer) -> Outcome:
    """A 202 is taken; a 400 says that the event, or its routing key, is none: the same again would get the same."""
    outcome = judge_by_status(answer)
    if answer.status == 400:  # noqa: PLR2004 - Bad Request
        return Outcome(
            error="answered 400: it takes no such event, or the routing key is not one of its", permanent=True
        )
    return outcome


def _event(notice: Notice) -> dict[str, Any]:
    action = _ACTIONS[notice.kind]
    body: dict[str, Any] = {"event_action": action, "dedup_key": _dedup_key(notice)}
    return {**body, "client": _CLIENT, "payload": _payload(notice)} if action == "trigger" else body


def _dedup_key(notice: Notice) -> str:
    """The same for all of an incident, or of what a policy has on record, and for nothing else."""
    about = notice.remediation.uid if notice.remediation is not None else notice.id
    course = next((course for course in COURSES if notice.kind in course.kinds), None)
    if course is not None and notice.policy is not None:
        about = reply.about_record(notice.policy.uid, course, notice.known_as)
    return f"{reply.KEY_PREFIX}{about}"[:DEDUP_KEY_LENGTH]


def _payload(notice: Notice) -> dict[str, Any]:
    remediation = notice.remediation
    payload = {"summary": _summary(notice), "timestamp": format_time(notice.at), "class": notice.reason}
    words = {"body": notice.body} if notice.body else {}
    if notice.title:
        words["message"] = notice.message
    if remediation is None:
        source = _name_of(notice.policy)
        words |= {"acknowledge": notice.how_to_acknowledge} if notice.how_to_acknowledge else {}
        words |= _log_of_job(notice.job) if notice.job is not None else {}
        entry = notice.job or notice.alert
        grade = entry.grade if entry is not None else "warning"
        return {**payload, "source": source, "severity": grade, **({"custom_details": words} if words else {})}
    target = remediation.spec.target_ref
    return {
        **payload,
        "source": f"{remediation.namespace}/{target.kind.lower()}/{target.name}",
        "severity": gravity.of_incident(remediation.status),
        "component": target.name,
        "group": remediation.namespace,
        "custom_details": {**words, **_details(notice, remediation)},
    }


def _log_of_job(job: FailedJob) -> dict[str, str]:
    log = log_tail.say(job.log_tail)
    return {"log": "\n".join(log)} if log else {}


def _details(notice: Notice, remediation: Remediation) -> Mapping[str, Any]:
    status, namespace, name = remediation.status, remediation.namespace, remediation.name
    return {
        "remediation": f"{namespace}/{name}",
        "policy": remediation.policy_key,
        "level": notice.level,
        "evidence": [f"{fact.reason}: {fact.message}" for fact in status.evidence],
        "what changed before": recent_change.say(status.recent_change),
        "log": incident_logs.say(status),
        "attempts": [f"{attempt.summary}: {attempt.verdict or attempt.phase}" for attempt in status.attempts],
        "acknowledge": approval.how_to_acknowledge(namespace, name),
        "try again": approval.how_to_retry(namespace, name),
    }


def _change(notice: Notice) -> dict[str, Any]:
    remediation = notice.remediation
    source = _CLIENT if remediation is None else f"{_CLIENT}: {remediation.namespace}/{remediation.name}"
    details = {"action": notice.reason, "policy": remediation.policy_key if remediation is not None else ""}
    payload = {"summary": _summary(notice), "timestamp": format_time(notice.at), "source": source}
    return {"payload": {**payload, "custom_details": details}}


def _summary(notice: Notice) -> str:
    """One line; what is too long ends in an ellipsis."""
    remediation = notice.remediation
    about = _name_of(notice.policy)
    if remediation is not None:
        about = f"{remediation.namespace}/{remediation.spec.target_ref.kind.lower()}/{remediation.spec.target_ref.name}"
    text = notice.title or f"{about}: {notice.reason}: {notice.message}"
    return text if len(text) <= SUMMARY_LENGTH else text[: SUMMARY_LENGTH - 1] + "…"


def _name_of(policy: Policy | None) -> str:
    return policy.key if policy is not None else _CLIENT


SINK = Sink(
    name=NAME,
    tells=tells,
    render=render,
    kept=True,
    settings=PagerDuty,
    leads_to=lambda settings: Destination(
        url=settings.url, secret_ref=settings.routing_key_ref, named_as="routingKeyRef"
    ),
    unasked=("Acted",),
)
