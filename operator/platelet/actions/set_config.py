"""setConfig: one key of a ConfigMap that the target's template uses, and, if the step says so, a restart after it.

It is named to people, and its value never shown. One that others own, or nobody can change, is left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.actions import rollout_restart
from platelet.changes import config_value, kept_values, restart_stamp
from platelet.model import constraint, lending, reasons, references
from platelet.model.constraint import Matches
from platelet.model.lending import RevertAfter, RevertWhenResolved
from platelet.model.policy import ActionTraits
from platelet.model.resource import CONTROLLER_REVISIONS, Resource
from platelet.model.rights import Right
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConfig:
    """Set one key of a ConfigMap. All that use the ConfigMap get the value; only the target is restarted for it."""

    config_map: Annotated[
        str,
        Field(min_length=1, max_length=253, description="Its name. The target's template must use this key of it."),
    ]
    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            description="One that is not there is added, and removed again when the change is reverted.",
        ),
        Matches("^[-._a-zA-Z0-9]+$", "write a key of letters, digits, -, . and _, such as PROVIDER"),
    ]
    value: Annotated[
        str,
        Field(
            max_length=4096,
            description="No secret: whoever may read the Runbook or a Remediation can read it here.",
        ),
    ]
    restart: Annotated[
        bool,
        Field(
            description="Restart the target's pods after it, and again after it was reverted: environment variables "
            "and most programs read a ConfigMap at the start only."
        ),
    ] = False
    revert_after: RevertAfter = None
    revert_when_resolved: RevertWhenResolved = False

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(lending.WITHIN_A_DAY)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, lending.WITHIN_A_DAY)


def plan(settings: SetConfig, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the value by digest, once a record keeps it. Refuses where it may not be written, or changes nothing."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to set")
    refused = rollout_restart.refuse_idle(live) if settings.restart or not live.replicas else None
    if refused is not None:
        return refused
    written = config_value.CONFIG_MAPS.named(settings.config_map)
    if not _is_used(settings, live):
        message = f"the template of {live.ref} does not use {settings.key} of {written}"
        return Refusal(reason=reasons.NOT_USED_BY_TARGET, message=message)
    stored = situation.surroundings.objects.get(written)
    if stored is None:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=f"there is no {written}, or it may not be read")
    forced = situation.policy is not None and situation.policy.force
    blocked = _refuse_binary(settings, stored) or config_value.why_blocked(
        stored, situation.target.namespace, forced=forced
    )
    return blocked or _plan(settings, stored, live, situation, now)


def _plan(
    settings: SetConfig, stored: Mapping[str, Any], live: Workload, situation: Situation, now: datetime
) -> Plan | Refusal:
    written = config_value.CONFIG_MAPS.named(settings.config_map)
    before, meant = config_value.value_of(stored, settings.key), {settings.key: settings.value}
    if before == meant:
        return Refusal(reason=reasons.ALREADY_THERE, message=f"{written} has {settings.key} as wanted already")
    restart = f", then restart all {live.replicas} pods{rollout_restart.say_held(live)}" if settings.restart else ""
    summary = f"set {settings.key} of {written}{lending.say(settings)}{restart}"
    record = kept_values.name_record(situation, written)
    kept, is_on_hand = kept_values.for_plan(situation, record, before, meant)
    if not is_on_hand:
        return Plan(changes=(), summary=summary, keeps=kept)
    stamp = rollout_restart.new_stamp(live, now)
    restarts = (restart_stamp.at(stamp, replaces_stuck_pods=live.ordered, again_after_revert=True),)
    return Plan(
        changes=(config_value.to(kept, settings.config_map, settings.key), *(restarts if settings.restart else ())),
        summary=summary,
        revert=lending.revert(settings, now),
    )


def _is_used(settings: SetConfig, live: Workload) -> bool:
    """Whether the template names the key, or the ConfigMap as a whole."""
    return any(
        (kind, name) == (references.CONFIG_MAP, settings.config_map) and key in ("", settings.key)
        for kind, name, key, _ in references.named(live.template)
    )


def _refuse_binary(settings: SetConfig, stored: Mapping[str, Any]) -> Refusal | None:
    if settings.key not in (stored.get("binaryData") or {}):
        return None
    message = f"{settings.key} of ConfigMap {settings.config_map} is binary data, which is not set"
    return Refusal(reason=reasons.REFUSED, message=message)


def objects(settings: SetConfig, situation: Situation) -> tuple[tuple[Resource, str], ...]:
    """The ConfigMap, and the record that the plan would name."""
    written = config_value.CONFIG_MAPS.named(settings.config_map)
    record = kept_values.name_record(situation, written)
    return (config_value.CONFIG_MAPS, settings.config_map), (CONTROLLER_REVISIONS, record)


ACTION = Action(
    key="setConfig",
    settings=SetConfig,
    changes=(config_value.CHANGE, restart_stamp.CHANGE),
    rights=(*config_value.CHANGE.rights, *restart_stamp.CHANGE.rights),
    traits=ActionTraits(name="setConfig", replaces_pods=True),
    needs_room=lambda settings: settings.restart,
    plan=plan,
    objects=objects,
    reads=(Right(group="", resource=config_value.CONFIG_MAPS.plural, verb="get"),),
)
