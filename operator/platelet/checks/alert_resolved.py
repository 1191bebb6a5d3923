"""The alerts and queries that belong to the incident are resolved: asked late, because they tell late (TRAPS 43)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.durations import CAMEL, Between, Duration, format_duration
from platelet.model.policy import Verification
from platelet.model.rules import Trial
from platelet.model.signal import TOLD, Evidence
from platelet.model.situation import SETTLED_AFTER
from platelet.model.verdict import Verdict

FRESH_FOR = timedelta(minutes=5)  # what we heard longer ago is not known any more


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """The alerts and queries of the incident must have resolved. They are always awaited; here one says how long."""

    timeout: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="How long to wait for it, counted from the complete rollout: alerts resolve late."),
    ] = timedelta(minutes=15)

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def check(trial: Trial, now: datetime) -> Verdict:
    """Pending while one fires; after the timeout since the complete rollout Failed, or Inconclusive if not known."""
    alerts = [evidence for evidence in trial.situation.remediation.status.evidence if evidence.source in TOLD]
    firing = [alert for alert in alerts if alert.resolved_at is None]
    if not firing:
        said = "all alerts of this incident are resolved" if alerts else "no alert belongs to this incident"
        return Verdict(outcome="Recovered", reason=reasons.ALERT_RESOLVED, message=said)
    names = ", ".join(sorted({alert.reason for alert in firing}))
    timeout = timeout_of(trial.verification)
    complete_at = trial.verifying.complete_at
    deadline = None if complete_at is None else complete_at + timeout
    if deadline is None or now < deadline:
        return Verdict(
            outcome="Pending", reason=reasons.ALERT_FIRING, message=f"{names} not resolved yet", retry_at=deadline
        )
    if _is_known(trial, firing, now):
        return Verdict(
            outcome="Failed",
            reason=reasons.ALERT_FIRING,
            message=f"{names} still firing {format_duration(timeout)} after the rollout was complete",
        )
    if trial.situation.is_settling_in:  # the leader before may have heard a moment ago
        message = f"whether {names} still fires is asked: this replica leads since a moment ago"
        retry_at = now + SETTLED_AFTER - (trial.situation.leading_for or timedelta())
        return Verdict(outcome="Pending", reason=reasons.ALERT_STATE_UNKNOWN, message=message, retry_at=retry_at)
    return Verdict(
        outcome="Inconclusive",
        reason=reasons.ALERT_STATE_UNKNOWN,
        message=f"whether {names} still fires is not known: nothing was heard for {format_duration(FRESH_FOR)}",
    )


def timeout_of(verification: Verification) -> timedelta:
    """How long the step waits for alerts."""
    asked = (each for each in verification.checks if isinstance(each, AlertResolved))
    return next(asked, AlertResolved()).timeout


def _is_known(trial: Trial, firing: list[Evidence], now: datetime) -> bool:
    """Whether Alertmanager answered lately, or (with webhooks only) told of one of them lately; Prometheus likewise."""
    known_at = {"alert": trial.situation.alerts_known_at, "query": trial.situation.queries_known_at}
    for source in {each.source for each in firing}:
        heard_at = [each.last_seen for each in firing if each.source == source]
        asked_at = known_at[source]
        if now - max([*heard_at, *([asked_at] if asked_at else [])]) > FRESH_FOR:
            return False
    return True
