"""What a write means: whether its object is still what the attempt was planned on, and whether the write has landed.

A write addresses one object: the target, or another one that the change names. What proves that nothing at all was
written on it since it was pinned, which is what a crash or a lost answer needs to know, is its version.
"""

from datetime import datetime

from platelet import changes, checks
from platelet.model.intent import REPLICAS, TEMPLATE, PreState
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.workload import Workload


def pin(workload: Workload) -> PreState:
    """What an attempt relies on that was planned on this workload."""
    return PreState(
        uid=workload.uid,
        generation=workload.generation,
        template_hash=workload.template_hash,
        restart_stamp=workload.restart_stamp,
        replicas=workload.replicas,
    )


def landed(situation: Situation, attempt: Attempt) -> bool:
    """Whether all that the attempt has written, or is about to, is as it makes it."""
    same_target = situation.snapshot.workload is not None and situation.snapshot.workload.uid == attempt.pre.uid
    under_way = attempt.changes if attempt.phase == "Done" else (attempt.present,)
    return same_target and all(changes.is_made(change, situation) for change in under_way)


def same_meaning(situation: Situation, attempt: Attempt) -> bool:
    """Whether the target, and the object that is written now, still mean what they meant when it was planned."""
    workload, pre, change = situation.snapshot.workload, attempt.pre, attempt.present
    if workload is None or workload.uid != pre.uid or workload.deleting:
        return False
    if attempt.kind == "Act" and pre.replicas and not workload.replicas:
        return False  # switched off meanwhile
    if _needs_the_template(attempt) and workload.template_hash != _template_so_far(attempt):
        return False
    live = changes.as_it_is(change, situation)
    return live is not None and not live.blocked and changes.is_as_before(change, situation)


def untouched(situation: Situation, attempt: Attempt) -> bool:
    """Whether it is known that nothing was written on the object since the present change was pinned."""
    change = attempt.present
    live = changes.as_it_is(change, situation) if changes.of(change).leaves_traces else None
    return live is not None and (live.uid, live.version) == (change.uid, change.version)


def expected_template(status: RemediationStatus) -> str | None:
    """The hash of the template that our last act (or its reverting) left in place; None when we have not acted."""
    done = [attempt for attempt in status.attempts if attempt.phase == "Done" and _needs_the_template(attempt)]
    if not done:
        return None
    last = done[-1]
    return last.left_template or last.on_target(TEMPLATE) or last.pre.template_hash


def is_switched_off(situation: Situation, status: RemediationStatus) -> bool:
    """Whether it has no replicas because an act of this incident took the last ones: nothing is proven by that."""
    workload = situation.snapshot.workload
    written = [attempt.on_target(REPLICAS) for attempt in status.attempts if attempt.may_have_landed]
    ours = next((number for number in reversed(written) if number is not None), None)
    return workload is not None and workload.replicas == 0 and ours == "0"


def well_since(situation: Situation, status: RemediationStatus) -> datetime | None:
    """Since when the target is well. Scaled to 0 by people, it always was; scaled to 0 by this incident, it is not."""
    workload = situation.snapshot.workload
    if workload is None or is_switched_off(situation, status):
        return None
    if workload.replicas == 0 and workload.status_replicas == 0:
        return workload.created_at
    return checks.well_since(workload, situation.snapshot.revisions, situation.snapshot.pods)


def replaced_templates(status: RemediationStatus) -> frozenset[str]:
    """The hashes of the templates in whose place we have put others."""
    written = [attempt for attempt in status.attempts if attempt.phase == "Done" and attempt.on_target(TEMPLATE)]
    return frozenset(attempt.pre.template_hash for attempt in written)


def _template_so_far(attempt: Attempt) -> str:
    """The template that the target must have before the present change: as planned, or what an earlier change wrote."""
    written = [change.meant[TEMPLATE] for change in attempt.landed if TEMPLATE in change.meant and not change.object]
    return attempt.left_template or (written[-1] if written else attempt.pre.template_hash)


def _needs_the_template(attempt: Attempt) -> bool:
    """Whether it was planned on the template: a number is reverted whatever was released meanwhile."""
    return attempt.kind == "Act" or attempt.on_target(TEMPLATE) is not None
