"""rolloutUndo: go back to a template that is known to have been well (TRAPS 1 to 5, 8), from a release that is young.

A release that ran well for long is no suspect when a dependency fails: it is undone only if the incident began `within`
its first hour, or if its template was never healthy. Whoever asks for an undo by hand has judged that already.

Only `/spec/template` goes back; of an ordered StatefulSet the pods that its controller waits for in vain are deleted
afterwards (TRAPS 6). Which template is pinned in the plan by its revision record: kubectl's "previous"
points at the bad template again after the first undo, and at the same bad image after a restart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field

from platelet.actions import rollout_restart
from platelet.model import blame, difference, reasons, references
from platelet.model.durations import CAMEL, Between, Duration, say_time
from platelet.model.intent import PostState
from platelet.model.remediation import Attempt
from platelet.model.revision import RevisionRecord
from platelet.model.rights import Right, on_workloads
from platelet.model.rules import Action
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Revision, Workload

Goal = TypeVar("Goal", Revision, RevisionRecord)
_MOST = 2**31 - 1
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
        Field(ge=1, le=_MOST, description="With `to: Revision`: its number in `kubectl rollout history`."),
    ] = None
    if_unknown: Annotated[
        Literal["Previous"] | None,
        Field(
            description="With `to: LastHealthy`: what to do where no template is known to be healthy. Absent: nothing."
        ),
    ] = None

    within: Annotated[
        Duration,
        Between("1s", "168h"),
        Field(
            description="Undo a release only if the incident began within this time after people made it, or if its "
            "template was never healthy. A release that ran well for longer is no suspect: NotARecentRelease, and the "
            "next step follows. A Remediation made by hand is not asked."
        ),
    ] = timedelta(hours=1)

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


def plan(settings: RolloutUndo, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the template to restore. Refuses where no goal is known well enough, and an old release that was healthy."""
    goal = find_goal(settings, situation)
    return goal if isinstance(goal, Refusal) else _refuse_old(settings, situation, now) or goal


def find_goal(settings: RolloutUndo, situation: Situation) -> Plan | Refusal:
    """Pin the template to restore, whatever the age of the release. Refuses where none is known well enough."""
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
    healthy, incomplete = _complete(_healthy(live, situation), situation)
    if healthy is not None:
        return _back_to(healthy, live, situation)
    if settings.if_unknown == "Previous":
        return _to_previous(live, situation)
    if incomplete:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=incomplete)
    return Refusal(
        reason=reasons.NO_HEALTHY_REVISION,
        message="no other template of this workload is known to have been healthy, and platelet does not guess",
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


def _refuse_old(settings: RolloutUndo, situation: Situation, now: datetime) -> Refusal | None:
    """Refuse to take back what is not to blame, and say why, how old it is, and what people can do."""
    why = "" if situation.remediation.spec.by_hand else blame.why_not(settings.within, situation, now)
    if not why:
        return None
    fix = "to go back all the same: kubectl rollout undo, a Remediation by hand, or a longer `within` in the step"
    return Refusal(reason=reasons.NOT_A_RECENT_RELEASE, message=f"{why}; {fix}")


def _to_chosen(settings: RolloutUndo, value: str) -> dict[str, object]:
    """Go back to the revision of this number instead of what the step says. Raises ValueError."""
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _MOST:
        raise ValueError(f"{value!r} is no number of a revision: kubectl rollout history shows them")
    del settings
    return {"to": "Revision", "revision": int(value)}


def _healthy(live: Workload, situation: Situation) -> list[RevisionRecord]:
    """The goals of LastHealthy, the one that proved itself last first."""
    shunned = _never_a_goal(situation) | {live.template_hash}
    goals = [each for each in situation.records if each.health == "Healthy" and each.template_hash not in shunned]
    return sorted(goals, key=lambda each: (each.health_since or each.first_seen, each.first_seen), reverse=True)


def _complete(goals: Sequence[Goal], situation: Situation) -> tuple[Goal | None, str]:
    """The first goal that has all that it needs to start; else None, and what the first of them lacks.

    One of the same images as a goal that lacks something is passed over, too: they were given it since.
    """
    lacking: list[Goal] = []
    for goal in goals:
        like = (difference.images(each.template) for each in lacking)
        if not _lacks(goal, situation) and difference.images(goal.template) not in like:
            return goal, ""
        lacking.append(goal)
    if not lacking:
        return None, ""
    said = ", ".join(f"{name} {why}" for name, why in _lacks(lacking[0], situation).items())
    return None, f"what would come back could not start: {said}"


def _lacks(goal: Revision | RevisionRecord, situation: Situation) -> dict[str, str]:
    needed = sorted(references.needed(goal.template))
    return {name: situation.absent_references[name] for name in needed if name in situation.absent_references}


def _to_previous(live: Workload, situation: Situation) -> Plan | Refusal:
    shunned = _never_a_goal(situation)
    candidates = [
        old
        for old in situation.revisions
        if old.number > 0 and old.template_hash != live.template_hash and old.template_hash not in shunned
    ]
    found, incomplete = _complete(sorted(candidates, key=lambda old: -old.number), situation)
    if found is not None:
        return _restore(found, live, situation)
    if incomplete:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=incomplete)
    return Refusal(
        reason=reasons.NO_SUCH_REVISION,
        message="there is no previous revision with another template that is not known to be bad",
    )


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
    found, incomplete = _complete((named,), situation)
    if found is None:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=incomplete)
    return _restore(found, live, situation)


def _restore(old: Revision, live: Workload, situation: Situation) -> Plan | Refusal:
    record = _newest(record for record in situation.records if record.template_hash == old.template_hash)
    if record is None:
        return Refusal(
            reason=reasons.NO_SUCH_REVISION,
            message=f"revision {old.number} has no revision record to restore it from",
        )
    return _back_to(record, live, situation)


def _back_to(record: RevisionRecord, live: Workload, situation: Situation) -> Plan:
    return Plan(
        post=PostState(template_hash=record.template_hash, record=record.name, replace_stuck_pods=live.ordered),
        summary=_say_undo(record, live, situation) + rollout_restart.say_held(live),
    )


def _say_undo(record: RevisionRecord, live: Workload, situation: Situation) -> str:
    """What people say yes to: what goes and comes, who released it when, how well the goal was, what else differs."""
    images = difference.say_images(live.template, record.template) or "the template, with the same images"
    numbers = [old.number for old in situation.revisions if old.template_hash == record.template_hash and old.number]
    where = f"revision {max(numbers)}" if numbers else "kept on record, its revision is gone"
    left = blame.live_record(situation)
    released = ""
    if left is not None:
        released = f", released {say_time(left.last_release)}" + (f" by {left.released_by}" if left.released_by else "")
    goal = "nothing is known of the health of what comes back"
    if record.health == "Healthy":
        goal = f"what comes back was healthy at {say_time(record.health_since or record.first_seen)}"
    fields = difference.say_fields(live.template, record.template)
    secrets = sorted(
        name
        for name in references.needed(record.template) - references.needed(live.template)
        if name.startswith(f"{references.SECRET}/")
    )
    said = f"undo {images} ({where}){released}; {goal}" + (f"; also differs: {fields}" if fields else "")
    return said + (f"; it needs {', '.join(secrets)}, which platelet does not look for" if secrets else "")


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
    parameters={"revision": _to_chosen},
    reads=tuple(
        Right(group="", resource=resource, verb="get")
        for resource in ("configmaps", "persistentvolumeclaims", "serviceaccounts")
    ),
)
