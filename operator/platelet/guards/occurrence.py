"""A signal has held for as long as its trigger asks, and nobody has silenced it: asked before any limit (TRAPS 24)."""

from datetime import datetime

from platelet.model import reasons
from platelet.model.durations import say_time
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

_NAMED = 3  # alerts in a message


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny until one signal is old enough to act on; an alert that Alertmanager keeps from us is none (TRAPS 20)."""
    signals = [signal for signal in situation.signals if signal.source != "revert"]
    loud = [signal for signal in signals if not signal.suppressed]
    if any(signal.holds_at <= now for signal in loud):
        return None
    youngest_wait = min(loud, key=lambda signal: signal.holds_at, default=None)
    if youngest_wait is None:
        silenced = deny_silenced(situation, now)
        return silenced or Deny(reason=reasons.TOO_YOUNG, message="no signal holds at present")
    return Deny(
        reason=reasons.TOO_YOUNG,
        message=(
            f"{youngest_wait.reason} since {say_time(youngest_wait.since)} "
            f"must hold until {say_time(youngest_wait.holds_at)}"
        ),
        retry_at=youngest_wait.holds_at,
    )


def deny_silenced(situation: Situation, _now: datetime) -> Deny | None:
    """Deny while every signal is an alert that Alertmanager keeps from us."""
    signals = [signal for signal in situation.signals if signal.source != "revert"]
    if not signals or not all(signal.suppressed for signal in signals):
        return None
    named = ", ".join(sorted({signal.reason for signal in signals})[:_NAMED])
    return Deny(
        reason=reasons.ALERT_SILENCED,
        message=f"{named} is silenced, inhibited, muted or routed to others in Alertmanager",
    )


def hopeless(situation: Situation, now: datetime, reason: str, message: str) -> Deny:
    """Deny for a reason that waiting cannot mend: people are told, as soon as a signal is old enough to act on."""
    too_young = deny(situation, now)
    retry_at = None if too_young is None else too_young.retry_at
    return Deny(reason=reason, message=message, retry_at=retry_at, escalate=too_young is None)
