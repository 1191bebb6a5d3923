"""The alerts and queries that belong to the incident are resolved: asked late, because they tell late (TRAPS 43)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.durations import CAMEL, Between, Duration, format_duration
from platelet.model.fault import Fault
from platelet.model.outside import ALERTMANAGER_FIX, Outside
from platelet.model.policy import Verification
from platelet.model.rules import Trial
from platelet.model.signal import TOLD, Evidence
from platelet.model.situation import SETTLED_AFTER
from platelet.model.verdict import Verdict

FRESH_FOR = timedelta(minutes=5)  # what we heard longer ago is not known; what Prometheus looks back to is the past


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """The alerts and queries of the incident must have resolved. They are always awaited; here one says how long."""

    timeout: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(
            description="How long to wait for it, counted from the complete rollout: alerts resolve late. Where a step "
            "has no alertResolved, alerts are awaited for as long as this default, and the policy's queries for 5m "
            "beyond the step's timeout."
        ),
    ] = timedelta(minutes=15)

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def find_caveat(outside: Outside) -> Fault | None:
    """What is in vain where there is no Alertmanager to ask."""
    if outside.has_alertmanager:
        return None
    message = (
        "asks Alertmanager, and there is none to ask: what still fires is not known, so a step that does not help goes "
        f"to people and not to the next one: {ALERTMANAGER_FIX}"
    )
    return Fault(reason=reasons.ALERTMANAGER_NOT_CONFIGURED, message=message)


def check(trial: Trial, now: datetime) -> Verdict:
    """Pending while one fires; after the timeout since the complete rollout Failed, or Inconclusive if not known.

    The step's own timeout bounds the wait for queries that Prometheus itself is asked: beyond what a rate over five
    minutes may still see of the time before. The end of an alert is told late whoever tells it (TRAPS 43): a heal that
    is waited for too long costs nothing, and one that is taken for a failure an action too many.
    """
    alerts = [evidence for evidence in trial.situation.remediation.status.evidence if evidence.source in TOLD]
    firing = [alert for alert in alerts if alert.resolved_at is None]
    if not firing:
        message = "all alerts of this incident are resolved" if alerts else "no alert belongs to this incident"
        return Verdict(outcome="Recovered", reason=reasons.ALERT_RESOLVED, message=message)
    names = ", ".join(sorted({alert.reason for alert in firing}))
    timeout = _patience(trial, firing, now)
    complete_at = trial.verifying.complete_at
    deadline = None if complete_at is None else complete_at + timeout
    if deadline is None or now < deadline:
        return Verdict(
            outcome="Pending", reason=reasons.ALERT_FIRING, message=f"{names} not resolved yet", retry_at=deadline
        )
    if _see_before(trial, firing, now):
        message = f"{names} may be of before the rollout, to which the queries of the policy look back"
        return Verdict(outcome="Inconclusive", reason=reasons.ALERT_STATE_UNKNOWN, message=message)
    if _is_known(trial, firing, now):
        return Verdict(
            outcome="Failed",
            reason=reasons.ALERT_FIRING,
            message=f"{names} still firing {format_duration(timeout)} after the rollout was complete",
        )
    if trial.situation.knowledge.is_settling_in:  # the leader before may have heard a moment ago
        message = f"whether {names} still fires is asked: this replica leads since a moment ago"
        retry_at = now + SETTLED_AFTER - (trial.situation.knowledge.leading_for or timedelta())
        return Verdict(outcome="Pending", reason=reasons.ALERT_STATE_UNKNOWN, message=message, retry_at=retry_at)
    return Verdict(
        outcome="Inconclusive",
        reason=reasons.ALERT_STATE_UNKNOWN,
        message=f"whether {names} still fires is not known: nothing was heard for {format_duration(FRESH_FOR)}",
    )


def _patience(trial: Trial, firing: list[Evidence], now: datetime) -> timedelta:
    """How long the step waits for alerts."""
    asked_itself = all(fact.source == "query" and _is_heard(_asked_at(trial, fact), now) for fact in firing)
    if asked_itself:
        return patience_for_queries(trial.verification)
    return (_settings_of(trial.verification) or AlertResolved()).timeout


def patience_for_queries(verification: Verification) -> timedelta:
    """How long after the complete rollout a step waits for queries to end that Prometheus answers all the while."""
    asked, longest = _settings_of(verification), AlertResolved().timeout
    return asked.timeout if asked is not None else min(longest, verification.timeout + FRESH_FOR)


def _settings_of(verification: Verification) -> AlertResolved | None:
    return next((settings for settings in verification.checks if isinstance(settings, AlertResolved)), None)


def _see_before(trial: Trial, firing: list[Evidence], now: datetime) -> bool:
    """Whether only queries are left, each of which may still see the time before the rollout was complete."""
    policy, complete_at = trial.situation.policy, trial.verifying.complete_at
    seen_since = now - policy.queries_look_back if policy is not None else now
    of_queries = all(fact.source == "query" for fact in firing)
    return of_queries and complete_at is not None and seen_since < complete_at


def _asked_at(trial: Trial, fact: Evidence) -> datetime | None:
    """When those who can say were asked last. Alertmanager knows nothing of alerts from other senders."""
    if fact.source == "query":
        return trial.situation.knowledge.queries_known_at
    return trial.situation.knowledge.alerts_known_at if not fact.sender else None


def _is_heard(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at <= FRESH_FOR


def _is_known(trial: Trial, firing: list[Evidence], now: datetime) -> bool:
    """Whether Alertmanager answered lately, or (with webhooks only) told of one of them lately; Prometheus likewise."""
    for source, sender in {(fact.source, fact.sender) for fact in firing}:
        facts = [fact for fact in firing if (fact.source, fact.sender) == (source, sender)]
        if not _is_heard(max(fact.last_seen for fact in facts), now) and not _is_heard(_asked_at(trial, facts[0]), now):
            return False
    return True
