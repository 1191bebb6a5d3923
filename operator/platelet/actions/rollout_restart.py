"""rolloutRestart: replace all pods, template unchanged but for the stamp that kubectl also uses.

`kubectl.kubernetes.io/restartedAt` on the pod template (kubectl polymorphichelpers/objectrestarter.go). The stamp has
whole seconds, so the same second twice would change nothing (TRAPS 7). A paused workload is a guard's matter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import ConfigDict

from platelet.model import reasons
from platelet.model.durations import CAMEL, format_time
from platelet.model.remediation import PostState
from platelet.model.rights import on_workloads
from platelet.model.rules import Action
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRestart:
    """Replace all pods by a rolling restart, as `kubectl rollout restart` does. It has no settings."""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def plan(_settings: RolloutRestart, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the stamp to write: now, or the next second where the live stamp is already that."""
    live = situation.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to restart")
    second = now.replace(microsecond=0)
    stamp = format_time(second)
    if stamp == live.restart_stamp:
        stamp = format_time(second + timedelta(seconds=1))
    return Plan(
        post=PostState(restart_stamp=stamp), summary=f"rolling restart of all {live.replicas} pods, stamp {stamp}"
    )


ACTION = Action(
    key="rolloutRestart",
    settings=RolloutRestart,
    rights=on_workloads("patch"),
    traits=ActionTraits(name="rolloutRestart", replaces_pods=True),
    needs_room=lambda _settings: True,
    plan=plan,
)
