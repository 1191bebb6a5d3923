"""The trigger on alerts: matchers in Alertmanager's syntax, all of which must match one alert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.alert import Alert
from platelet.model.durations import CAMEL
from platelet.model.fault import Fault
from platelet.model.signal import Evidence, ShortText
from platelet.model.trigger import FromAlerts
from platelet.triggers import heartbeats, matchers

MatcherText = Annotated[str, Field(min_length=1, max_length=1024)]
_MAX_REASON = 256
_MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTrigger:
    """`alert:` in a policy: `alertname="ApiDown"`, `severity=~"critical|page"`. All matchers must match."""

    matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1, max_length=16)]
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def observe(trigger: AlertTrigger, alert: Alert, now: datetime) -> Evidence | None:
    """Give what an alert that matches says, firing or resolved; None when it does not match.

    A firing one holds at once: the alert's own `for` in Prometheus is over. One that is about what measures, and not
    about a workload, matches only by its name. Raises matchers.InvalidMatcherError.
    """
    wanted = matchers.parse_matchers(trigger.matchers)
    if not matchers.matches(wanted, alert.labels):
        return None
    if alert.status == "firing" and heartbeats.is_no_fact(alert, wanted):
        return None
    return as_evidence(alert, now, trigger.severity)


def as_evidence(alert: Alert, now: datetime, severity: str = "") -> Evidence:
    """What an alert says, whichever trigger it matches; its own severity where there is no other."""
    started = min(alert.starts_at, now)
    return Evidence(
        source="alert",
        reason=_printable(alert.name)[:_MAX_REASON] or "Alert",
        fingerprint=alert.episode,
        message=_message(alert),
        first_seen=started,
        last_seen=now,
        holds_at=started,
        severity=severity or _printable(alert.labels.get("severity", ""))[:_MAX_REASON],
        sender=alert.sender,
        resolved_at=max(alert.ends_at or now, alert.starts_at) if alert.status == "resolved" else None,
    )


def names(trigger: AlertTrigger, alertname: str) -> bool:
    """Whether it says by a matcher on `alertname` that it is for this very alert.

    Matchers that cannot be read name nothing.
    """
    try:
        return matchers.name_the_alert(matchers.parse_matchers(trigger.matchers), alertname)
    except matchers.InvalidMatcherError:
        return False


def _spelled_out(trigger: AlertTrigger, alert: Alert) -> Mapping[str, str] | None:
    wanted = matchers.parse_matchers(trigger.matchers)
    if not matchers.matches(wanted, alert.labels):
        return None
    return {matcher.name: matcher.value for matcher in wanted if matcher.operator == "="}


def _find_fault(trigger: AlertTrigger) -> Fault | None:
    try:
        matchers.parse_matchers(trigger.matchers)
    except matchers.InvalidMatcherError as error:
        return Fault(reason=reasons.INVALID_MATCHER, message=str(error))
    return None


def _describe(trigger: AlertTrigger, facts: Sequence[Evidence]) -> str:
    firing = any(fact.source == "alert" and fact.resolved_at is None for fact in facts)
    record = "firing ones are on record" if firing else "none is on record for this workload"
    return f"it looks for alerts with {', '.join(trigger.matchers)}: {record}"


def _message(alert: Alert) -> str:
    """Say what its annotations say, else its labels."""
    texts = (alert.annotations.get(name, "") for name in ("summary", "description", "message"))
    message = next((text for text in texts if text.strip()), "")
    message = message or ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    return _printable(message)[:_MAX_MESSAGE]


def _printable(text: str) -> str:
    """Replace what could steer a terminal: the text is written by others and shown to people."""
    return "".join(char if char.isprintable() else " " for char in text)


TRIGGER = FromAlerts(
    key="alert",
    settings=AlertTrigger,
    observe=observe,
    names=names,
    spelled_out=_spelled_out,
    find_fault=_find_fault,
    describe=_describe,
)
