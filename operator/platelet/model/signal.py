"""Signals: normalised facts that a target is unwell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Timestamp

Text = Annotated[str, Field(max_length=1024)]
ShortText = Annotated[str, Field(max_length=256)]
Source = Literal["pod", "workload", "alert", "query", "check", "revert", "request"]
"""check: a step's check failed; revert: only something temporary is left to be reverted; request: people asked."""
SHOWN: frozenset[Source] = frozenset({"pod", "workload"})
"""Sources that are read at every look: what they show holds while it is seen."""
TOLD: frozenset[Source] = frozenset({"alert", "query"})
"""Sources that only others know: what they tell holds until they tell that it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One fact of ill health. The same fact seen again has the same fingerprint.

    `holds_at` is when it is old enough to act on (its trigger's `for` is over); until then guards wait.
    """

    source: Source
    reason: ShortText  # CrashLoopBackOff, or the alert's name
    fingerprint: ShortText  # pods: reason; alerts: Alertmanager's fingerprint + startsAt (TRAPS 17)
    message: Text
    since: datetime  # the first failing status, or the alert's startsAt
    holds_at: datetime
    severity: ShortText = ""
    pods: tuple[str, ...] = ()  # sick pods, by name, bounded
    suppressed: bool = False  # an alert that Alertmanager keeps from us: no reason to act, nor over
    unnamed: bool = False  # an alert that no matcher on `alertname` of the policy names: it may be about anything
    newest_only: bool = False  # every sick pod belongs to the newest revision: the rollout itself is the fault

    def counts(self, now: datetime) -> bool:
        """Whether it is a reason to act now: old enough, and not kept from us."""
        return self.holds_at <= now and not self.suppressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A signal as kept on a Remediation: merged by fingerprint, with first, last and count."""

    source: Source
    reason: ShortText
    fingerprint: ShortText
    message: Text
    first_seen: Timestamp
    last_seen: Timestamp
    holds_at: Timestamp | None = None
    count: Annotated[int, Field(ge=1)] = 1
    severity: ShortText = ""
    resolved_at: Timestamp | None = None  # alerts: when a sender said so; pods: when the signal was gone
    sender: ShortText = ""  # who tells the alert, where that is no Alertmanager: then only they can say that it is over
    suppressed_at: Timestamp | None = (
        None  # since when Alertmanager is seen to keep it from us: silenced, inhibited, muted
    )

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
