"""scale: more (or, with a negative `by`, fewer) replicas, within bounds, and taken back when it is no longer needed.

Replicas that an HPA owns are not touched (TRAPS 9), nor is a workload that people have switched off (0 replicas).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.durations import CAMEL, PATTERN, Duration
from platelet.model.policy import DAY
from platelet.model.remediation import Attempt, PostState, TakeBack
from platelet.model.rights import on_workloads
from platelet.model.rules import Action
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan, Refusal

MOST = 10000  # replicas; what any scale may ask for
LEAST = 1  # going to 0 is switching off, not healing

ONE_OF_RULE = "set exactly one of to and by"
BY_RULE = "by: 0 changes nothing; give the number of replicas to add, or a negative one to remove"
BOUNDS_RULE = "max must not be below min"
REVERT_RULE = "revertAfter must be longer than 0s and at most 24h, the memory of the ActionBudget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Change the number of replicas. `to` only ever adds; to remove some, use a negative `by`."""

    to: Annotated[
        int | None,
        Field(ge=1, le=MOST, description="At least this many replicas. A workload that has more keeps them."),
    ] = None
    by: Annotated[
        int | None,
        Field(ge=-MOST, le=MOST, description="This many replicas more than now; fewer when negative."),
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

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL,
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.to) != has(self.by)", "message": ONE_OF_RULE},
                {"rule": "!has(self.by) || self.by != 0", "message": BY_RULE},
                {"rule": "!has(self.min) || !has(self.max) || self.min <= self.max", "message": BOUNDS_RULE},
                {
                    # Text that is no duration is left to the rule on the text.
                    "rule": f"!has(self.revertAfter) || !self.revertAfter.matches('{PATTERN}') || "
                    "(duration(self.revertAfter) > duration('0s') && duration(self.revertAfter) <= duration('24h'))",
                    "message": REVERT_RULE,
                },
            ]
        },
    )

    def __post_init__(self) -> None:
        """Hold the same rules where no API server has: in files and tests. Raises ValueError."""
        if (self.to is None) == (self.by is None):
            raise ValueError(ONE_OF_RULE)
        if self.by == 0:
            raise ValueError(BY_RULE)
        if self.min is not None and self.max is not None and self.max < self.min:
            raise ValueError(BOUNDS_RULE)
        if self.revert_after is not None and not timedelta() < self.revert_after <= DAY:
            raise ValueError(REVERT_RULE)

    @property
    def floor(self) -> int:
        """The fewest replicas that the step may leave."""
        return LEAST if self.min is None else self.min

    @property
    def ceiling(self) -> int:
        """The most replicas that the step may leave."""
        return MOST if self.max is None else self.max


def plan(settings: Scale, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the number of replicas. Refuses where others own the number, or the wanted one changes nothing."""
    live = situation.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to scale")
    if live.ref.kind == "DaemonSet":
        message = f"{live.ref} runs one pod on each of its nodes: nodes are added, not replicas"
        return Refusal(reason=reasons.NOT_SCALABLE, message=message)
    if situation.autoscalers:
        return Refusal(
            reason=reasons.HPA_OWNED,
            message=f"the replicas belong to HorizontalPodAutoscaler {', '.join(situation.autoscalers)}",
        )
    if live.replicas == 0:
        return Refusal(reason=reasons.SCALED_TO_ZERO, message="the workload has 0 replicas: people switched it off")
    if settings.by is not None and settings.by < 0:
        return _fewer(settings, live.replicas, -settings.by, now)
    return _more(settings, live.replicas, now)


def undo(attempt: Attempt, situation: Situation) -> PostState | Refusal:
    """Give back the number that was there before, if the present one is still ours."""
    live, ours = situation.workload, attempt.post.replicas
    if live is None or live.uid != attempt.pre.uid or live.replicas != ours:
        has = live.replicas if live is not None else 0
        return Refusal(
            reason=reasons.NOT_OURS_ANYMORE,
            message=f"replicas is {has}, not our {ours}, or the workload was created anew",
        )
    return PostState(replicas=attempt.pre.replicas)


def _more(settings: Scale, has: int, now: datetime) -> Plan | Refusal:
    wanted = settings.to if settings.to is not None else has + (settings.by or 0)
    bounded = max(settings.floor, min(wanted, settings.ceiling))
    if bounded > has:
        return _set(settings, has, bounded, now)
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
    due_at = None if settings.revert_after is None else now + settings.revert_after
    take_back = None
    if due_at is not None or settings.revert_when_resolved:
        take_back = TakeBack(due_at=due_at, when_resolved=settings.revert_when_resolved)
    return Plan(
        post=PostState(replicas=replicas),
        summary=f"scale from {has} to {replicas} replicas",
        take_back=take_back,
    )


ACTION = Action(
    key="scale",
    settings=Scale,
    rights=on_workloads("patch", "scale", without=("DaemonSet",)),
    traits=ActionTraits(name="scale", changes_replicas=True),
    needs_room=lambda settings: settings.by is None or settings.by > 0,
    plan=plan,
    undo=undo,
)
