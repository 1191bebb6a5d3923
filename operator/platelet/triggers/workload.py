"""The trigger on workloads: what the controller says of a rollout, and how many pods are missing.

RolloutStuck is the Deployment's own word (condition Progressing, ProgressDeadlineExceeded; ReplicaFailure, where each
pod of the new template is refused). The other kinds have no such conditions, and no moment at which their rollout last
progressed: there, ReplicasUnavailable and the pods' reasons tell.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from platelet.model import constraint, symptoms
from platelet.model.constraint import Rule
from platelet.model.durations import PATTERN, Duration
from platelet.model.signal import Evidence, ShortText, Signal
from platelet.model.trigger import FromTarget, Sighting
from platelet.model.workload import DEADLINE_EXCEEDED, Kind, Pod, Workload

WorkloadCondition = Literal["RolloutStuck", "ReplicasUnavailable"]
CONDITIONS: tuple[WorkloadCondition, ...] = get_args(WorkloadCondition)
"""Of several at once the first one that holds names the incident."""

MAX_PODS = 10  # named in a signal
_MAX_QUOTE = 400  # characters of the API server's own words
UNAVAILABLE_FOR = timedelta(minutes=5)  # when the policy says nothing: every rollout has unavailable pods for a while
REFUSED_FOR = timedelta(minutes=1)  # a quota may be full for a moment, until pods that are replaced have gone
REMEMBERED_AFTER = timedelta(minutes=1)  # pods that are missing carry no time: then the Remediation has to remember it


def _is_no_patience(trigger: "WorkloadTrigger") -> bool:
    least = timedelta(microseconds=1) if "ReplicasUnavailable" in trigger.conditions else timedelta()
    return trigger.for_ is not None and not least <= trigger.for_ <= timedelta(hours=24)


# Text that is no duration is left to the rule on the text.
_PATIENCE = Rule(
    cel=f"!has(self.__for__) || !self.__for__.matches('{PATTERN}') || (duration(self.__for__) <= duration('24h') && "
    "(!('ReplicasUnavailable' in self.conditions) || duration(self.__for__) > duration('0s')))",
    broken=_is_no_patience,
    message="`for` may be at most 24h, and above 0s with ReplicasUnavailable: every rollout has unavailable pods for a "
    "while",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadTrigger:
    """`workload:` in a policy: what the status of the workload itself says."""

    conditions: Annotated[
        tuple[WorkloadCondition, ...],
        Field(
            min_length=1,
            max_length=len(CONDITIONS),
            description="RolloutStuck: the rollout has exceeded its progressDeadlineSeconds, or each of its pods is "
            "refused (a quota, Pod Security, a webhook); only Deployments say so. ReplicasUnavailable: fewer pods are "
            "available than wanted; pods whose first start goes on do not count as missing.",
        ),
    ]
    for_: Annotated[
        Duration | None,
        Field(
            description="For how long. Absent: 5m for ReplicasUnavailable, at once for RolloutStuck (1m if refused)."
        ),
    ] = None
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(_PATIENCE)

    def __post_init__(self) -> None:
        """Refuse ReplicasUnavailable without any patience, and patience without end. Raises ValueError."""
        constraint.hold(self, _PATIENCE)

    def held_for(self, condition: WorkloadCondition) -> timedelta:
        """How long `condition` must have been there."""
        if self.for_ is not None:
            return self.for_
        return UNAVAILABLE_FOR if condition == "ReplicasUnavailable" else timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a workload that is there now."""

    name: WorkloadCondition
    since: datetime
    message: str
    at_least: timedelta = timedelta()  # whatever the trigger says
    known: bool = True  # the API tells since when; else whoever saw it must remember


