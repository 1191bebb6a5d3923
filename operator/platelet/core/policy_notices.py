"""What people are told of what a policy has on record, apart from any incident: by level, until it is over.

These are alerts without a target and Jobs that have failed. What sinks have not taken so far is kept beside them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from platelet.core import deliveries, recorded_acknowledgements, recorded_calls, untargeted_alerts
from platelet.core.deliveries import Ledger
from platelet.model import reasons
from platelet.model.effects import Effect
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import OF_JOBS, Holder, Notification
from platelet.model.policy import DAY, Policy
from platelet.model.situation import DeliveryResult
from platelet.model.untargeted_alert import UntargetedAlert


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is on record on a policy that people are told of."""

    alerts: Sequence[UntargetedAlert] = ()
    jobs: Sequence[FailedJob] = ()
    annotations: Mapping[str, object] = field(default_factory=dict)  # of the policy: by which people answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What to store in one write, if it differs, then the effects, then when to look again by time alone."""

    ledger: Ledger
    effects: tuple[Effect, ...]
    alerts: tuple[UntargetedAlert, ...] = ()
    jobs: tuple[FailedJob, ...] = ()
    again_at: datetime | None = None


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
    ended = (*recorded_calls.over(listed.jobs, accounted), *recorded_calls.over(listed.alerts, accounted))
    over = [call.id for call in ended if (call.id, call.sink) not in in_flight]
    pending = deliveries.stop(deliveries.stop(accounted, late, "GivenUp"), over, "Withdrawn")
    effects = list(_failures(policy, ledger, accounted, now))
    holder: Holder = ("policy", policy.namespace, policy.name)
    known = replace(ledger, notifications=pending)
    jobs_heard = recorded_acknowledgements.hear(policy, listed.annotations, listed.jobs, known, now)
    begun = untargeted_alerts.call(policy, listed.alerts, now)
    new = recorded_calls.announce(policy, listed.alerts, begun, jobs_heard.ledger, now)
    heard = recorded_acknowledgements.hear(policy, listed.annotations, new.listed, new.ledger, now)
    effects += [*jobs_heard.effects, *new.effects, *heard.effects]
    called, jobs = recorded_calls.climb(policy, jobs_heard.listed, heard.ledger, now)
    called, alerts = recorded_calls.climb(policy, heard.listed, called, now)
    notifications = {(notification.id, notification.sink): notification for notification in called.notifications}
    for waiting in deliveries.due(called.notifications, in_flight, now):
        notice = recorded_calls.notice_of(policy, waiting, jobs, alerts, called.notifications)
        rendered, renderings = deliveries.render(waiting, notice, holder, now)
        notifications[rendered.id, rendered.sink] = rendered
        effects += renderings
    updated = replace(called, notifications=tuple(notifications.values()))
    times = [
        deliveries.next_due(updated.notifications, in_flight, now),
        recorded_calls.next_at(policy, jobs, updated, now),
        recorded_calls.next_at(policy, alerts, updated, now),
    ]
    again_at = min(filter(None, times), default=None)
    return Telling(ledger=updated, effects=tuple(effects), alerts=alerts, jobs=jobs, again_at=again_at)


def part(policy: Policy, listed: Listed, ledger: Ledger, now: datetime) -> tuple[Listed, Ledger]:
    """End all that people are called for, since the policy was deleted; with what sinks are to hear of that."""
    why = f"policy {policy.key}, which watched it, was deleted"
    jobs = recorded_calls.announce(policy, listed.jobs, recorded_calls.end(listed.jobs, why, now), ledger, now)
    ended = recorded_calls.end(listed.alerts, why, now)
    alerts = recorded_calls.announce(policy, listed.alerts, ended, jobs.ledger, now)
    return replace(listed, alerts=alerts.listed, jobs=jobs.listed), alerts.ledger


def _failures(policy: Policy, ledger: Ledger, notifications: Sequence[Notification], now: datetime) -> Iterator[Effect]:
    for failed in notifications:
        if deliveries.has_just_failed(failed, now):
            about = "a Job" if failed.kind in OF_JOBS else "an alert without a target"
            text = f"the policy's {failed.sink} was not told of {about}: {failed.error}"
            failure = Notice(kind="NotDelivered", policy=policy, reason=reasons.NOT_DELIVERED, message=text, at=now)
            yield from deliveries.offer(ledger, failure)[1]
