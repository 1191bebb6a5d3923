"""The Runbook: what to do. Its steps are composed from the lists of actions and checks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from platelet.actions import ACTIONS
from platelet.api import expressions, invalid, unions
from platelet.api.conditions import Readiness
from platelet.model import policy, reasons
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.remediation import MAX_STEPS
from platelet.model.signal import Text

_NAME_PATTERN = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_NAME_RULE = "a step's name is in lower case, of letters, digits and dashes: restart, undo-a-bad-release"


def _read_name(name: str) -> str:
    if not re.fullmatch(_NAME_PATTERN, name):
        raise ValueError(_NAME_RULE)
    return name


StepName = Annotated[
    str,
    AfterValidator(_read_name),
    Field(
        min_length=1,
        max_length=63,
        description="What the step is called in records and Events.",
        json_schema_extra={
            "x-kubernetes-validations": [{"rule": f"self.matches('{_NAME_PATTERN}')", "message": _NAME_RULE}]
        },
    ),
]
When = Annotated[
    str,
    Field(
        max_length=1024,
        description="A condition in CEL over target, signal and remediation; without one the step is always tried. "
        'For example: target.changedWithin("30m").',
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """The alert that opened the remediation must have resolved."""

    timeout: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="How long to wait for it, counted from the complete rollout: alerts resolve late."),
    ] = timedelta(minutes=15)

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


CHECK = unions.Union(
    name="CheckSpec",
    doc="One proof of recovery, beyond a complete rollout that stays stable.",
    kinds={"alertResolved": AlertResolved},
    none="a check needs its kind: alertResolved",
    several="write one check per entry of the list",
)
if TYPE_CHECKING:
    CheckSpec = Any
else:
    CheckSpec = CHECK.build()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """How the step's recovery is proven. Without a proof the next step follows."""

    timeout: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="From the write to the complete rollout, and once more from there to stability."),
    ] = timedelta(minutes=5)
    stable_for: Annotated[
        Duration, Between("0s", "24h"), Field(description="How long everything must be available without a restart.")
    ] = timedelta(minutes=1)
    checks: Annotated[
        tuple[CheckSpec, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


Approval = Annotated[
    Literal["Required"] | None,
    Field(description="Required: a person must approve this step's plan, whatever the policy's mode."),
]
_KEYS = ", ".join(action.key for action in ACTIONS)
STEP = unions.Union(
    name="StepSpec",
    doc="One rung: an optional condition, exactly one action, and how its success is proven.",
    kinds={action.key: action.settings for action in ACTIONS},
    none=f"a step needs an action: add one of {_KEYS}",
    several=f"a step does one thing: keep one of {_KEYS}, and write a further step for the other",
    shared=(
        ("name", StepName, field()),
        ("when", When, field(default="")),
        ("approval", Approval, field(default=None)),
        ("verify", VerifySpec, field(default_factory=VerifySpec)),
    ),
)
if TYPE_CHECKING:
    StepSpec = Any
else:
    StepSpec = STEP.build()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookSpec:
    """What to do, in order. Each step is tried only if the one before it did not bring recovery."""

    description: Annotated[Text, Field(description="For people: which incident this is for.")] = ""
    steps: Annotated[
        tuple[StepSpec, ...],
        Field(
            min_length=1,
            max_length=MAX_STEPS,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """A Runbook as read: its steps as written, so that they can be pinned."""

    namespace: str
    name: str
    uid: str
    generation: int
    description: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()


_STEPS: TypeAdapter[tuple[Any, ...]] = TypeAdapter(tuple[StepSpec, ...])


def read_runbook(obj: Mapping[str, Any]) -> Runbook:
    """Read a Runbook without judging its steps. Raises InvalidSpec where there are none, KeyError without metadata."""
    metadata, spec = obj["metadata"], invalid.mapping(obj.get("spec"), "spec")
    steps = spec.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise invalid.InvalidSpec(f"spec.steps: {invalid.show(steps)} is not a list of steps: write one at least")
    return Runbook(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        description=str(spec.get("description") or ""),
        steps=tuple(steps),
    )


def read_steps(raw: Sequence[Mapping[str, Any]]) -> tuple[policy.Step, ...]:
    """Read steps, from a Runbook or as pinned. Raises InvalidSpec that names the field, the value and the fix."""
    if not 1 <= len(raw) <= MAX_STEPS:
        raise invalid.InvalidSpec(f"steps: there are {len(raw)}: write 1 to {MAX_STEPS}")
    steps = tuple(_step(spec) for spec in invalid.read(_STEPS, raw, "steps"))
    names = [step.name for step in steps]
    for name in names:
        if names.count(name) > 1:
            raise invalid.InvalidSpec(f"steps: {name!r} is the name of two steps: rename one of them")
    return steps


def check_runbook(runbook: Runbook) -> Readiness:
    """Judge what the API server cannot: whether the steps and their conditions can be understood."""
    try:
        steps = read_steps(runbook.steps)
    except invalid.InvalidSpec as error:
        return Readiness(ready=False, reason=reasons.INVALID_SPEC, message=str(error))
    for step in steps:
        try:
            if step.when:
                expressions.compile_condition(step.when)
        except expressions.ConditionError as error:
            said = f"step {step.name}: when: {error}"
            return Readiness(ready=False, reason=reasons.INVALID_CONDITION, message=said)
    return Readiness(ready=True, reason=reasons.READY, message="1 step" if len(steps) == 1 else f"{len(steps)} steps")


def _step(spec: Any) -> policy.Step:
    action, settings = STEP.chosen(spec)
    return policy.Step(
        name=spec.name,
        action=action,
        settings=settings,
        when=spec.when,
        needs_approval=spec.approval == "Required",
        verify=_verification(spec.verify),
    )


def _verification(spec: VerifySpec) -> policy.Verification:
    alert = next((check.alertResolved for check in spec.checks if check.alertResolved is not None), None)
    return policy.Verification(
        timeout=spec.timeout,
        stable_for=spec.stable_for,
        alert_resolved=alert is not None,
        alert_timeout=(alert or AlertResolved()).timeout,
    )
