"""The trigger on pods: reasons that the pods of one workload show in their own status.

Succeeded or Failed never counts, nor being deleted, but for StuckTerminating: none of it is the container's own doing,
and a Deployment replaces pods that are over. Unschedulable is a reason of its own; no other counts such pods. Whether
it is the release's own fault, guards say (TRAPS 44).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, get_args

from pydantic import ConfigDict, Field

from platelet.model import constraint, symptoms
from platelet.model.constraint import Rule
from platelet.model.durations import PATTERN, Duration, format_duration
from platelet.model.signal import Evidence, ShortText, Signal
from platelet.model.trigger import FromTarget, Sighting
from platelet.model.workload import Pod

PodReason = symptoms.PodReason
REASONS: tuple[PodReason, ...] = get_args(PodReason)
MAX_PODS = 10  # named in a signal
_NEEDS_PATIENCE = ("Unready", "ContainerCreating", "StuckTerminating")
_ANY_OF_THEM = " || ".join(f"'{reason}' in self.reasons" for reason in _NEEDS_PATIENCE)
LONGEST_FOR = timedelta(hours=24)
_REASONS_TEXT = (
    "CrashLoopBackOff: containers end again and again, within ten minutes of their start. OOMKilled: they run out of "
    "memory again and again, at least once an hour. ImagePullBackOff and ErrImagePull: an image cannot be pulled, for "
    "whatever reason (InvalidImageName, ErrImageNeverPull and others). CreateContainerConfigError: a Secret, a "
    "ConfigMap or a key of one is missing. CreateContainerError: a container cannot be made or started "
    "(RunContainerError, a failing hook and others). ContainerCreating: on its node, and no container was ever started "
    "(a volume that cannot be mounted, a pull that takes long). Unschedulable: no node for it. Unready: running and "
    "not ready; a first start does not count until its startup probe has failed. StuckTerminating: being deleted, and "
    "still there after its grace; this one only calls people, since nothing is ever deleted by force."
)
_MIN_RESTARTS_TEXT = (
    "For CrashLoopBackOff and OOMKilled only. A run of ten minutes starts the count of CrashLoopBackOff anew, as it "
    "does the kubelet's back-off; OOMKilled counts all restarts of a pod that come at least once an hour."
)


def _is_no_patience(trigger: "PodTrigger") -> bool:
    least = timedelta(microseconds=1) if {*_NEEDS_PATIENCE} & {*trigger.reasons} else timedelta()
    return trigger.for_ is not None and not least <= trigger.for_ <= LONGEST_FOR


# Text that is no duration is left to the rule on the text.
_PATIENCE = Rule(
    cel=f"!has(self.__for__) || !self.__for__.matches('{PATTERN}') || (duration(self.__for__) <= duration('24h') && "
    f"(!({_ANY_OF_THEM}) || duration(self.__for__) > duration('0s')))",
    broken=_is_no_patience,
    message="`for` may be at most 24h, and above 0s with Unready, ContainerCreating and StuckTerminating: every pod is "
    "that for a while after its start, or at its end",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTrigger:
    """`pod:` in a policy: what its pods show by their own status."""

    reasons: Annotated[tuple[PodReason, ...], Field(min_length=1, max_length=len(REASONS), description=_REASONS_TEXT)]
    min_restarts: Annotated[int, Field(ge=1, le=1000, description=_MIN_RESTARTS_TEXT)] = symptoms.MIN_RESTARTS
    for_: Annotated[
        Duration | None,
        Field(
            description="Since the first failing status, or the end of a pod's grace. Absent: 5m for Unready, "
            "Unschedulable and StuckTerminating, 10m for ContainerCreating, at once for all others."
        ),
    ] = None
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(_PATIENCE)

    def __post_init__(self) -> None:
        """Refuse no patience with what every pod is for a while, and patience without end. Raises ValueError."""
        constraint.hold(self, _PATIENCE)

    def held_for(self, reason: PodReason) -> timedelta:
        """How long `reason` must have been failing: `for`, else what is usual for a healthy pod of that reason."""
        return self.for_ if self.for_ is not None else symptoms.PATIENCE.get(reason, timedelta())


def observe(
    trigger: PodTrigger,
    pods: Sequence[Pod],
    newest_revision_hash: str,
    now: datetime,
    first_failing: Mapping[str, datetime] | None = None,
) -> Signal | None:
    """Give the signal that the pods of one workload show, or None.

    A signal whose `holds_at` lies ahead is given too, so that its Remediation opens and waits; except for what a pod
    may be for a while after it was made (Unschedulable, say: a cluster autoscaler may bring a node).

    `first_failing` is what `symptoms.remember` kept, by pod uid: a status shows the last end of a container only, so
    without it `since` moves on with every crash.

    One incident has one fingerprint, that of its first reason in the order of `symptoms.ORDER` which holds, else of
    its first. A loop is a loop whatever its single ends were, so CrashLoopBackOff goes before OOMKilled; both names of
    a failing pull are ImagePullBackOff.
    """
    shown = _present(trigger, pods, now, first_failing or {})
    if not shown:
        return None
    reason = next((reason for reason, (_, holds_at) in shown.items() if holds_at <= now), next(iter(shown)))
    sick, holds_at = shown[reason]
    return Signal(
        source="pod",
        reason=reason,
        fingerprint=f"pod/{reason}",
        message=symptoms.describe(sick, sum(symptoms.counts(pod, reason) for pod in pods)),
        since=min(symptom.since for symptom in sick),
        holds_at=holds_at,
        severity=trigger.severity,
        pods=tuple(symptom.pod.name for symptom in sick[:MAX_PODS]),
        newest_only=bool(newest_revision_hash)
        and all(symptom.pod.revision_hash == newest_revision_hash for symptom in sick),
    )


def next_change(
    trigger: PodTrigger, pods: Sequence[Pod], now: datetime, first_failing: Mapping[str, datetime] | None = None
) -> datetime | None:
    """When time alone, with the same statuses, may next change what `observe` answers; None: never."""
    moments = []
    for reason, sick in _sick(trigger, pods, now, first_failing or {}).items():
        moments += [symptom.since + trigger.held_for(reason) for symptom in sick]
        moments += [symptom.over_at for symptom in sick if symptom.over_at is not None]
    return min((moment for moment in moments if moment > now), default=None)


def _present(
    trigger: PodTrigger, pods: Sequence[Pod], now: datetime, first_failing: Mapping[str, datetime]
) -> dict[PodReason, tuple[list[symptoms.Symptom], datetime]]:
    """Find the sick pods of each reason in order, and from when on the reason holds."""
    present = {}
    for reason, sick in _sick(trigger, pods, now, first_failing).items():
        patience = trigger.held_for(reason)
        shown = [symptom for symptom in sick if reason not in symptoms.PATIENCE or symptom.since + patience <= now]
        if shown:
            present[reason] = (shown, min(symptom.since for symptom in shown) + patience)
    return present


def _sick(
    trigger: PodTrigger, pods: Sequence[Pod], now: datetime, first_failing: Mapping[str, datetime]
) -> dict[PodReason, list[symptoms.Symptom]]:
    wanted = {symptoms.CANONICAL.get(reason, reason) for reason in trigger.reasons}
    sick: dict[PodReason, list[symptoms.Symptom]] = {}
    for reason in symptoms.ORDER:
        if reason not in wanted:
            continue
        symptom_of_each = [
            symptoms.find(reason, pod, now, trigger.min_restarts, first_failing.get(pod.uid)) for pod in pods
        ]
        sick[reason] = sorted(
            (symptom for symptom in symptom_of_each if symptom is not None), key=lambda symptom: symptom.pod.name
        )
    return {reason: shown for reason, shown in sick.items() if shown}


def _observe(trigger: PodTrigger, sighting: Sighting, now: datetime) -> Signal | None:
    return observe(trigger, sighting.pods, sighting.newest_revision_hash, now, sighting.failing_since)


def _next_change(trigger: PodTrigger, sighting: Sighting, now: datetime) -> datetime | None:
    return next_change(trigger, sighting.pods, now, sighting.failing_since)


def _describe(trigger: PodTrigger, _facts: Sequence[Evidence]) -> str:
    words = f"it looks for pods with {' or '.join(trigger.reasons)}"
    if {"CrashLoopBackOff", "OOMKilled"} & set(trigger.reasons):
        words += f", {trigger.min_restarts} restarts at least"
    return words + (f", for {format_duration(trigger.for_)}" if trigger.for_ else "")


TRIGGER = FromTarget(
    key="pod", settings=PodTrigger, source="pod", observe=_observe, next_change=_next_change, describe=_describe
)
