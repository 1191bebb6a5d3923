"""What people are told of alerts that a policy matches and that lead to no workload: once, as of an incident.

It is no incident, so what sinks have not taken so far is kept on the policy, beside the list of those alerts; and so is
what they are told of Jobs that have failed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from platelet.core import deliveries, job_acknowledgements, job_notices
from platelet.core.deliveries import Ledger
from platelet.model import reasons
from platelet.model.digest import digest
from platelet.model.effects import Effect
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import OF_JOBS, Holder, Notification
from platelet.model.policy import DAY, Policy
from platelet.model.signal import Evidence
from platelet.model.situation import DeliveryResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What to store in one write, if it differs, then the effects, then when to look again by time alone."""

    ledger: Ledger
    effects: tuple[Effect, ...]
    jobs: tuple[FailedJob, ...] = ()
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is on record on a policy that people are told of."""

    alerts: Sequence[Evidence] = ()
    jobs: Sequence[FailedJob] = ()
    annotations: Mapping[str, object] = field(default_factory=dict)  # of the policy: by which people answer


def announce(policy: Policy, alerts: Sequence[Evidence], unlisted: int, ledger: Ledger, now: datetime) -> Telling:
    """Tell of alerts that are new on the policy's list, and of how many have found no place there.

    A policy that observes calls nobody.
    """
    effects: list[Effect] = []
    notices = [_notice_of_alert(policy, alert, now) for alert in alerts]
    if unlisted:
        text = f"{unlisted} more alerts have no target and are not listed"
        notices.append(_notice(policy, reasons.NO_TARGET, text, now))
    for notice in notices:
        offered, renderings = deliveries.offer(ledger, notice)
        effects += renderings
        ledger = offered if policy.mode != "Observe" and notice.alert is not None else ledger
    return Telling(ledger=ledger, effects=tuple(effects))


def tell(  # noqa: PLR0913 - what is on record, and what this process knows
    policy: Policy,
    listed: Listed,
    ledger: Ledger,
    results: Sequence[DeliveryResult],
    in_flight: Collection[tuple[str, str]],
    now: datetime,
) -> Telling:
    """Tell each sink what is due; alerts and Jobs have nothing to do with each other, so all of them at once.

    What is on its way to a sink is not withdrawn, so that the end comes after it.
    """
    accounted = deliveries.account(ledger.notifications, results, now)
    late = [notification.id for notification in accounted if now - notification.at >= DAY]
    over = [call.id for call in job_notices.over(listed.jobs, accounted) if (call.id, call.sink) not in in_flight]
    pending = deliveries.stop(deliveries.stop(accounted, late, "GivenUp"), over, "Withdrawn")
    effects = list(_failures(policy, ledger, accounted, now))
    holder: Holder = ("policy", policy.namespace, policy.name)
    known = replace(ledger, notifications=pending)
    heard = job_acknowledgements.hear(policy, listed.annotations, listed.jobs, known, now)
    effects += heard.effects
    called, jobs = job_notices.climb(policy, heard.listed, heard.ledger, now)
    notifications = {(notification.id, notification.sink): notification for notification in called.notifications}
    for waiting in deliveries.due(called.notifications, in_flight, now):
        rendered, renderings = deliveries.render(waiting, _notice_of(policy, waiting, listed), holder, now)
        notifications[rendered.id, rendered.sink] = rendered
        effects += renderings
    updated = replace(called, notifications=tuple(notifications.values()))
    times = [
        deliveries.next_due(updated.notifications, in_flight, now),
        job_notices.next_at(policy, jobs, updated, now),
    ]
    again_at = min(filter(None, times), default=None)
    return Telling(ledger=updated, effects=tuple(effects), jobs=jobs, again_at=again_at)


def _failures(policy: Policy, ledger: Ledger, notifications: Sequence[Notification], now: datetime) -> Iterator[Effect]:
    for failed in notifications:
        if deliveries.has_just_failed(failed, now):
            about = "a Job" if failed.kind in OF_JOBS else "an alert without a target"
            text = f"the policy's {failed.sink} was not told of {about}: {failed.error}"
            failure = replace(_notice(policy, reasons.NOT_DELIVERED, text, now), kind="NotDelivered")
            yield from deliveries.offer(ledger, failure)[1]


def _notice_of_alert(policy: Policy, alert: Evidence, now: datetime) -> Notice:
    another = alert.reason == reasons.ANOTHER_CLUSTER
    reason = reasons.ANOTHER_CLUSTER if another else reasons.NO_TARGET
    return _notice(policy, reason, alert.message, now, occasion=digest(alert.fingerprint), alert=alert)


def _notice_of(policy: Policy, kept: Notification, listed: Listed) -> Notice:
    """Rebuild what is kept. The alert itself may have made room on the list; then its name is not known any more."""
    if kept.kind in OF_JOBS:
        return job_notices.notice_of(policy, kept, listed.jobs)
    alert = next((alert for alert in listed.alerts if digest(alert.fingerprint) == kept.occasion), None)
    return _notice(policy, kept.reason, kept.message, kept.at, occasion=kept.occasion, alert=alert)


def _notice(  # noqa: PLR0913 - a notice has these parts
    policy: Policy, reason: str, message: str, at: datetime, *, occasion: str = "", alert: Evidence | None = None
) -> Notice:
    return Notice(
        kind="Untargeted",
        policy=policy,
        reason=reason,
        message=message,
        at=at,
        occasion=occasion,
        alert=alert,
    )
