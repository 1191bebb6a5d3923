"""The trigger on pods: reasons that the pods of one workload show in their own status.

Being deleted, Succeeded or Failed never counts: none of it is the container's own doing, and a Deployment replaces pods
that are over. Unschedulable is a reason of its own; no other counts such pods. Whether it is the release's own fault,
guards say (TRAPS 44).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, get_args

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, PATTERN, Duration
from platelet.model.signal import ShortText, Signal
from platelet.model.workload import Pod
from platelet.triggers import symptoms

PodReason = symptoms.PodReason
REASONS: tuple[PodReason, ...] = get_args(PodReason)
MAX_PODS = 10  # named in a signal
UNREADY_FOR = timedelta(minutes=5)  # when the policy says nothing: every pod is unready for a while after its start
CREATING_FOR = timedelta(minutes=10)  # as long as a rollout may go without progress, if it does not say otherwise
_FOR_A_WHILE = frozenset[PodReason]({"Unready", "Unschedulable", "ContainerCreating"})
LONGEST_FOR = timedelta(hours=24)
_FOR_RULE = (  # text that is no duration is left to the rule on the text
    f"!has(self.__for__) || !self.__for__.matches('{PATTERN}') || (duration(self.__for__) <= duration('24h') && "
    "(!('Unready' in self.reasons || 'ContainerCreating' in self.reasons) || duration(self.__for__) > duration('0s')))"
)
_FOR_MESSAGE = (
    "`for` may be at most 24h, and above 0s with Unready and ContainerCreating: every pod is that for a while after "
    "its start"
)
_REASONS_TEXT = (
    "CrashLoopBackOff: containers end again and again, within ten minutes of their start. OOMKilled: they run out of "
    "memory again and again, at least once an hour. ImagePullBackOff and ErrImagePull: an image cannot be pulled, for "
    "whatever reason (InvalidImageName, ErrImageNeverPull and others). CreateContainerConfigError: a Secret, a "
    "ConfigMap or a key of one is missing. CreateContainerError: a container cannot be made or started "
    "(RunContainerError, a failing hook and others). ContainerCreating: on its node, and no container was ever started "
    "(a volume that cannot be mounted, a pull that takes long). Unschedulable: no node for it. Unready: running and "
    "not ready; a first start does not count until its startup probe has failed."
)
_MIN_RESTARTS_TEXT = (
    "For CrashLoopBackOff and OOMKilled only. A run of ten minutes starts the count of CrashLoopBackOff anew, as it "
    "does the kubelet's back-off; OOMKilled counts all restarts of a pod that come at least once an hour."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTrigger:
    """`pod:` in a policy: what its pods show by their own status."""

    reasons: Annotated[tuple[PodReason, ...], Field(min_length=1, max_length=len(REASONS), description=_REASONS_TEXT)]
    min_restarts: Annotated[int, Field(ge=1, le=1000, description=_MIN_RESTARTS_TEXT)] = 3
    for_: Annotated[
        Duration | None,
        Field(
            description="Since the first failing status. Absent: 5m for Unready and Unschedulable, 10m for "
            "ContainerCreating, at once for all others."
        ),
    ] = None
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL, json_schema_extra={"x-kubernetes-validations": [{"rule": _FOR_RULE, "message": _FOR_MESSAGE}]}
    )

    def __post_init__(self) -> None:
        """Refuse no patience with what every pod is for a while, and patience without end. Raises ValueError."""
        least = timedelta(microseconds=1) if {"Unready", "ContainerCreating"} & {*self.reasons} else timedelta()
        if self.for_ is not None and not least <= self.for_ <= LONGEST_FOR:
            raise ValueError(_FOR_MESSAGE)

    def held_for(self, reason: PodReason) -> timedelta:
        """How long `reason` must have been failing: `for`, else what is usual for a healthy pod of that reason."""
        if self.for_ is not None:
            return self.for_
        if reason == "ContainerCreating":
            return CREATING_FOR
        return UNREADY_FOR if reason in _FOR_A_WHILE else timedelta()


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
    found = _present(trigger, pods, now, first_failing or {})
    if not found:
        return None
    reason = next((each for each, (_, holds_at) in found.items() if holds_at <= now), next(iter(found)))
    sick, holds_at = found[reason]
    return Signal(
        source="pod",
        reason=reason,
        fingerprint=f"pod/{reason}",
        message=symptoms.describe(sick, sum(symptoms.counts(each, reason) for each in pods)),
        since=min(each.since for each in sick),
        holds_at=holds_at,
        severity=trigger.severity,
        pods=tuple(each.pod.name for each in sick[:MAX_PODS]),
        newest_only=bool(newest_revision_hash) and all(each.pod.revision_hash == newest_revision_hash for each in sick),
    )


def next_change(
    trigger: PodTrigger, pods: Sequence[Pod], now: datetime, first_failing: Mapping[str, datetime] | None = None
) -> datetime | None:
    """When time alone, with the same statuses, may next change what `observe` answers; None: never."""
    moments = []
    for reason, sick in _sick(trigger, pods, now, first_failing or {}).items():
        moments += [each.since + trigger.held_for(reason) for each in sick]
        moments += [each.over_at for each in sick if each.over_at is not None]
    return min((moment for moment in moments if moment > now), default=None)


def _present(
    trigger: PodTrigger, pods: Sequence[Pod], now: datetime, first_failing: Mapping[str, datetime]
) -> dict[PodReason, tuple[list[symptoms.Symptom], datetime]]:
    """Find the sick pods of each reason in order, and from when on the reason holds."""
    present = {}
    for reason, sick in _sick(trigger, pods, now, first_failing).items():
        patience = trigger.held_for(reason)
        shown = [each for each in sick if reason not in _FOR_A_WHILE or each.since + patience <= now]
        if shown:
            present[reason] = (shown, min(each.since for each in shown) + patience)
    return present


def _sick(
    trigger: PodTrigger, pods: Sequence[Pod], now: datetime, first_failing: Mapping[str, datetime]
) -> dict[PodReason, list[symptoms.Symptom]]:
    wanted = {symptoms.CANONICAL.get(reason, reason) for reason in trigger.reasons}
    sick: dict[PodReason, list[symptoms.Symptom]] = {}
    for reason in symptoms.ORDER:
        if reason not in wanted:
            continue
        found = [symptoms.find(reason, pod, now, trigger.min_restarts, first_failing.get(pod.uid)) for pod in pods]
        sick[reason] = sorted((each for each in found if each is not None), key=lambda each: each.pod.name)
    return {reason: each for reason, each in sick.items() if each}
