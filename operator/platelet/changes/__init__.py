"""Changes: what exactly is written, on which object. One file each, one name in `CHANGES`.

Belongs here: for one kind of write, which object it is on, what it relies on and makes true, its patch, how others can
be seen to have reverted it, how it is reverted, how it is told to people, and which rights it needs.
Does not belong here: when it is made and with which values (actions), in which order and how often it is sent (core),
how it is sent (shell). Nobody but actions, and readers of what earlier versions stored, names a kind of change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from platelet.changes import (
    autoscaler_bounds,
    config_value,
    env_values,
    evicted_pod,
    http_request,
    replicas,
    resized_pod,
    restart_stamp,
    restored_template,
    started_job,
    template_fields,
)
from platelet.changes.on_target import replaces_stuck_pods
from platelet.model.change import Change, Live
from platelet.model.durations import format_time
from platelet.model.intent import RESTART_STAMP, TEMPLATE, PinnedChange
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation
from platelet.model.verdict import Verdict

__all__ = [
    "CHANGES",
    "as_it_is",
    "at_the_moment",
    "completions",
    "figures",
    "has_arrived",
    "how_changed_back",
    "is_as_before",
    "is_as_left",
    "is_at_most_once",
    "is_for_once",
    "is_made",
    "is_proven_by_rollout",
    "is_reversible",
    "lasting_fields",
    "of",
    "pin",
    "replaces_stuck_pods",
    "say",
    "say_all",
    "why_unknown",
]

CHANGES: tuple[Change, ...] = (
    restored_template.CHANGE,
    restart_stamp.CHANGE,
    template_fields.CHANGE,
    env_values.CHANGE,
    config_value.CHANGE,
    replicas.CHANGE,
    autoscaler_bounds.CHANGE,
    evicted_pod.CHANGE,
    resized_pod.CHANGE,
    started_job.CHANGE,
    http_request.CHANGE,
)
_PASSING: Final = frozenset({TEMPLATE, *(name for change in CHANGES for name in change.of_the_moment)})


def of(pinned: PinnedChange) -> Change:
    """The change of this kind. Raises KeyError for one of a newer version, on which nobody may act."""
    change = next((change for change in CHANGES if change.kind == pinned.kind), None)
    if change is None:
        raise KeyError(pinned.kind)
    return change


def as_it_is(pinned: PinnedChange, situation: Situation) -> Live | None:
    """The object that it writes, as it is now; None where it is gone."""
    return of(pinned).live(pinned, situation)


def pin(planned: Iterable[PinnedChange], situation: Situation) -> tuple[PinnedChange, ...] | None:
    """Pin changes to their objects as these are now; None where one of them is gone."""
    seen = [(change, as_it_is(change, situation)) for change in planned]
    pinned = [
        replace(change, uid=live.uid, version=live.version, before=live.values)
        for change, live in seen
        if live is not None
    ]
    return tuple(pinned) if len(pinned) == len(seen) else None


def at_the_moment(change: PinnedChange, now: datetime) -> PinnedChange:
    """The same change, made at this moment: in whole seconds, as it is stored."""
    moment = format_time(now.replace(microsecond=0))
    return replace(change, meant={**change.meant, **dict.fromkeys(of(change).of_the_moment, moment)})


def is_made(pinned: PinnedChange, situation: Situation) -> bool:
    """Whether its object is what the change makes of it."""
    live = as_it_is(pinned, situation)
    return live is not None and pinned.uid in ("", live.uid) and live.values == pinned.meant


def is_as_before(pinned: PinnedChange, situation: Situation) -> bool:
    """Whether its object is as it was before the change."""
    live = as_it_is(pinned, situation)
    return live is not None and pinned.uid in ("", live.uid) and live.values == pinned.before


def is_as_left(attempt: Attempt, situation: Situation) -> bool:
    """Whether the target is as the attempt left it: whatever rollout is under way there is then its own.

    What an autoscaler whose bounds were written makes of the number of replicas is nobody's doing.
    """
    workload, pre = situation.snapshot.workload, attempt.pre
    if workload is None or workload.uid != pre.uid:
        return False
    if attempt.on_target(TEMPLATE) is None:
        same_template = workload.template_hash == (attempt.left_template or pre.template_hash)
        stamped = attempt.on_target(RESTART_STAMP) is not None
        if not same_template or not (stamped or workload.restart_stamp == pre.restart_stamp):
            return False
    return all(is_made(change, situation) for change in attempt.landed if change.object is None)


def how_changed_back(attempt: Attempt, situation: Situation) -> str:
    """How an object shows that others have reverted what the attempt wrote; empty if not, or not known."""
    known = (change for change in attempt.landed if not why_unknown(change, situation))
    ways = (of(change).how_changed_back(change, situation) for change in known)
    return next((way for way in ways if way), "")


def why_unknown(pinned: PinnedChange, situation: Situation) -> str:
    """Why it is not known how its object is now; empty where it is."""
    objects = (resource.named(name) for resource, name in of(pinned).objects(pinned))
    hidden = sorted(str(ref) for ref in objects if ref in situation.surroundings.unreadable)
    return f"{', '.join(hidden)} may not be read any more" if hidden else ""


def has_arrived(attempt: Attempt, situation: Situation) -> bool:
    """Whether all has followed that follows from the attempt's writes by themselves, other than a rollout."""
    return all(of(change).has_arrived(change, situation) for change in attempt.landed)


