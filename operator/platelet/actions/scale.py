"""scale: more (or, with a negative `by`, fewer) replicas, within bounds, and taken back when it is no longer needed.

A workload that people have switched off (0 replicas) is not touched. Replicas that an autoscaler owns are its own
(TRAPS 9): there the step may raise its bounds for a time, if it says so by `autoscaler`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from platelet.model import ownership, reasons
from platelet.model.autoscaler import Autoscaler, AutoscalerKind, Bounds
from platelet.model.durations import CAMEL, PATTERN, Duration, format_duration
from platelet.model.intent import PostState
from platelet.model.policy import DAY
from platelet.model.remediation import Attempt, TakeBack
from platelet.model.rights import Right, on_workloads
from platelet.model.rules import Action
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload

MOST = 10000  # replicas; what any scale may ask for
LEAST = 1  # going to 0 is switching off, not healing

_RAISING = tuple(
    Right(group=group, resource=f"{kind.lower()}s", verb="patch", only_with=("autoscaler", kind))
    for kind, group in ownership.AUTOSCALER_GROUPS.items()
)

TO_RULE = "to: 0 switches the workload off, which heals nothing and stops its autoscaler: give 1 or more"
ONE_OF_RULE = "set exactly one of to and by"
BY_RULE = "by: 0 changes nothing; give the number of replicas to add, or a negative one to remove"
BOUNDS_RULE = "max must not be below min"
AUTOSCALER_RULE = "autoscaler raises bounds for a time: add revertAfter or revertWhenResolved, and no negative by"
REVERT_RULE = "revertAfter must be longer than 0s and at most 24h, the memory of the ActionBudget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Change the number of replicas. `to` only ever adds; to remove some, use a negative `by`."""

    to: Annotated[
        int | None,
        Field(
            ge=0, le=MOST, description="At least this many replicas, 1 or more. A workload that has more keeps them."
        ),
    ] = None
    by: Annotated[
        int | None,
        Field(ge=-MOST, le=MOST, description="This many more replicas than now, or fewer if negative."),
    ] = None
    min: Annotated[
        int | None,
        Field(ge=1, le=MOST, description="The step never leaves fewer replicas than this. Absent: 1."),
    ] = None
    max: Annotated[
        int | None,
        Field(ge=1, le=MOST, description="The step never leaves more replicas than this. Absent: 10000."),
    ] = None
    revert_after: Annotated[
        Duration | None,
        Field(description="Take the change back this long after it was planned, if it is still ours."),
    ] = None
    revert_when_resolved: Annotated[
        bool,
        Field(description="Take the change back when the alert has resolved, if it is still ours."),
    ] = False
    autoscaler: Annotated[
        AutoscalerKind | None,
        Field(
            description="Where an autoscaler of this kind owns the replicas: raise its minimum to the wanted number, "
            "and its maximum if that is lower, until the change is taken back. A ScaledObject is KEDA's, which owns "
            "the HPA. Absent: a workload with an autoscaler is left to it."
        ),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL,
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.to) != has(self.by)", "message": ONE_OF_RULE},
                {"rule": "!has(self.to) || self.to != 0", "message": TO_RULE},
                {"rule": "!has(self.by) || self.by != 0", "message": BY_RULE},
                {"rule": "!has(self.min) || !has(self.max) || self.min <= self.max", "message": BOUNDS_RULE},
                {
                    # Text that is no duration is left to the rule on the text.
                    "rule": f"!has(self.revertAfter) || !self.revertAfter.matches('{PATTERN}') || "
                    "(duration(self.revertAfter) > duration('0s') && duration(self.revertAfter) <= duration('24h'))",
                    "message": REVERT_RULE,
                },
                {
                    "rule": "!has(self.autoscaler) || ((has(self.revertAfter) || self.revertWhenResolved) && "
                    "(has(self.to) || self.by > 0))",
                    "message": AUTOSCALER_RULE,
                },
            ]
        },
    )

    def __post_init__(self) -> None:
        """Hold the same rules where no API server has: in files and tests. Raises ValueError."""
        if (self.to is None) == (self.by is None):
            raise ValueError(ONE_OF_RULE)
        if self.to == 0:
            raise ValueError(TO_RULE)
        if self.by == 0:
            raise ValueError(BY_RULE)
        if self.min is not None and self.max is not None and self.max < self.min:
            raise ValueError(BOUNDS_RULE)
        if self.revert_after is not None and not timedelta() < self.revert_after <= DAY:
            raise ValueError(REVERT_RULE)
        lasting = self.revert_after is None and not self.revert_when_resolved
        if self.autoscaler is not None and (lasting or (self.by is not None and self.by < 0)):
            raise ValueError(AUTOSCALER_RULE)

    @property
    def floor(self) -> int:
        """The fewest replicas that the step may leave."""
        return LEAST if self.min is None else self.min

    @property
    def ceiling(self) -> int:
        """The most replicas that the step may leave."""
        return MOST if self.max is None else self.max


