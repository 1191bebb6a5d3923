"""rolloutRestart: replace all pods, template unchanged but for the stamp that kubectl also uses.

Where no rollout follows a new template (TRAPS 6), or where there is no pod, it is refused: the write would change
nothing but the history, and what starts when people switch the workload on again.

`kubectl.kubernetes.io/restartedAt` on the pod template (kubectl polymorphichelpers/objectrestarter.go). The stamp has
whole seconds, so the same second twice would change nothing (TRAPS 7). A paused workload is a guard's matter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import ConfigDict

from platelet.changes import restart_stamp
from platelet.model import newcomers, reasons
from platelet.model.durations import CAMEL, format_time
from platelet.model.policy import ActionTraits
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRestart:
    """Replace all pods by a rolling restart, as `kubectl rollout restart` does. It has no settings."""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def plan(_settings: RolloutRestart, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the stamp to write: now, or the next second where the live stamp is already that."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to restart")
    refused = refuse_idle(live) or newcomers.refuse(situation, now)
    if refused is not None:
        return refused
    stamp = new_stamp(live, now)
    return Plan(
        changes=(restart_stamp.at(stamp, replaces_stuck_pods=live.ordered),),
        summary=f"rolling restart of all {live.replicas} pods, stamp {stamp}{say_held(live)}",
    )


def new_stamp(live: Workload, now: datetime) -> str:
    """The stamp of a restart at this moment, which is another one than the live one."""
    second = now.replace(microsecond=0)
    stamp = format_time(second)
    return format_time(second + timedelta(seconds=1)) if stamp == live.restart_stamp else stamp


def refuse_idle(live: Workload) -> Refusal | None:
    """Refuse where no pod would get a new template, and say what people can do."""
    if not live.replicas:
        why = (
            "no node should run its pod" if live.ref.kind == "DaemonSet" else "people or an autoscaler switched it off"
        )
        return Refusal(reason=reasons.SCALED_TO_ZERO, message=f"{live.ref} has 0 replicas: {why}")
    if live.on_delete:
        message = (
            f"the updateStrategy of {live.ref} is OnDelete: its pods keep their template until somebody deletes them; "
            "delete them, or set RollingUpdate"
        )
    elif live.held_replicas == live.replicas:
        message = (
            f"the partition {live.partition} of {live.ref} holds back all {live.replicas} pods: none would get the "
            "template; lower spec.updateStrategy.rollingUpdate.partition"
        )
    else:
        return None
    return Refusal(reason=reasons.ROLLOUT_HELD, message=message)


def say_held(live: Workload) -> str:
    """Say which pods a partition will leave as they are; empty for none."""
    if not live.held_replicas:
        return ""
    return f"; the first {live.held_replicas} of {live.replicas} pods are held back by its partition"


ACTION = Action(
    key="rolloutRestart",
    settings=RolloutRestart,
    changes=(restart_stamp.CHANGE,),
    rights=restart_stamp.CHANGE.rights,
    traits=ActionTraits(name="rolloutRestart", replaces_pods=True),
    needs_room=lambda _settings: True,
    plan=plan,
)
