"""The alerts that belong to the incident are resolved: asked late, because Alertmanager tells late (TRAPS 43)."""

from datetime import datetime, timedelta

from platelet.model import reasons
from platelet.model.durations import format_duration
from platelet.model.rules import Trial
from platelet.model.signal import Evidence
from platelet.model.verdict import Verdict

FRESH_FOR = timedelta(minutes=5)  # what we heard longer ago is not known any more


def check(trial: Trial, now: datetime) -> Verdict:
    """Pending while an alert fires; `alertTimeout` after the complete rollout Failed, or Inconclusive if not known."""
    alerts = [evidence for evidence in trial.situation.remediation.status.evidence if evidence.source == "alert"]
    firing = [alert for alert in alerts if alert.resolved_at is None]
    if not firing:
        said = "all alerts of this incident are resolved" if alerts else "no alert belongs to this incident"
        return Verdict(outcome="Recovered", reason=reasons.ALERT_RESOLVED, message=said)
    names = ", ".join(sorted({alert.reason for alert in firing}))
    complete_at = trial.verifying.complete_at
    deadline = None if complete_at is None else complete_at + trial.verification.alert_timeout
    if deadline is None or now < deadline:
        return Verdict(
            outcome="Pending", reason=reasons.ALERT_FIRING, message=f"{names} not resolved yet", retry_at=deadline
        )
    if _is_known(trial, firing, now):
        waited = format_duration(trial.verification.alert_timeout)
        return Verdict(
            outcome="Failed",
            reason=reasons.ALERT_FIRING,
            message=f"{names} still firing {waited} after the rollout was complete",
        )
    return Verdict(
        outcome="Inconclusive",
        reason=reasons.ALERT_STATE_UNKNOWN,
        message=f"whether {names} still fires is not known: nothing was heard for {format_duration(FRESH_FOR)}",
    )


def _is_known(trial: Trial, firing: list[Evidence], now: datetime) -> bool:
    """Whether Alertmanager answered lately, or (with webhooks only) told of one of the alerts lately."""
    heard_at = [alert.last_seen for alert in firing]
    if trial.situation.alerts_known_at is not None:
        heard_at.append(trial.situation.alerts_known_at)
    return now - max(heard_at) <= FRESH_FOR