def observe(  # noqa: PLR0913 - the facts of one workload
    trigger: WorkloadTrigger,
    workload: Workload,
    pods: Sequence[Pod],
    newest_revision_hash: str,
    now: datetime,
    seen_since: datetime | None = None,
) -> Signal | None:
    """Give the signal that a workload shows, or None.

    It is given once it holds: every rollout has unavailable pods. Only where nothing in the API tells since when (pods
    that are missing altogether) it is given after a minute, so that its Remediation remembers. `seen_since` is since
    when the caller knows that pods are missing: by an open Remediation, else by its own memory.
    """
    present = [
        condition
        for condition in _present(trigger, workload, pods, seen_since or now, now)
        if _is_given(trigger, condition, now)
    ]
    held = [condition for condition in present if condition.since + _patience(trigger, condition) <= now]
    condition = next(iter([*held, *present]), None)
    if condition is None:
        return None
    stuck = condition.name == "RolloutStuck"  # a start that goes on for longer than the deadline is stuck, too
    unready = (pod for pod in pods if pod.is_active and not pod.ready and (stuck or not pod.is_starting))
    sick = sorted(unready, key=lambda pod: pod.name)
    return Signal(
        source="workload",
        reason=condition.name,
        fingerprint=f"workload/{condition.name}",
        message=condition.message + _explain(sick, now),
        since=condition.since,
        holds_at=condition.since + _patience(trigger, condition),
        severity=trigger.severity,
        pods=tuple(pod.name for pod in sick[:MAX_PODS]),
        newest_only=bool(newest_revision_hash)
        and all(pod.revision_hash == newest_revision_hash for pod in sick)
        and (bool(sick) or _lacks_new_pods(workload, pods, newest_revision_hash)),
    )


def next_change(
    trigger: WorkloadTrigger,
    workload: Workload,
    pods: Sequence[Pod],
    now: datetime,
    seen_since: datetime | None = None,
) -> datetime | None:
    """When time alone, with the same workload and pods, may next change what `observe` answers; None: never."""
    moments = []
    for condition in _present(trigger, workload, pods, seen_since or now, now):
        moments += [condition.since + _patience(trigger, condition)]
        moments += [] if condition.known else [condition.since + REMEMBERED_AFTER]
    if workload.is_short:
        moments += [pod.created_at + workload.start_grace for pod in pods if pod.is_starting]
    return min((moment for moment in moments if moment > now), default=None)


def _is_given(trigger: WorkloadTrigger, condition: Condition, now: datetime) -> bool:
    patience = _patience(trigger, condition)
    return condition.since + (patience if condition.known else min(patience, REMEMBERED_AFTER)) <= now


def _explain(sick: Sequence[Pod], now: datetime) -> str:
    """What the first pod of which it is known shows: the image that cannot be pulled, say."""
    shown = ((pod, symptoms.explain(pod, now)) for pod in sick)
    return next((f"; {pod.name}: {words}" for pod, words in shown if words), "")


def _patience(trigger: WorkloadTrigger, condition: Condition) -> timedelta:
    return max(trigger.held_for(condition.name), condition.at_least)


def _lacks_new_pods(workload: Workload, pods: Sequence[Pod], newest_revision_hash: str) -> bool:
    """Whether a rollout stands still because pods of its template are not made, though all others are well.

    A Deployment says that they are refused. The other kinds only tell it in Events: there, pods that are missing in
    the middle of a rollout, while none is on its way out, are those that it would make next.
    """
    unfinished = workload.updated_replicas < workload.replicas - workload.held_replicas
    if not unfinished or workload.rolled_out:
        return False
    if workload.ref.kind == "Deployment":
        return bool(workload.cannot_create)
    others_are_left = any(pod.revision_hash != newest_revision_hash for pod in pods)
    rolling = workload.ref.kind == "StatefulSet" or others_are_left
    return rolling and len(pods) < workload.replicas and all(pod.is_active for pod in pods)


def _present(
    trigger: WorkloadTrigger, workload: Workload, pods: Sequence[Pod], seen_since: datetime, now: datetime
) -> list[Condition]:
    if workload.deleting or workload.paused:
        return []
    conditions = [_stuck(workload) or _refused(workload, pods), _unavailable(workload, pods, seen_since, now)]
    present = [condition for condition in conditions if condition is not None and condition.name in trigger.conditions]
    return [
        replace(condition, since=min(condition.since, now)) for condition in present
    ]  # a controller's clock may lead


