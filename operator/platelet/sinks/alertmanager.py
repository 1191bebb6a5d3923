"""Your own Alertmanager: what people are called for is an alert there, so that all it can reach hears of it.

Alertmanager forgets what nobody says again: an alert that stands is posted every few minutes, with an end a bit later,
and lapses by itself if platelet is gone. The same alert again changes nothing, so a crash may repeat any of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import approval, gravity, reasons
from platelet.model.alert import HOLDS_PAGE
from platelet.model.constraint import Matches
from platelet.model.digest import digest
from platelet.model.durations import CAMEL, format_time
from platelet.model.notice import Notice
from platelet.model.notification import CALLS, HOLDS, OF_A_JOB, OF_ALERTS, OF_AN_ALERT, OF_JOBS, ON_RECORD, was_called
from platelet.model.outside import URL_PATTERN, names_a_host
from platelet.model.policy import DAY
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.request import Destination, Request, SecretRef
from platelet.model.rules import Sink

NAME = "alertmanager"
RENEWED_EVERY = timedelta(minutes=4)
LASTS = timedelta(minutes=10)  # two renewals may be lost
HOLDS_FOR = timedelta(minutes=3)  # it is said again each minute
_FOLLOWS = ("Answered", "Ongoing", "Resolved")
_URL_RULE = (
    "not a URL that can be called: write it like http://alertmanager.monitoring.svc:9093, no user or password in it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """An Alertmanager, by its API v2."""

    url: Annotated[
        str,
        names_a_host(_URL_RULE),
        Matches(URL_PATTERN, _URL_RULE, goes_on=True),
        Field(max_length=2048, description="As in --web.external-url; its host must be among allowedHosts."),
    ]
    secret_ref: Annotated[
        SecretRef | None, Field(description="A token that is sent as `Authorization: Bearer`. Absent: none.")
    ] = None
    hold_page_while_healing: Annotated[
        bool,
        Field(
            description="While an attempt runs, keep the alert PlateletHealing alive here, for an inhibit_rule "
            "that holds back the page (docs/escalation.md). It ends when people have the incident or it is closed, and "
            "lapses when the attempt's time is over or platelet is gone."
        ),
    ] = False

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def tells(notice: Notice) -> bool:
    """What calls people, that it holds still, and the end."""
    policy, remediation, name = notice.policy, notice.remediation, notice.route or NAME
    if policy is None or name not in policy.sinks:
        return False
    if notice.kind in ON_RECORD:
        return notice.kind not in (OF_A_JOB.heard, OF_AN_ALERT.heard) and notice.reason != reasons.ANOTHER_CLUSTER
    if notice.kind in HOLDS:
        return remediation is not None and policy.sinks[name].hold_page_while_healing is True
    if notice.kind in _FOLLOWS:
        return remediation is not None and was_called(remediation.status.notifications, name)
    return remediation is not None and notice.kind in CALLS


def render(notice: Notice) -> tuple[Request, ...]:
    """One POST of one alert; at the end, of each that was posted for the incident."""
    policy = notice.policy
    if policy is None or not tells(notice):
        return ()
    settings: Alertmanager = policy.sinks[notice.route or NAME]
    bearer = settings.secret_ref.within(policy.namespace) if settings.secret_ref is not None else None
    return (Request(url=f"{settings.url.rstrip('/')}/api/v2/alerts", body=_alerts(notice), bearer=bearer),)


def _alerts(notice: Notice) -> list[dict[str, Any]]:
    remediation = notice.remediation
    if notice.kind in OF_JOBS:
        return [_of_job(notice)]
    if notice.kind in OF_ALERTS:
        return [_of_untargeted(notice)]
    if remediation is None:
        return []
    if notice.kind in HOLDS:
        return [_hold(notice, remediation)]
    status, labels = remediation.status, _labels(remediation)
    if notice.kind == "Answered":
        asked = "ApprovalNeeded"
        return [_alert(f"Platelet{asked}", labels, notice, _begun(asked, status, notice.at), notice.at)]
    if notice.kind != "Resolved":
        kind = _standing(status) if notice.kind == "Ongoing" else notice.kind
        return [_alert(f"Platelet{kind}", labels, notice, _begun(kind, status, notice.at), notice.at + LASTS)]
    called = dict.fromkeys(
        known.kind for known in status.notifications if known.sink == (notice.route or NAME) and known.kind in CALLS
    )
    return [_alert(f"Platelet{kind}", labels, notice, _begun(kind, status, notice.at), notice.at) for kind in called]


def _hold(notice: Notice, remediation: Remediation) -> dict[str, Any]:
    """That an attempt runs, never longer than its time; or that none does any more.

    It calls nobody, so its severity is `none`, as that of Watchdog and InfoInhibitor. The kind of the workload is a
    label, too, since many rules name what they are about by it.
    """
    target = remediation.spec.target_ref
    labels = {**_labels(remediation), "severity": "none", target.kind.lower(): target.name}
    ends = notice.at if notice.kind == "HealingOver" else min(notice.at + HOLDS_FOR, notice.until or notice.at)
    acts = [attempt.intended_at for attempt in remediation.status.attempts if attempt.kind == "Act"]
    return _alert(HOLDS_PAGE, labels, notice, min(max(acts, default=ends), ends), ends)


def _of_job(notice: Notice) -> dict[str, Any]:
    """That a Job has failed, or that this is over. Its labels are those of kube-state-metrics.

    Nobody says it again, so it stands for a day: Alertmanager tells that an alert which lapses is resolved.
    """
    labels, begins = _labels_of_policy(notice), notice.at
    if notice.job is not None:
        job = notice.job
        named = {"cronjob": job.cron_job} if job.cron_job else {"job_name": job.name}
        labels |= {"namespace": job.namespace, "severity": job.severity} | named
        begins = min(job.since, notice.at)
    ends = notice.at if notice.kind == OF_A_JOB.over else notice.at + DAY
    return _alert("PlateletJobFailed", labels, notice, begins, ends)


def _of_untargeted(notice: Notice) -> dict[str, Any]:
    """That an alert leads to no workload, or that it is over. It stands for a day, as of a Job."""
    labels, begins = _labels_of_policy(notice), notice.at
    if notice.alert is not None:
        alert = notice.alert
        labels |= {"alert": alert.reason, "alert_fingerprint": digest(alert.about), "severity": alert.grade}
        begins = min(alert.first_seen, notice.at)
    ends = notice.at if notice.kind == OF_AN_ALERT.over else notice.at + DAY
    return _alert("PlateletUntargeted", labels, notice, begins, ends)


def _labels_of_policy(notice: Notice) -> dict[str, str]:
    policy = notice.policy
    named = {"namespace": policy.namespace, "policy": policy.name} if policy is not None else {}
    return {"severity": "warning", **named}


def _standing(status: RemediationStatus) -> str:
    return "ApprovalNeeded" if status.state == "AwaitingApproval" else "Escalated"


def _begun(kind: str, status: RemediationStatus, at: datetime) -> datetime:
    """Since when people are called by an alert, and no later than it ends."""
    asked, escalation = status.approval, status.escalation
    since = at
    if kind == "Escalated" and escalation is not None:
        since = escalation.at
    elif kind == "ApprovalNeeded" and asked is not None:
        since = asked.asked_at
    return min(since, at)


def _labels(remediation: Remediation) -> dict[str, str]:
    """They make the alert what it is: nothing that changes while it stands, but for the severity."""
    target = remediation.spec.target_ref
    return {
        "severity": gravity.of_incident(remediation.status),
        "namespace": remediation.namespace,
        "workload_type": target.kind.lower(),
        "workload": target.name,
        "remediation": remediation.name,
        "policy": remediation.policy_key,
    }


def _alert(name: str, labels: dict[str, str], notice: Notice, begins: datetime, ends: datetime) -> dict[str, Any]:
    own_words = f"{notice.reason}: {notice.message}"
    annotations = {"summary": notice.title or own_words}
    if notice.title or notice.body:
        annotations["description"] = notice.body or own_words
    if answer := notice.how_to_acknowledge:
        annotations["acknowledge"] = answer
    if name == "PlateletEscalated" and notice.remediation is not None:
        incident = notice.remediation
        annotations["acknowledge"] = approval.how_to_acknowledge(incident.namespace, incident.name)
    return {
        "labels": {"alertname": name, **labels},
        "annotations": annotations,
        "startsAt": format_time(begins),
        "endsAt": format_time(ends),
    }


SINK = Sink(
    name=NAME,
    tells=tells,
    render=render,
    kept=True,
    settings=Alertmanager,
    leads_to=lambda settings: Destination(url=settings.url, secret_ref=settings.secret_ref),
    renewed_every=RENEWED_EVERY,
    holds_page=lambda settings: settings.hold_page_while_healing,
)
