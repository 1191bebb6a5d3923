"""The Runbook: what to do. Its steps are composed from the lists of actions and checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter

from platelet import actions, checks
from platelet.actions import ACTIONS
from platelet.api.kinds import earlier_words, expressions, invalid, unions
from platelet.api.kinds.conditions import Readiness
from platelet.model import constraint, policy, reasons
from platelet.model.constraint import Rule
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.outside import Outside
from platelet.model.remediation import MAX_STEPS
from platelet.model.signal import Text
from platelet.model.verifying import MAX_CHECKS

_NAME_PATTERN = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_NAME_RULE = "a step's name is in lower case, of letters, digits and dashes: restart, undo-a-bad-release"


StepName = Annotated[
    str,
    constraint.Matches(_NAME_PATTERN, _NAME_RULE),
    Field(min_length=1, max_length=63, description="What the step is called in records and Events."),
]
When = Annotated[
    str,
    Field(
        max_length=1024,
        description="A condition in CEL over target, signal and remediation. Without one the step is always tried. "
        'For example: target.changedWithin("30m").',
    ),
]


_CHECKS = {check.name: check.settings for check in checks.CHECKS if check.settings is not None}
CHECK = unions.Union(
    name="CheckSpec",
    doc="One proof of recovery, beyond a complete rollout that stays stable.",
    kinds=_CHECKS,
    none=f"a check needs its kind: {' or '.join(_CHECKS)}; one without settings is written with braces",
    several="write one check per entry of the list: all of them must pass",
)
if TYPE_CHECKING:
    CheckSpec = Any
else:
    CheckSpec = CHECK.build()


_VERIFY_RULES = tuple(rule for check in checks.CHECKS for rule in check.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """How recovery is verified after the step."""

    timeout: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="How long the rollout may take, and then once more how long the checks may take to pass."),
    ] = timedelta(minutes=5)
    stable_for: Annotated[
        Duration, Between("0s", "24h"), Field(description="How long all pods must be available without a restart.")
    ] = timedelta(minutes=1)
    checks: Annotated[
        tuple[CheckSpec, ...],
        Field(
            max_length=MAX_CHECKS,
            description="All of them must pass.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_VERIFY_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has. Raises ValueError."""
        constraint.hold(self, *_VERIFY_RULES)


Approval = Annotated[
    Literal["Required"] | None,
    Field(description="Required: a person must approve this step's plan, whatever the policy's mode."),
]


def _not_undo(value: object) -> object:
    if value == earlier_words.UNDO:
        raise ValueError(f"'{value}' is called '{earlier_words.REVERT}': write onFailure: {earlier_words.REVERT}")
    return value


OnFailure = Annotated[
    policy.OnFailure,
    BeforeValidator(_not_undo),
    Field(
        description="What follows if the step did not help. Next: the next step. Escalate: people are called. "
        "Stop: automation ends for this incident, and nobody is called. "
        "Revert: this step is reverted, and the next one follows."
    ),
]
OnInconclusive = Annotated[
    policy.OnInconclusive,
    Field(
        description="What follows if nobody can tell whether it helped. Escalate: people are called. "
        "Next: the next step."
    ),
]
_KEYS = ", ".join(action.key for action in ACTIONS)


def _stays(key: str) -> Rule:
    return Rule(
        cel=f"!has(self.{key}) || self.onFailure != 'Revert'",
        broken=lambda step: step.on_failure == "Revert" and getattr(step, key) is not None,
        message=f"{key} cannot be reverted: with it, onFailure is Next, Escalate or Stop",
    )


def _asks_nobody(key: str) -> Rule:
    return Rule(
        cel=f"!has(self.{key}) || !has(self.approval)",
        broken=lambda step: step.approval is not None and getattr(step, key) is not None,
        message=f"{key} does nothing that a person could approve: remove approval",
    )


STEP = unions.Union(
    name="StepSpec",
    doc="One step: an optional condition, exactly one action, and how its success is verified.",
    kinds={action.key: action.settings for action in ACTIONS},
    none=f"a step needs an action: add one of {_KEYS}; one without settings has braces: rolloutRestart: {{}}",
    several=f"a step does one thing: keep one of {_KEYS}, and write a further step for the other",
    shared=(
        ("name", StepName, field()),
        ("when", When, field(default="")),
        ("approval", Approval, field(default=None)),
        ("verify", VerifySpec, field(default_factory=VerifySpec)),
        ("on_failure", OnFailure, field(default="Next")),
        ("on_inconclusive", OnInconclusive, field(default="Escalate")),
    ),
    rules=(
        *(_stays(action.key) for action in ACTIONS if not action.is_reversible),
        *(_asks_nobody(action.key) for action in ACTIONS if not action.writes),
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


def check_runbook(runbook: Runbook, outside: Outside | None) -> Readiness:
    """Judge what the API server cannot: whether the steps can be understood, and their checks asked.

    Without the operator's settings (`outside` is None) it is not judged whom it can ask.
    """
    try:
        steps = read_steps(runbook.steps)
    except invalid.InvalidSpec as error:
        return Readiness(ready=False, reason=reasons.INVALID_SPEC, message=str(error))
    for step in steps:
        try:
            if step.when:
                expressions.compile_condition(step.when)
        except expressions.ConditionError as error:
            message = f"step {step.name}: when: {error}"
            return Readiness(ready=False, reason=reasons.INVALID_CONDITION, message=message)
        unusable = actions.BY_KEY[step.action].find_fault(step.settings, outside)
        if unusable is not None:
            return Readiness(ready=False, reason=unusable.reason, message=f"step {step.name}: {unusable.message}")
        for settings in step.verify.checks:
            fault = checks.of(settings).find_fault(settings, outside)
            if fault is not None:
                return Readiness(ready=False, reason=fault.reason, message=f"step {step.name}: {fault.message}")
    return Readiness(ready=True, reason=reasons.READY, message="1 step" if len(steps) == 1 else f"{len(steps)} steps")


def _step(spec: Any) -> policy.Step:
    action, settings = STEP.chosen(spec)
    return policy.Step(
        name=spec.name,
        action=action,
        settings=settings,
        traits=actions.BY_KEY[action].traits_with(settings),
        when=spec.when,
        needs_approval=spec.approval == "Required",
        verify=policy.Verification(
            timeout=spec.verify.timeout,
            stable_for=spec.verify.stable_for,
            checks=tuple(CHECK.chosen(check)[1] for check in spec.verify.checks),
        ),
        on_failure=spec.on_failure,
        on_inconclusive=spec.on_inconclusive,
    )