def _stuck(workload: Workload) -> Condition | None:
    status, reason = workload.conditions.get("Progressing", ("", ""))
    since = workload.condition_times.get("Progressing")
    if (status, reason) != ("False", DEADLINE_EXCEEDED) or since is None:
        return None
    progress = f"{workload.updated_replicas} of {workload.replicas} pods have the new template"
    return Condition(
        name="RolloutStuck",
        since=since,
        message=f"the rollout has exceeded its progress deadline: {progress}, "
        f"{workload.available_replicas} of {workload.replicas} pods are available",
    )


def _refused(workload: Workload, pods: Sequence[Pod]) -> Condition | None:
    """Each pod of the new template is refused, and none is on its way out that could make room for it."""
    since = workload.condition_times.get("ReplicaFailure")
    if not workload.makes_no_pods or since is None or any(pod.deleting for pod in pods):
        return None
    return Condition(
        name="RolloutStuck",
        since=since,
        message=f"the rollout cannot make any pod: {workload.cannot_create[:_MAX_QUOTE]}",
        at_least=REFUSED_FOR,
    )


def _unavailable(workload: Workload, pods: Sequence[Pod], seen_since: datetime, now: datetime) -> Condition | None:
    """Since the oldest of the unready pods is unready; pods that are missing altogether carry no time.

    A pod whose first start goes on is neither, for as long as a rollout may go without progress.
    """
    alive = [pod for pod in pods if pod.is_active]
    starting = [pod for pod in alive if pod.is_starting and now < pod.created_at + workload.start_grace]
    if not workload.is_short or workload.available_replicas + len(starting) >= workload.replicas:
        return None
    unready = [_unready_since(pod) for pod in alive if not pod.ready and pod not in starting]
    minimum_lost = (
        workload.condition_times.get("Available")
        if workload.conditions.get("Available", ("", ""))[0] == "False"
        else None
    )
    known = min([*unready, *([minimum_lost] if minimum_lost else [])], default=None)
    if known is None and len(alive) >= workload.replicas:
        return None  # all are ready, and count as available after minReadySeconds
    missing = workload.replicas - len(alive)
    words = f"{workload.available_replicas} of {workload.replicas} pods are available"
    return Condition(
        name="ReplicasUnavailable",
        since=seen_since if known is None else known,
        message=words + (f", {missing} are missing" if missing > 0 else ""),
        known=known is not None,
    )


def _unready_since(pod: Pod) -> datetime:
    return pod.ready_changed_at or pod.created_at


def _observe(trigger: WorkloadTrigger, sighting: Sighting, now: datetime) -> Signal | None:
    workload = sighting.workload
    if workload is None:
        return None
    return observe(trigger, workload, sighting.pods, sighting.newest_revision_hash, now, _short_since(sighting))


def _next_change(trigger: WorkloadTrigger, sighting: Sighting, now: datetime) -> datetime | None:
    workload = sighting.workload
    return next_change(trigger, workload, sighting.pods, now, _short_since(sighting)) if workload is not None else None


def _short_since(sighting: Sighting) -> datetime | None:
    """Since when it is remembered that replicas are unavailable: pods that are missing carry no time."""
    facts = [fact for fact in sighting.facts if fact.source == "workload" and fact.reason == "ReplicasUnavailable"]
    recorded = min((fact.first_seen for fact in facts if fact.resolved_at is None), default=None)
    return recorded if sighting.short_since is None else sighting.short_since


def _describe(trigger: WorkloadTrigger, _facts: Sequence[Evidence]) -> str:
    return f"it looks for {' or '.join(trigger.conditions)} of the workload"


def _never_holds(trigger: WorkloadTrigger, kinds: Collection[Kind]) -> str:
    if "RolloutStuck" not in trigger.conditions or "Deployment" in kinds:
        return ""
    named = " and ".join(f"{kind}s" for kind in sorted(kinds))
    return f"RolloutStuck is a Deployment's, and the policy is for {named} only: use ReplicasUnavailable"


TRIGGER = FromTarget(
    key="workload",
    settings=WorkloadTrigger,
    source="workload",
    observe=_observe,
    next_change=_next_change,
    describe=_describe,
    never_holds=_never_holds,
)
