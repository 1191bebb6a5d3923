"""scale: more (or, with a negative `by`, fewer) replicas, within bounds, and reverted when it is no longer needed.

A workload that people have switched off (0 replicas) is not touched. To switch one off takes a step that allows it, and
a person who approves it; `previous` puts back what was there before our own scaling. Replicas that an autoscaler owns
are its own (TRAPS 9): there the step may raise its bounds for a time, if it says so by `autoscaler`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from platelet.changes import autoscaler_bounds, replicas
from platelet.model import constraint, lending, ownership, reasons
from platelet.model.autoscaler import Autoscaler, AutoscalerKind
from platelet.model.constraint import Rule
from platelet.model.durations import format_duration
from platelet.model.lending import RevertAfter, RevertWhenResolved
from platelet.model.policy import ActionTraits
from platelet.model.replica_goal import MOST, PREVIOUS, Goal
from platelet.model.resource import SCALERS
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload

LEAST = 1  # going to 0 is switching off, not healing

_RAISING = tuple(
    replace(right, only_with=("autoscaler", kind))
    for kind, right in zip(SCALERS, autoscaler_bounds.CHANGE.rights, strict=True)
)


def _raises_for_good(scale: "Scale") -> bool:
    return scale.autoscaler is not None and (not _is_lent(scale) or (scale.by is not None and scale.by < 0))


def _is_bounded(scale: "Scale") -> bool:
    return any(setting is not None for setting in (scale.min, scale.max, scale.autoscaler))


def _is_lent(scale: "Scale") -> bool:
    return scale.revert_after is not None or scale.revert_when_resolved


_RULES = (
    constraint.exactly_one("to", "by"),
    Rule(
        cel="(has(self.to) && type(self.to) == int && self.to == 0) == self.allowZero",
        broken=lambda scale: (scale.to == 0) != scale.allow_zero,
        message="to: 0 switches the workload off, which heals nothing: give 1 or more; where it must be, "
        "write to: 0 and allowZero: true",
    ),
    Rule(
        cel="!has(self.to) || !(type(self.to) == int ? self.to == 0 : self.to == 'previous') || "
        "!(has(self.min) || has(self.max) || has(self.autoscaler))",
        broken=lambda scale: scale.to in (0, PREVIOUS) and _is_bounded(scale),
        message="to: 0 and to: previous are exact: leave out min, max and autoscaler",
    ),
    Rule(
        cel="!has(self.to) || type(self.to) == int || !(has(self.revertAfter) || self.revertWhenResolved)",
        broken=lambda scale: scale.to == PREVIOUS and _is_lent(scale),
        message="to: previous puts something back for good: leave out revertAfter and revertWhenResolved",
    ),
    Rule(
        cel="!has(self.by) || self.by != 0",
        broken=lambda scale: scale.by == 0,
        message="by: 0 changes nothing; give the number of replicas to add, or a negative one to remove",
    ),
    Rule(
        cel="!has(self.min) || !has(self.max) || self.min <= self.max",
        broken=lambda scale: scale.min is not None and scale.max is not None and scale.max < scale.min,
        message="max must not be below min",
    ),
    lending.WITHIN_A_DAY,
    Rule(
        cel="!has(self.autoscaler) || ((has(self.revertAfter) || self.revertWhenResolved) && "
        "(has(self.to) || self.by > 0))",
        broken=_raises_for_good,
        message="autoscaler raises bounds for a time: add revertAfter or revertWhenResolved, and no negative by",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Change the number of replicas. `to` only ever adds, but for 0; to remove some, use a negative `by`."""

    to: Annotated[
        Goal | None,
        Field(
            description="At least this many replicas: a workload that has more keeps them. `previous`: as many as "
            "before platelet last scaled it, where that is on record and still in effect. 0 needs allowZero."
        ),
    ] = None
    allow_zero: Annotated[
        bool,
        Field(
            description="With `to: 0`: switch the workload off. Only a policy in mode Approve does that, once a person "
            "has approved it; then people have the incident, since nothing can be proven of what does not run."
        ),
    ] = False
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
    revert_after: RevertAfter = None
    revert_when_resolved: RevertWhenResolved = False
    autoscaler: Annotated[
        AutoscalerKind | None,
        Field(
            description="Where an autoscaler of this kind owns the replicas: raise its minimum to the wanted number, "
            "and its maximum if that is lower, until the change is reverted. A ScaledObject is KEDA's, which owns "
            "the HPA. Absent: a workload with an autoscaler is left to it."
        ),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)

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
    if settings.to == 0 or isinstance(settings.to, str):
        raise ValueError(f"the step says to: {settings.to}, so its author has left no room for another number")
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
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to scale")
    if live.ref.kind == "DaemonSet":
        message = f"{live.ref} runs one pod on each of its nodes: nodes are added, not replicas"
        return Refusal(reason=reasons.NOT_SCALABLE, message=message)
    if settings.to == PREVIOUS:
        return _put_back(situation, live)
    if live.replicas == 0:
        return Refusal(reason=reasons.SCALED_TO_ZERO, message="the workload has 0 replicas: people switched it off")
    if settings.to == 0:
        return _switch_off(settings, situation, live, now)
    if situation.surroundings.autoscalers:
        return _raise(settings, situation, live, now)
    if settings.by is not None and settings.by < 0:
        return _fewer(settings, live.replicas, -settings.by, now)
    wanted = _more(settings, live.replicas)
    return wanted if isinstance(wanted, Refusal) else _set(settings, live.replicas, wanted, now)


