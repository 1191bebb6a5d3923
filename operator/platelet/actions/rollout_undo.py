"""rolloutUndo: go back to a template that is known to have been well (TRAPS 1 to 5, 8).

Only `/spec/template` goes back; of an ordered StatefulSet the pods that its controller waits for in vain are deleted
afterwards (TRAPS 6). Which template is pinned in the plan by its revision record: kubectl's "previous"
points at the bad template again after the first undo, and at the same bad image after a restart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.actions import rollout_restart
from platelet.model import reasons
from platelet.model.durations import CAMEL, say_time
from platelet.model.intent import PostState
from platelet.model.remediation import Attempt
from platelet.model.revision import RevisionRecord
from platelet.model.rights import Right, on_workloads
from platelet.model.rules import Action
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Revision, Workload

REVISION_RULE = "revision belongs to `to: Revision`, and `to: Revision` needs it"
IF_UNKNOWN_RULE = "ifUnknown belongs to `to: LastHealthy`"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutUndo:
    """Restore the pod template of an earlier revision. Replicas, strategy and ConfigMaps stay as they are."""

    to: Annotated[
        Literal["LastHealthy", "Previous", "Revision"],
        Field(
            description="LastHealthy: the newest other template that platelet has seen well for healthyFor. "
            "Previous: the newest other template that is not known to be bad. Revision: the one named in `revision`."
        ),
    ] = "LastHealthy"
    revision: Annotated[
        int | None,
        Field(ge=1, le=2**31 - 1, description="With `to: Revision`: its number in `kubectl rollout history`."),
    ] = None
    if_unknown: Annotated[
        Literal["Previous"] | None,
        Field(
            description="With `to: LastHealthy`: what to do where no template is known to be healthy. Absent: nothing."
        ),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL,
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "(self.to == 'Revision') == has(self.revision)", "message": REVISION_RULE},
                {"rule": "self.to == 'LastHealthy' || !has(self.ifUnknown)", "message": IF_UNKNOWN_RULE},
            ]
        },
    )

    def __post_init__(self) -> None:
        """Hold the same rules where no API server has: in files and tests. Raises ValueError."""
        if (self.to == "Revision") != (self.revision is not None):
            raise ValueError(REVISION_RULE)
        if self.if_unknown is not None and self.to != "LastHealthy":
            raise ValueError(IF_UNKNOWN_RULE)


def plan(settings: RolloutUndo, situation: Situation, _now: datetime) -> Plan | Refusal:
    """Pin the template to restore. Refuses where none is known well enough, or the live one is already it."""
    live = situation.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to undo")
    idle = rollout_restart.refuse_idle(live)
    if idle is not None:
        return idle
    if settings.to == "Revision":
        return _to_revision(settings.revision or 0, live, situation)
    if settings.to == "Previous":
        return _to_previous(live, situation)
    healthy = _last_healthy(live, situation)
    if healthy is not None:
        return _back_to(healthy, live)
    if settings.if_unknown == "Previous":
        return _to_previous(live, situation)
    return Refusal(
        reason=reasons.NO_HEALTHY_REVISION,
        message="no other template of this workload is known to have been healthy; it is not guessed which one was",
    )


def undo(attempt: Attempt, situation: Situation) -> PostState | Refusal:
    """Give back the template that the step left, if it was healthy once: else the end would be no better (I15)."""
    live, left = situation.workload, attempt.pre.template_hash
    if live is None or live.uid != attempt.pre.uid or live.template_hash != attempt.post.template_hash:
        return Refusal(
            reason=reasons.NOT_OURS_ANYMORE,
            message=f"the template is not {attempt.post.template_hash} as written, or the workload was created anew",
        )
    record = _newest(record for record in situation.records if record.template_hash == left)
    if record is None or record.health == "Bad" or not record.ever_healthy:
        return Refusal(
            reason=reasons.NOT_UNDONE,
            message=f"the template {left} that the undo left is not known to have ever been healthy",
        )
    return PostState(template_hash=left, record=record.name)


def _last_healthy(live: Workload, situation: Situation) -> RevisionRecord | None:
    shunned = _never_a_goal(situation)
    candidates = [
        record
        for record in situation.records
        if record.health == "Healthy"
        and record.template_hash != live.template_hash
        and record.template_hash not in shunned
    ]
    return max(
        candidates, key=lambda record: (record.health_since or record.first_seen, record.first_seen), default=None
    )


def _to_previous(live: Workload, situation: Situation) -> Plan | Refusal:
    shunned = _never_a_goal(situation)
    candidates = [
        old
        for old in situation.revisions
        if old.number > 0 and old.template_hash != live.template_hash and old.template_hash not in shunned
    ]
    if not candidates:
        return Refusal(
            reason=reasons.NO_SUCH_REVISION,
            message="there is no previous revision with another template that is not known to be bad",
        )
    return _restore(max(candidates, key=lambda old: old.number), live, situation)


def _to_revision(number: int, live: Workload, situation: Situation) -> Plan | Refusal:
    named = next((old for old in situation.revisions if old.number == number), None)
    if named is None:
        return Refusal(reason=reasons.NO_SUCH_REVISION, message=f"this workload has no revision {number} (any more)")
    if named.template_hash == live.template_hash:
        return Refusal(reason=reasons.ALREADY_THERE, message=f"the live template is already that of revision {number}")
    if named.template_hash in _never_a_goal(situation):
        return Refusal(
            reason=reasons.NO_HEALTHY_REVISION,
            message=f"the template of revision {number} is known to have failed, so it is no goal",
        )
    return _restore(named, live, situation)


def _restore(old: Revision, live: Workload, situation: Situation) -> Plan | Refusal:
    record = _newest(record for record in situation.records if record.template_hash == old.template_hash)
    if record is None:
        return Refusal(
            reason=reasons.NO_SUCH_REVISION,
            message=f"revision {old.number} has no revision record to restore it from",
        )
    return _back_to(record, live, f"revision {old.number}, ")


def _back_to(record: RevisionRecord, live: Workload, number: str = "") -> Plan:
    health = "with health unknown"
    if record.health == "Healthy":
        health = f"healthy since {say_time(record.health_since or record.first_seen)}"
    return Plan(
        post=PostState(template_hash=record.template_hash, record=record.name, replace_stuck_pods=live.ordered),
        summary=(
            f"undo to {number}the template first seen {say_time(record.first_seen)} and {health}; "
            f"hash {record.template_hash}{rollout_restart.say_held(live)}"
        ),
    )


def _never_a_goal(situation: Situation) -> frozenset[str]:
    """Hashes of templates that failed: by their records, or left by an earlier undo of this very remediation."""
    failed = {record.template_hash for record in situation.records if record.health in ("Bad", "Suspect")}
    left = {
        attempt.pre.template_hash
        for attempt in situation.remediation.status.attempts
        if attempt.post.template_hash is not None
    }
    return frozenset(failed | left)


def _newest(records: Iterable[RevisionRecord]) -> RevisionRecord | None:
    return max(records, key=lambda record: record.first_seen, default=None)


ACTION = Action(
    key="rolloutUndo",
    settings=RolloutUndo,
    rights=(*on_workloads("patch"), Right(resource="pods", verb="delete", group="")),
    traits=ActionTraits(name="rolloutUndo", changes_template=True, replaces_pods=True, heals_rollout=True),
    plan=plan,
    undo=undo,
)