def _to_chosen(settings: Scale, value: str) -> dict[str, Any]:
    """Scale to this number instead, within `min` and `max`; a step without `max` is not exceeded. Raises ValueError."""
    most = settings.max if settings.max is not None else settings.to
    if most is None:
        raise ValueError("the step has no max, so its author has left no room for another number")
    if not value.isascii() or not value.isdigit() or not settings.floor <= int(value) <= most:
        raise ValueError(f"{value!r} is no number from {settings.floor} to {most}, the bounds of the step")
    written: dict[str, Any] = TypeAdapter(Scale).dump_python(settings, mode="json", by_alias=True, exclude_none=True)
    written.pop("by", None)
    return {**written, "to": int(value)}


def plan(settings: Scale, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the number of replicas. Refuses where others own the number, or the wanted one changes nothing."""
    live = situation.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to scale")
    if live.ref.kind == "DaemonSet":
        message = f"{live.ref} runs one pod on each of its nodes: nodes are added, not replicas"
        return Refusal(reason=reasons.NOT_SCALABLE, message=message)
    if live.replicas == 0:
        return Refusal(reason=reasons.SCALED_TO_ZERO, message="the workload has 0 replicas: people switched it off")
    if situation.autoscalers:
        return _raise(settings, situation, live, now)
    if settings.by is not None and settings.by < 0:
        return _fewer(settings, live.replicas, -settings.by, now)
    wanted = _more(settings, live.replicas)
    return wanted if isinstance(wanted, Refusal) else _set(settings, live.replicas, wanted, now)


def undo(attempt: Attempt, situation: Situation) -> PostState | Refusal:
    """Give back the number, or the bounds, that were there before, if the present ones are still ours."""
    live, ours = situation.workload, attempt.post
    if ours.autoscaler is not None:
        return _lower(ours.autoscaler, attempt, situation)
    if live is None or live.uid != attempt.pre.uid or live.replicas != ours.replicas:
        message = (
            f"replicas is {live.replicas if live else 0}, not our {ours.replicas}, or the workload was created anew"
        )
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=message)
    return PostState(replicas=attempt.pre.replicas)


def _lower(ours: Bounds, attempt: Attempt, situation: Situation) -> PostState | Refusal:
    raised = situation.autoscaler(ours)
    if raised is None or raised.bounds != ours:
        has = "not those of the same object" if raised is None else raised.bounds
        message = f"the bounds of {ours.kind} {ours.name} are {has}, not our {ours}"
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=message)
    return PostState(autoscaler=attempt.pre.autoscaler)


def _more(settings: Scale, has: int) -> int | Refusal:
    wanted = settings.to if settings.to is not None else has + (settings.by or 0)
    bounded = max(settings.floor, min(wanted, settings.ceiling))
    if bounded > has:
        return bounded
    if wanted > has:
        return Refusal(
            reason=reasons.AT_MAXIMUM, message=f"has {has}, and the step may not go above {settings.ceiling}"
        )
    return Refusal(reason=reasons.ALREADY_THERE, message=f"has {has}, at least {wanted} wanted")


def _fewer(settings: Scale, has: int, removed: int, now: datetime) -> Plan | Refusal:
    bounded = max(settings.floor, has - removed)
    if bounded >= has:
        return Refusal(
            reason=reasons.ALREADY_THERE, message=f"has {has}, and the step must leave at least {settings.floor}"
        )
    if bounded > settings.ceiling:
        # Clamping down to max would remove more than the step says.
        return Refusal(
            reason=reasons.AT_MAXIMUM,
            message=f"has {has}; {bounded} would still be above the {settings.ceiling} that the step may leave",
        )
    return _set(settings, has, bounded, now)


def _set(settings: Scale, has: int, replicas: int, now: datetime) -> Plan:
    return Plan(
        post=PostState(replicas=replicas),
        summary=f"scale from {has} to {replicas} replicas",
        take_back=_take_back(settings, now),
    )


def _raise(settings: Scale, situation: Situation, live: Workload, now: datetime) -> Plan | Refusal:
    """Raise the autoscaler's minimum to the wanted number, and its maximum if that is lower."""
    first = situation.autoscalers[0]
    why_not = _why_not_raised(settings, situation, first)
    if why_not is not None:
        return why_not
    wanted = _more(settings, live.replicas)
    if isinstance(wanted, Refusal):
        return wanted
    if first.least >= wanted:
        return Refusal(reason=reasons.ALREADY_THERE, message=f"{first} asks for {first.least} at least, and so will be")
    bounds = replace(first.bounds, min=wanted, max=wanted if first.most < wanted else first.bounds.max)
    until = "until the alert has resolved" if settings.revert_after is None else format_duration(settings.revert_after)
    return Plan(
        post=PostState(autoscaler=bounds),
        summary=f"raise the bounds of {first} from {first.bounds} to {bounds} replicas ({until}); {live.replicas} now",
        take_back=_take_back(settings, now),
    )


def _why_not_raised(settings: Scale, situation: Situation, first: Autoscaler) -> Refusal | None:
    owners = " and ".join(str(each) for each in situation.autoscalers)
    if len(situation.autoscalers) > 1:
        return Refusal(reason=reasons.HPA_OWNED, message=f"the replicas belong to {owners}: keep one of them")
    if settings.autoscaler != first.bounds.kind:
        fix = f"with `autoscaler: {first.bounds.kind}` the step would raise its bounds for a time"
        return Refusal(reason=reasons.HPA_OWNED, message=f"the replicas belong to {owners}: {fix}")
    if first.unusable or first.deleting:
        why = first.unusable or "it is being deleted"
        return Refusal(reason=reasons.HPA_OWNED, message=f"the bounds of {owners} are not raised: {why}")
    namespace, forced = situation.target.namespace, situation.policy is not None and situation.policy.force
    gitops = "" if forced else ownership.gitops_owner_of_autoscaler(first, namespace)
    if gitops:
        message = f"{gitops} owns {owners} and would take the change back; change it in Git, or set force"
        return Refusal(reason=reasons.GITOPS_MANAGED, message=message)
    return None


def _take_back(settings: Scale, now: datetime) -> TakeBack | None:
    due_at = None if settings.revert_after is None else now + settings.revert_after
    if due_at is None and not settings.revert_when_resolved:
        return None
    return TakeBack(due_at=due_at, when_resolved=settings.revert_when_resolved)


ACTION = Action(
    key="scale",
    settings=Scale,
    rights=(*on_workloads("patch", "scale", without=("DaemonSet",)), *_RAISING),
    traits=ActionTraits(name="scale", changes_replicas=True),
    needs_room=lambda settings: settings.by is None or settings.by > 0,
    plan=plan,
    undo=undo,
    parameters={"replicas": _to_chosen},
)