def _switch_off(settings: Scale, situation: Situation, live: Workload, now: datetime) -> Plan | Refusal:
    """No replicas: whatever the step says, no machine does that alone."""
    mode = situation.policy.mode if situation.policy is not None else None
    if mode != "Approve":
        message = f"to switch {live.ref} off takes a person: the policy's mode is {mode or 'not known'}, not Approve"
        return Refusal(reason=reasons.APPROVAL_NEEDED, message=message)
    return _refuse_scaled(situation) or _set(settings, live.replicas, 0, now)


def _put_back(situation: Situation, live: Workload) -> Plan | Refusal:
    """As many as before our last scaling, if that is still in effect."""
    back = replicas.back(situation)
    if isinstance(back, Refusal):
        return back
    summary = (
        f"scale back from {live.replicas} to {replicas.CHANGE.say(back, back.meant)}, as before platelet scaled it"
    )
    return _refuse_scaled(situation) or Plan(changes=(back,), summary=summary)


def _refuse_scaled(situation: Situation) -> Refusal | None:
    owners = _owners(situation)
    return Refusal(reason=reasons.HPA_OWNED, message=f"the replicas belong to {owners}") if owners else None


def _owners(situation: Situation) -> str:
    return " and ".join(str(autoscaler) for autoscaler in situation.surroundings.autoscalers)


def _more(settings: Scale, has: int) -> int | Refusal:
    wanted = settings.to if isinstance(settings.to, int) else has + (settings.by or 0)
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


def _set(settings: Scale, has: int, wanted: int, now: datetime) -> Plan:
    return Plan(
        changes=(replicas.to(wanted),),
        summary=f"scale from {has} to {wanted} replicas",
        revert=lending.revert(settings, now),
    )


def _raise(settings: Scale, situation: Situation, live: Workload, now: datetime) -> Plan | Refusal:
    """Raise the autoscaler's minimum to the wanted number, and its maximum if that is lower."""
    first = situation.surroundings.autoscalers[0]
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
        changes=(autoscaler_bounds.to(bounds),),
        summary=f"raise the bounds of {first} from {first.bounds} to {bounds} replicas ({until}); {live.replicas} now",
        revert=lending.revert(settings, now),
    )


def _why_not_raised(settings: Scale, situation: Situation, first: Autoscaler) -> Refusal | None:
    owners = _owners(situation)
    if len(situation.surroundings.autoscalers) > 1:
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
        message = f"{gitops} owns {owners} and would revert the change; change it in Git, or set force"
        return Refusal(reason=reasons.GITOPS_MANAGED, message=message)
    return None


ACTION = Action(
    key="scale",
    settings=Scale,
    changes=(replicas.CHANGE, autoscaler_bounds.CHANGE),
    rights=(*replicas.CHANGE.rights, *_RAISING),
    traits=ActionTraits(name="scale", changes_replicas=True),
    needs_room=lambda settings: settings.to != 0 and (settings.by is None or settings.by > 0),
    plan=plan,
    parameters={"replicas": _to_chosen},
)
