"""setEnv: values of environment variables of one container, by a rollout. They are named to people, and never shown.

A variable whose value is another object's (`valueFrom`) is never overwritten.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.actions import rollout_restart
from platelet.changes import env_values, kept_values
from platelet.model import constraint, lending, meant_container, reasons
from platelet.model.constraint import Matches, Rule
from platelet.model.durations import CAMEL
from platelet.model.lending import RevertAfter, RevertWhenResolved
from platelet.model.meant_container import ContainerName
from platelet.model.policy import ActionTraits
from platelet.model.resource import CONTROLLER_REVISIONS, WORKLOADS, Resource
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload

_MOST: Final = 6  # variables of one step: a change pins no more fields
_RULES = (
    Rule(
        cel="self.env.all(one, self.env.exists_one(other, other.name == one.name))",
        broken=lambda step: len({variable.name for variable in step.env}) < len(step.env),
        message="env names a variable twice: keep one of them",
    ),
    lending.WITHIN_A_DAY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=128),
        Matches("^[-._a-zA-Z][-._a-zA-Z0-9]*$", "write a name of letters, digits, -, . and _, such as RATE_LIMIT"),
    ]
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4096,
            description="No secret: whoever may read the Runbook or a Remediation can read it here.",
        ),
    ]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEnv:
    """Set environment variables of one container, by a rollout. Other variables stay as they are."""

    container: Annotated[
        ContainerName | None,
        Field(description="Its name. Absent: the only one that is no init container; of several the step is refused."),
    ] = None
    env: Annotated[
        tuple[Variable, ...],
        Field(
            min_length=1,
            max_length=_MOST,
            description="A variable that is not there is added, and removed again when the change is reverted. One "
            "with a valueFrom is not overwritten: the step is refused.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    revert_after: RevertAfter = None
    revert_when_resolved: RevertWhenResolved = False

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)


def plan(settings: SetEnv, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the values by digest, once a record keeps them. Refuses where there is nothing to set, or it is another's."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to set")
    refused = rollout_restart.refuse_idle(live)
    if refused is not None:
        return refused
    container = meant_container.find(settings.container, live, (meant_container.mains(live),))
    return container if isinstance(container, Refusal) else _plan(settings, container, live, situation, now)


def _plan(settings: SetEnv, container: str, live: Workload, situation: Situation, now: datetime) -> Plan | Refusal:
    has = env_values.values_of(live.template, container)
    meant = {env_values.full_name(container, variable.name): variable.value for variable in settings.env}
    names = ", ".join(variable.name for variable in settings.env)
    elsewhere = [name for name in meant if name in has and has[name] is None]
    if elsewhere:
        message = f"{', '.join(elsewhere)}: its value is another object's (valueFrom), or it is there twice"
        return Refusal(reason=reasons.VALUE_FROM_ELSEWHERE, message=message)
    before = {name: value for name, value in has.items() if name in meant and value is not None}
    if before == meant:
        return Refusal(reason=reasons.ALREADY_THERE, message=f"{container} has {names} as wanted already")
    summary = f"set {names} of container {container}{lending.say(settings)}{rollout_restart.say_held(live)}"
    record = kept_values.name_record(situation, WORKLOADS[live.ref.kind].named(live.ref.name))
    kept, is_on_hand = kept_values.for_plan(situation, record, before, meant)
    if not is_on_hand:
        return Plan(changes=(), summary=summary, keeps=kept)
    change = env_values.to(kept, container, live, replaces_stuck_pods=live.ordered)
    return Plan(changes=(change,), summary=summary, revert=lending.revert(settings, now))


def objects(_settings: SetEnv, situation: Situation) -> tuple[tuple[Resource, str], ...]:
    """The record that the plan would name."""
    target = situation.target
    return ((CONTROLLER_REVISIONS, kept_values.name_record(situation, WORKLOADS[target.kind].named(target.name))),)


ACTION = Action(
    key="setEnv",
    settings=SetEnv,
    changes=(env_values.CHANGE,),
    rights=env_values.CHANGE.rights,
    traits=ActionTraits(name="setEnv", changes_template=True, replaces_pods=True),
    needs_room=lambda _settings: True,
    plan=plan,
    objects=objects,
)
