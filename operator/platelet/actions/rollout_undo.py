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
from platelet.changes import adjustments, kept_values, restored_template
from platelet.model import blame, constraint, difference, newcomers, reasons, references, undo_summary
from platelet.model.constraint import Rule
from platelet.model.durations import Between, Duration
from platelet.model.policy import ActionTraits
from platelet.model.resource import CONTROLLER_REVISIONS, WORKLOADS, Resource
from platelet.model.revision import RevisionRecord, family
from platelet.model.rights import Right
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Revision, Workload

Goal = TypeVar("Goal", Revision, RevisionRecord)
_MOST = 2**31 - 1
_RULES = (
    Rule(
        cel="(self.to == 'Revision') == has(self.revision)",
        broken=lambda undo: (undo.to == "Revision") != (undo.revision is not None),
        message="revision belongs to `to: Revision`, and `to: Revision` needs it",
    ),
    Rule(
        cel="self.to == 'LastHealthy' || !has(self.ifUnknown)",
        broken=lambda undo: undo.if_unknown is not None and undo.to != "LastHealthy",
        message="ifUnknown belongs to `to: LastHealthy`",
    ),
)


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

    keep_adjustments: Annotated[
        bool,
        Field(
            description="Resources, probes and variables that platelet has adjusted since keep their values in the "
            "template that comes back. Without it they come back as they were, and the plan says so."
        ),
    ] = False

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)


def plan(settings: RolloutUndo, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the template to restore. Refuses where no goal is known well enough, and an old release that was healthy."""
    goal = find_goal(settings, situation)
    return goal if isinstance(goal, Refusal) else _refuse_blameless(settings, situation, now) or goal


def find_goal(settings: RolloutUndo, situation: Situation) -> Plan | Refusal:
    """Pin the template to restore, whatever the age of the release. Refuses where none is known well enough."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to undo")
    record = rollout_restart.refuse_idle(live) or _find_record(settings, live, situation)
    return record if isinstance(record, Refusal) else _back_to(record, settings, live, situation)


def _find_record(settings: RolloutUndo, live: Workload, situation: Situation) -> RevisionRecord | Refusal:
    """The revision record of the template to restore."""
    if settings.to == "Revision":
        return _to_revision(settings.revision or 0, live, situation)
    if settings.to == "Previous":
        return _to_previous(live, situation)
    healthy, incomplete = _complete(_healthy(live, situation), situation)
    if healthy is not None:
        return healthy
    if settings.if_unknown == "Previous":
        return _to_previous(live, situation)
    if incomplete:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=incomplete)
    return Refusal(
        reason=reasons.NO_HEALTHY_REVISION,
        message="no other template of this workload is known to have been healthy, and platelet does not guess",
    )


def _refuse_blameless(settings: RolloutUndo, situation: Situation, now: datetime) -> Refusal | None:
    """Refuse to undo what is not to blame, and say why, how old it is, and what people can do."""
    live = blame.live_record(situation)
    spreads = newcomers.refuse(situation, now) if live is not None and live.ever_healthy else None
    if spreads is not None:
        return spreads
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
    shunned = _never_a_goal(situation) | _of_the_same_release(live, situation)
    goals = [
        record
        for record in situation.snapshot.records
        if record.health == "Healthy" and record.template_hash not in shunned
    ]
    return sorted(goals, key=lambda record: (record.health_since or record.first_seen, record.first_seen), reverse=True)


def _complete(goals: Sequence[Goal], situation: Situation) -> tuple[Goal | None, str]:
    """The first goal that has all that it needs to start; else None, and what the first of them lacks.

    One of the same images as a goal that lacks something is passed over, too: they were given it since.
    """
    lacking: list[Goal] = []
    for goal in goals:
        like = (difference.images(old.template) for old in lacking)
        if not _lacks(goal, situation) and difference.images(goal.template) not in like:
            return goal, ""
        lacking.append(goal)
    if not lacking:
        return None, ""
    lacks = ", ".join(f"{name} {why}" for name, why in _lacks(lacking[0], situation).items())
    return None, f"what would come back could not start: {lacks}"


def _lacks(goal: Revision | RevisionRecord, situation: Situation) -> dict[str, str]:
    needed = sorted(references.needed(goal.template))
    absent = situation.surroundings.absent_references
    return {name: absent[name] for name in needed if name in absent}


def _to_previous(live: Workload, situation: Situation) -> RevisionRecord | Refusal:
    shunned = _never_a_goal(situation) | _of_the_same_release(live, situation)
    candidates = [old for old in situation.snapshot.revisions if old.number > 0 and old.template_hash not in shunned]
    goal, incomplete = _complete(sorted(candidates, key=lambda old: -old.number), situation)
    if goal is not None:
        return _record_of(goal, situation)
    if incomplete:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=incomplete)
    return Refusal(
        reason=reasons.NO_SUCH_REVISION,
        message="there is no previous revision with another template that is not known to be bad",
    )


