"""Whom an incident may be blamed on: which release was live when what is wrong with the target began, and how old."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.model.durations import format_duration, say_time
from platelet.model.intent import TEMPLATE
from platelet.model.revision import RevisionRecord, family
from platelet.model.signal import Signal
from platelet.model.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    """When one signal that the live release shows began, and in which release of people that was."""

    at: datetime
    release: RevisionRecord | None  # None: one that is not on record


def live_record(situation: Situation) -> RevisionRecord | None:
    """The record of the live template; of several the one that was released last. None: not known."""
    live = situation.snapshot.workload.template_hash if situation.snapshot.workload is not None else None
    mine = [record for record in situation.snapshot.records if record.template_hash == live]
    return max(mine, key=lambda record: record.last_release, default=None)


def why_not(within: timedelta, situation: Situation, now: datetime) -> str:
    """Why the live release is not to blame; empty where it may be: it began `within` of it, or it was never healthy."""
    live = live_record(situation)
    if live is None:
        return "when the live template was released is not known: it is not on record yet"
    restored = (attempt for attempt in situation.remediation.status.attempts if attempt.may_have_landed)
    ours = {template for attempt in restored for template in (attempt.on_target(TEMPLATE), attempt.left_template)}
    if live.template_hash in ours and live.ever_healthy:
        return "the live template is one that platelet has written, and no release of people"
    if _began_before(live, situation):
        return (
            f"what is wrong began before the live template was released at {say_time(live.last_release)}, so that "
            "release is not to blame, and may be the repair"
        )
    failed = _failed_predecessor(live, situation, within)
    if failed is not None:
        return (
            f"the release before it, of {say_time(failed.last_release)}, had run well for long when it failed, too: "
            "the cause is elsewhere"
        )
    begun = _beginnings(live, situation, now)
    if any(_may_be_to_blame(beginning, within, situation, now) for beginning in begun):
        return ""
    return _say_age(max(begun, key=lambda beginning: beginning.at), within, situation)


def _may_be_to_blame(beginning: _Beginning, within: timedelta, situation: Situation, now: datetime) -> bool:
    release = beginning.release
    if release is None:
        return False
    young = beginning.at - release.last_release <= within
    return young or _was_never_healthy(release, situation, now)


def _say_age(beginning: _Beginning, within: timedelta, situation: Situation) -> str:
    release = beginning.release
    if release is None:
        return f"what is wrong began at {say_time(beginning.at)}, in a release that is not on record"
    age = timedelta(minutes=(beginning.at - release.last_release) // timedelta(minutes=1))
    return (
        f"what is wrong began {format_duration(age)} after the release of {say_time(release.last_release)}, not within "
        f"{format_duration(within)}, and {_say_health(release, situation)}: the cause is elsewhere"
    )


def _began_before(live: RevisionRecord, situation: Situation) -> bool:
    """Whether all that is wrong was so before the live release: that may be the repair, and is not to blame."""
    return bool(situation.signals) and not _of_release(live, situation)


def _failed_predecessor(live: RevisionRecord, situation: Situation, within: timedelta) -> RevisionRecord | None:
    """The release that people replaced by the live one because it failed, though it was proven and older than `within`.

    What made it fail is none of its own, and so not one of what they released to mend it; the incident itself may have
    seemed over while the pods were replaced.
    """
    if live.live_since is None:
        return None
    before = [
        record
        for record in situation.snapshot.records
        if record.live_since is not None and record.live_since < live.live_since
    ]
    last = max(before, key=lambda record: record.live_since or record.first_seen, default=None)
    if last is None or last.health != "Suspect" or not last.ever_healthy or last.health_since is None:
        return None
    return last if last.last_release + within < last.health_since <= live.last_release else None


def _was_never_healthy(release: RevisionRecord, situation: Situation, now: datetime) -> bool:
    """Whether it is known that its template never was: what it did before anybody looked is not known.

    Neither before it was on record, nor while nobody led: what was well meanwhile, and fails when a leader comes, looks
    like what never was.
    """
    kin = family(release.template_hash, situation.snapshot.records)
    if any(record.ever_healthy or record.claims_health for record in kin):
        return False
    led_since = now - situation.knowledge.leading_for if situation.knowledge.leading_for is not None else None
    unproven_until = release.last_release + situation.settings.healthy_for
    remembered_at = min((record.remembered_at for record in kin if record.remembered_at is not None), default=None)
    return all(since is None or since <= unproven_until for since in (remembered_at, led_since))


def _say_health(release: RevisionRecord, situation: Situation) -> str:
    """What is known of the health of a release, for people."""
    if release.proven_at or release.health == "Healthy":
        return f"it was healthy at {say_time(release.proven_at or release.health_since or release.first_seen)}"
    kin = family(release.template_hash, situation.snapshot.records)
    if any(record.ever_healthy or record.claims_health for record in kin):
        return "it was healthy before"
    return "whether it was ever healthy is not known"


def _beginnings(live: RevisionRecord, situation: Situation, now: datetime) -> tuple[_Beginning, ...]:
    """When each signal of the live release began, across the releases of one incident. Without a signal: now.

    It is the beginning that counts, whenever it is looked at: a limit or an approval may have been awaited since. What
    people released in an incident to mend it does not make the incident younger; nor does what came back after it had
    recovered, if the incident began in the live release.
    """
    if not situation.signals:
        return (_Beginning(at=now, release=live),)
    return tuple(_beginning(signal, live, situation) for signal in _of_release(live, situation))


def _of_release(live: RevisionRecord, situation: Situation) -> list[Signal]:
    return [signal for signal in situation.signals if _since(signal, situation) >= live.last_release]


def _beginning(signal: Signal, live: RevisionRecord, situation: Situation) -> _Beginning:
    status = situation.remediation.status
    at = min([_since(signal, situation), *_episodes(signal, situation)])
    came_back = any(attempt.verdict == "Recovered" for attempt in status.attempts)
    if came_back and status.opened_at is not None and live.last_release <= status.opened_at:
        at = min(at, status.opened_at)
    if at >= live.last_release:
        return _Beginning(at=at, release=live)
    before = [record for record in situation.snapshot.records if record.last_release <= at]
    return _Beginning(at=at, release=max(before, key=lambda record: record.last_release, default=None))


def _episodes(signal: Signal, situation: Situation) -> list[datetime]:
    """Since when the incident knows this fact without an end."""
    facts = situation.remediation.status.evidence
    return [fact.first_seen for fact in facts if fact.fingerprint == signal.fingerprint and fact.resolved_at is None]


def _since(signal: Signal, situation: Situation) -> datetime:
    """No pod has failed before it was made, whatever the clock of its node says."""
    named = [pod.created_at for pod in situation.snapshot.pods if signal.source == "pod" and pod.name in signal.pods]
    return max(signal.since, min(named)) if named else signal.since
