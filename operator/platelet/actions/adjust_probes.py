"""adjustProbes: a longer grace for the probes of one container, by a rollout, up to a maximum that the step must name.

For what is restarted before it has started, or since it answers slowly. It only ever lengthens (`model.probe_grace`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.actions import rollout_restart
from platelet.changes import template_fields, template_places
from platelet.model import constraint, lending, meant_container, reasons
from platelet.model.lending import RevertAfter, RevertWhenResolved
from platelet.model.meant_container import ContainerName
from platelet.model.policy import ActionTraits
from platelet.model.probe_grace import Lengthened, ProbeGrace, lengthened
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload

PROBES: Final = ("startup", "liveness", "readiness")
_RULES = (
    *constraint.one_set(PROBES, none="set startup, liveness or readiness", several=""),
    lending.WITHIN_A_DAY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustProbes:
    """Give the probes of one container a longer grace, by a rollout. Probes that it does not have are not added.

    It may help once a day: if the fault is back within a day, the next step is tried instead.
    """

    container: Annotated[
        ContainerName | None,
        Field(
            description="Its name. Absent: of those that have such a probe the one that fails, else the only one; "
            "where that is several, the step is refused."
        ),
    ] = None
    startup: Annotated[ProbeGrace | None, Field(description="Of the startup probe.")] = None
    liveness: Annotated[ProbeGrace | None, Field(description="Of the liveness probe.")] = None
    readiness: Annotated[ProbeGrace | None, Field(description="Of the readiness probe.")] = None
    revert_after: RevertAfter = None
    revert_when_resolved: RevertWhenResolved = False

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)

    @property
    def asked(self) -> Mapping[str, ProbeGrace]:
        """What is asked for, by probe."""
        graces = {"startup": self.startup, "liveness": self.liveness, "readiness": self.readiness}
        return {probe: grace for probe, grace in graces.items() if grace is not None}


def plan(settings: AdjustProbes, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the numbers. Refuses where there is no such probe, and where all are at their maximum."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to adjust")
    refused = rollout_restart.refuse_idle(live)
    if refused is not None:
        return refused
    probed = {name for name, container in template_places.by_name(live.template).items() if _has(container, settings)}
    if not probed:
        message = f"no container of {live.ref} has a {' or '.join(settings.asked)} probe"
        return Refusal(reason=reasons.NOTHING_TO_ADJUST, message=message)
    failing = meant_container.failing(situation.snapshot.pods) & probed
    name = meant_container.find(settings.container, live, (failing, probed))
    return name if isinstance(name, Refusal) else _lengthen(name, settings, live, now)


def _lengthen(name: str, settings: AdjustProbes, live: Workload, now: datetime) -> Plan | Refusal:
    container = template_places.by_name(live.template)[name]
    outcomes = {probe: _outcome(container.get(f"{probe}Probe"), grace) for probe, grace in settings.asked.items()}
    values = {
        f"{name}.{probe}Probe.{field}": str(after)
        for probe, outcome in outcomes.items()
        for field, (_, after) in outcome.values.items()
    }
    stays = [f"{probe} {text}" for probe, outcome in outcomes.items() for text in outcome.stays]
    if not values:
        reason = next(outcome.why_not for outcome in outcomes.values())
        return Refusal(reason=reason, message=f"{name}: {'; '.join(stays)}")
    moved = [f"{probe} {text}" for probe, outcome in outcomes.items() for text in outcome.moved]
    summary = "; ".join([f"lengthen {name}: {', '.join(moved)}{lending.say(settings)}", *stays])
    return Plan(
        changes=(template_fields.to(values, live, replaces_stuck_pods=live.ordered),),
        summary=summary + rollout_restart.say_held(live),
        revert=lending.revert(settings, now),
    )


def _outcome(probe: Any, asked: ProbeGrace) -> Lengthened:
    if not isinstance(probe, Mapping):
        return Lengthened(why_not=reasons.NOTHING_TO_ADJUST, stays=("probe: it has none, and gets none",))
    return lengthened(probe, asked)


def _has(container: Mapping[str, Any], settings: AdjustProbes) -> bool:
    return any(isinstance(container.get(f"{probe}Probe"), Mapping) for probe in settings.asked)


ACTION = Action(
    key="adjustProbes",
    settings=AdjustProbes,
    changes=(template_fields.CHANGE,),
    rights=template_fields.CHANGE.rights,
    traits=ActionTraits(name="adjustProbes", changes_template=True, replaces_pods=True),
    needs_room=lambda _settings: True,
    plan=plan,
)