def _to_revision(number: int, live: Workload, situation: Situation) -> RevisionRecord | Refusal:
    named = next((old for old in situation.snapshot.revisions if old.number == number), None)
    if named is None:
        return Refusal(reason=reasons.NO_SUCH_REVISION, message=f"this workload has no revision {number} (any more)")
    if named.template_hash == live.template_hash:
        return Refusal(reason=reasons.ALREADY_THERE, message=f"the live template is already that of revision {number}")
    if named.template_hash in _never_a_goal(situation):
        return Refusal(
            reason=reasons.NO_HEALTHY_REVISION,
            message=f"the template of revision {number} is known to have failed, so it is no goal",
        )
    goal, incomplete = _complete((named,), situation)
    if goal is None:
        return Refusal(reason=reasons.MISSING_REFERENCE, message=incomplete)
    return _record_of(goal, situation)


def _record_of(old: Revision, situation: Situation) -> RevisionRecord | Refusal:
    record = _newest(record for record in situation.snapshot.records if record.template_hash == old.template_hash)
    if record is None:
        return Refusal(
            reason=reasons.NO_SUCH_REVISION,
            message=f"revision {old.number} has no revision record to restore it from",
        )
    return record


def _back_to(record: RevisionRecord, settings: RolloutUndo, live: Workload, situation: Situation) -> Plan:
    adjusted = (record.template, live.template, situation.snapshot.records)
    keeps = adjustments.kept(*adjusted) if settings.keep_adjustments else {}
    variables = adjustments.kept_variables(*adjusted) if settings.keep_adjustments else {}
    summary = undo_summary.say(record, live, situation)
    if keeps or variables:
        kept = adjustments.say_kept(record.template, {**keeps, **variables})
        summary += f"; it keeps what platelet has adjusted: {kept}"
    dropped = adjustments.say_dropped(*adjusted, besides={*keeps, *variables})
    summary += f"; it drops what platelet has adjusted: {dropped}" if dropped else ""
    summary += rollout_restart.say_held(live)
    values, is_on_hand = kept_values.for_plan(situation, _name_values(situation), {}, variables)
    if variables and not is_on_hand:
        return Plan(changes=(), summary=summary, keeps=values)
    restored = restored_template.from_record(
        record,
        abandons=live.template_hash,
        replaces_stuck_pods=live.ordered,
        keeps=keeps,
        variables=values,
    )
    return Plan(changes=(restored,), summary=summary)


def _name_values(situation: Situation) -> str:
    target = situation.target
    return kept_values.name_record(situation, WORKLOADS[target.kind].named(target.name))


def _objects(settings: RolloutUndo, situation: Situation) -> tuple[tuple[Resource, str], ...]:
    """The record of the variables that it would keep; nothing where it keeps none."""
    live = situation.snapshot.workload
    record = _find_record(settings, live, situation) if live is not None and settings.keep_adjustments else None
    if live is None or not isinstance(record, RevisionRecord):
        return ()
    kept = adjustments.kept_variables(record.template, live.template, situation.snapshot.records)
    return ((CONTROLLER_REVISIONS, _name_values(situation)),) if kept else ()


def _never_a_goal(situation: Situation) -> frozenset[str]:
    """Hashes of templates that failed: by their records, or left by an earlier undo of this very remediation."""
    failed = {record.template_hash for record in situation.snapshot.records if record.health in ("Bad", "Suspect")}
    left = {change.abandons for attempt in situation.remediation.status.attempts for change in attempt.changes}
    return frozenset((failed | left) - {""})


def _of_the_same_release(live: Workload, situation: Situation) -> frozenset[str]:
    """Hashes of the live template and of those that differ from it by our own adjustments only."""
    kin = family(live.template_hash, situation.snapshot.records)
    return frozenset({live.template_hash, *(record.template_hash for record in kin)})


def _newest(records: Iterable[RevisionRecord]) -> RevisionRecord | None:
    return max(records, key=lambda record: record.first_seen, default=None)


ACTION = Action(
    key="rolloutUndo",
    settings=RolloutUndo,
    changes=(restored_template.CHANGE,),
    rights=restored_template.CHANGE.rights,
    traits=ActionTraits(name="rolloutUndo", changes_template=True, replaces_pods=True, heals_rollout=True),
    plan=plan,
    objects=_objects,
    parameters={"revision": _to_chosen},
    reads=tuple(
        Right(group="", resource=resource, verb="get")
        for resource in ("configmaps", "persistentvolumeclaims", "serviceaccounts")
    ),
)
