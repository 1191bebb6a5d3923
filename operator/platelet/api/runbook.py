"""The Runbook: what to do. Its steps are composed from the lists of actions and checks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from platelet.actions import ACTIONS
from platelet.api import expressions, invalid, unions
from platelet.api.conditions import Readiness
from platelet.api.outside import PROMETHEUS_FIX, Outside
from platelet.checks import CHECKS, http_endpoint, prometheus
from platelet.model import policy, promql, reasons
from platelet.model.durations import CAMEL, PATTERN, Between, Duration
from platelet.model.remediation import MAX_CHECKS, MAX_STEPS
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
        description="A condition in CEL over target, signal and remediation. Without one the step is always tried. "
        'For example: target.changedWithin("30m").',
    ),
]


_CHECKS = {check.name: check.settings for check in CHECKS if check.settings is not None}
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


# Text that is no duration is left to the rule on the text.
_FOR_IN_TIME = (
    f"!self.timeout.matches('{PATTERN}') || !has(self.checks) || self.checks.all(each, !has(each.prometheus) || "
    f"!each.prometheus.__for__.matches('{PATTERN}') || duration(each.prometheus.__for__) <= duration(self.timeout))"
)
_FOR_RULE = "`for` of a check is longer than `timeout` of its step, so it could not pass: raise the timeout"


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

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL, json_schema_extra={"x-kubernetes-validations": [{"rule": _FOR_IN_TIME, "message": _FOR_RULE}]}
    )

    def __post_init__(self) -> None:
        """Hold the same rule where no API server has. Raises ValueError."""
        if any(each.prometheus is not None and each.prometheus.for_ > self.timeout for each in self.checks):
            raise ValueError(_FOR_RULE)


Approval = Annotated[
    Literal["Required"] | None,
    Field(description="Required: a person must approve this step's plan, whatever the policy's mode."),
]
OnFailure = Annotated[
    policy.OnFailure,
    Field(
        description="What follows if the step did not help. Next: the next step. Escalate: people are called. "
        "Stop: automation ends for this incident, and nobody is called. "
        "Undo: this step is taken back, and the next one follows."
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


def _stays(key: str) -> unions.Rule:
    return unions.Rule(
        cel=f"!has(self.{key}) || self.onFailure != 'Undo'",
        broken=lambda step: step.on_failure == "Undo" and getattr(step, key) is not None,
        message=f"{key} cannot be taken back: with it, onFailure is Next, Escalate or Stop",
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
    rules=tuple(_stays(action.key) for action in ACTIONS if action.undo is None),
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
            said = f"step {step.name}: when: {error}"
            return Readiness(ready=False, reason=reasons.INVALID_CONDITION, message=said)
        for check in step.verify.checks:
            fault = _fault(check, outside)
            if fault is not None:
                return replace(fault, message=f"step {step.name}: {fault.message}")
    return Readiness(ready=True, reason=reasons.READY, message="1 step" if len(steps) == 1 else f"{len(steps)} steps")


def _fault(check: Any, outside: Outside | None) -> Readiness | None:
    """Why a check could never be asked, with these settings; None when it can."""
    if isinstance(check, prometheus.Prometheus):
        try:
            promql.parse(check.query)
        except promql.InvalidQueryError as error:
            return Readiness(ready=False, reason=reasons.INVALID_QUERY, message=f"query {check.query!r}: {error}")
        if outside is not None and not outside.has_prometheus:
            said = f"a prometheus check needs a Prometheus: {PROMETHEUS_FIX}"
            return Readiness(ready=False, reason=reasons.PROMETHEUS_NOT_CONFIGURED, message=said)
    if isinstance(check, http_endpoint.Http):
        host = http_endpoint.host_of(check.url)
        if outside is not None and not outside.allows(host):
            said = f"url: {host} is not in allowedHosts of the operator's settings: add it there, or ask another host"
            return Readiness(ready=False, reason=reasons.HOST_NOT_ALLOWED, message=said)
    return None


def _step(spec: Any) -> policy.Step:
    action, settings = STEP.chosen(spec)
    return policy.Step(
        name=spec.name,
        action=action,
        settings=settings,
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