def completions(attempt: Attempt, situation: Situation, since: datetime, now: datetime) -> tuple[Verdict, ...]:
    """What has come of all that the attempt's writes have started and that ends by itself."""
    verdicts = (of(change).completion(change, situation, since, now) for change in attempt.landed)
    return tuple(verdict for verdict in verdicts if verdict is not None)


def ended_job(attempt: Attempt, situation: Situation, now: datetime) -> Mapping[str, Any] | None:
    """The Job that the attempt's writes have started, as stored, once its end has come."""
    jobs = (of(change).ended_job(change, situation, now) for change in attempt.landed)
    return next((job for job in jobs if job is not None), None)


def is_reversible(pinned: Iterable[PinnedChange]) -> bool:
    """Whether anything of it can be put back."""
    return any(of(change).reversible for change in pinned)


def lasting_fields(pinned: PinnedChange) -> frozenset[str]:
    """The fields that it writes and that keep their value: neither a moment, nor the digest of all of a template."""
    return frozenset({*pinned.before, *pinned.meant}) - _PASSING


def is_at_most_once(attempt: Attempt) -> bool:
    """Whether nothing of its kind is tried again while nobody knows what it came to."""
    return any(of(change).at_most_once for change in attempt.changes)


def is_for_once(attempt: Attempt) -> bool:
    """Whether a fault that comes back within a day of its recovery goes on with the next step."""
    return any(of(change).once_a_day for change in attempt.changes)


def is_proven_by_rollout(attempt: Attempt) -> bool:
    """Whether pods must be rolled out for it to take effect."""
    return any(of(change).proven_by_rollout for change in attempt.changes)


def figures(pinned: Iterable[PinnedChange]) -> dict[str, object]:
    """What several have made of it, and what there was before, for machines: `from` and `to` of reverting them."""
    known = [(of(change), change) for change in pinned]
    ours = [change.figure(pin, pin.meant) for change, pin in known]
    before = [change.figure(pin, pin.before) for change, pin in known]
    return {"from": ours[0], "to": before[0]} if len(known) == 1 else {"from": ours, "to": before}


def say(pinned: PinnedChange, values: Mapping[str, str] | None = None) -> str:
    """Say to people what it makes true, or such values of its fields."""
    return of(pinned).say(pinned, pinned.meant if values is None else values)


def say_all(pinned: Iterable[PinnedChange], *, before: bool = False) -> str:
    """Say to people what several make true, or what there was before them."""
    return ", ".join(say(change, change.before if before else None) for change in pinned)
