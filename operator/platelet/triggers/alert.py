"""The trigger on alerts: matchers in Alertmanager's syntax, all of which must match one firing alert."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model.alert import Alert
from platelet.model.durations import CAMEL
from platelet.model.signal import ShortText, Signal
from platelet.triggers import matchers

MatcherText = Annotated[str, Field(min_length=1, max_length=1024)]
_MAX_REASON = 256
_MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTrigger:
    """`alert:` in a policy: `alertname="ApiDown"`, `severity=~"critical|page"`. All matchers must match."""

    matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1, max_length=16)]
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def observe(trigger: AlertTrigger, parsed: Sequence[matchers.Matcher], alert: Alert) -> Signal | None:
    """Give the signal of a firing alert that matches. `parsed` are the trigger's matchers, parsed once.

    It holds at once: the alert's own `for` in Prometheus is over.
    """
    if alert.status != "firing" or not matchers.matches(parsed, alert.labels):
        return None
    return Signal(
        source="alert",
        reason=_printable(alert.name)[:_MAX_REASON] or "Alert",
        fingerprint=alert.episode,
        message=_message(alert),
        since=alert.starts_at,
        holds_at=alert.starts_at,
        severity=trigger.severity or _printable(alert.labels.get("severity", ""))[:_MAX_REASON],
    )


def _message(alert: Alert) -> str:
    """Say what its annotations say, else its labels."""
    texts = (alert.annotations.get(name, "") for name in ("summary", "description", "message"))
    said = next((text for text in texts if text.strip()), "")
    said = said or ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    return _printable(said)[:_MAX_MESSAGE]


def _printable(text: str) -> str:
    """Replace what could steer a terminal: the text is written by others and shown to people."""
    return "".join(char if char.isprintable() else " " for char in text)
