"""How far people were called for what a policy has on record, and who has heard: as cells, in words, by time."""

from collections.abc import Iterator, Sequence

from platelet.core import recorded_calls
from platelet.explain.entry import Entry
from platelet.model import reasons
from platelet.model.durations import say_time
from platelet.model.failed_job import FailedJob
from platelet.model.notification import Notification
from platelet.model.untargeted_alert import UntargetedAlert

HEADER = ("Level", "Told", "Heard")


def cells(entry: FailedJob | UntargetedAlert, notifications: Sequence[Notification]) -> tuple[str, str, str]:
    """Up to which level, which sinks, and who has heard; empty where there is nothing."""
    sinks = ",".join(dict.fromkeys(map(_say_sink, recorded_calls.calls_for(entry, notifications))))
    call = entry.call
    return (str(call.last_level or ""), sinks, call.acknowledged_by) if call is not None else ("", sinks, "")


def say(entry: FailedJob | UntargetedAlert) -> str:
    """Whether people are called, how far, and who has heard."""
    if entry.call is None:
        return "mode Observe: nobody is called"
    last = entry.call.last_level
    called = "people were called" + (f", up to level {last}" if last > 1 else "")
    heard = f"; {entry.call.acknowledged_by} has heard of it" if entry.is_acknowledged else ""
    return f"{called}{heard}{_say_silence(entry)}"


def _say_silence(entry: FailedJob | UntargetedAlert) -> str:
    """That nobody is called just now, and since when; when that ends only Alertmanager knows."""
    if not isinstance(entry, UntargetedAlert) or entry.suppressed_at is None or not entry.is_open:
        return ""
    since = say_time(entry.suppressed_at)
    return f"; it is silenced, inhibited or muted in Alertmanager since {since}: nobody else is called until it is not"


def tell(policy: str, entry: FailedJob | UntargetedAlert, notifications: Sequence[Notification]) -> Iterator[Entry]:
    """Whom a policy (by its key) has called, who has heard, and that it is over."""
    for call in recorded_calls.calls_for(entry, notifications):
        if call.told_at is not None:
            message = f"level {call.level}: {call.sink}"
            yield Entry(at=call.told_at, kind="told", reason=call.reason, message=message, by=policy)
    if entry.call is not None and entry.call.acknowledged_at is not None:
        message = f"{entry.call.acknowledged_by} has heard of it"
        at = entry.call.acknowledged_at
        yield Entry(at=at, kind="decision", reason=reasons.ACKNOWLEDGED, message=message, by=policy)
    if entry.resolved_at is not None:
        message = entry.resolution
        yield Entry(at=entry.resolved_at, kind="resolved", reason=reasons.RESOLVED, message=message, by=policy)


def _say_sink(call: Notification) -> str:
    """The sink that was called; where it has not taken it, what became of that."""
    return call.sink if call.told_at is not None else f"{call.sink}({call.state})"
