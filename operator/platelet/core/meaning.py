"""What a write means: whether its object is still what the attempt was planned on, and whether the write has landed.

A write addresses one object: the workload, or the autoscaler that owns its replicas. The generation moves with every
annotation and every autoscaler's write (TRAPS 47), so it never means "someone changed it"; unchanged, it proves that
nothing at all was written, which is what a crash or a lost answer needs to know. Autoscalers have no generation: there
the resourceVersion proves it.
"""

from dataclasses import replace

from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.intent import PostState, PreState
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.workload import Workload


def pin(workload: Workload, autoscaler: Autoscaler | None = None) -> PreState:
    """What an attempt relies on that was planned on this workload, and on this autoscaler if it writes there."""
    return PreState(
        uid=workload.uid,
        generation=workload.generation,
        template_hash=workload.template_hash,
        restart_stamp=workload.restart_stamp,
        replicas=workload.replicas,
        autoscaler=autoscaler.bounds if autoscaler else None,
        autoscaler_version=autoscaler.resource_version if autoscaler else "",
    )


def present(situation: Situation, post: PostState) -> PostState | None:
    """What the fields that a write sets are now; None where its object is gone."""
    workload = situation.workload
    autoscaler = written_autoscaler(situation, post)
    if workload is None or (post.autoscaler is not None and autoscaler is None):
        return None
    state = PostState(
        template_hash=workload.template_hash,
        restart_stamp=workload.restart_stamp,
        replicas=workload.replicas,
        autoscaler=autoscaler.bounds if autoscaler else None,
    )
    return _written(post, state)


def written_autoscaler(situation: Situation, post: PostState) -> Autoscaler | None:
    """The autoscaler that a write addresses, as it is now; None where it is gone, or the workload is written."""
    return situation.autoscaler(post.autoscaler) if post.autoscaler is not None else None


def bounds_written(situation: Situation) -> frozenset[Bounds]:
    """What we wrote on autoscalers: these must be known even if nothing is planned, and where they scale others now."""
    posts = [each.post for each in situation.remediation.status.attempts]
    entries = situation.budget.status.entries if situation.budget is not None else ()
    lent = (each.take_back for each in entries if each.target == situation.target and each.take_back is not None)
    posts += [each.ours for each in lent if not each.done]
    return frozenset(each.autoscaler for each in posts if each.autoscaler is not None)


def writes_replicas(situation: Situation) -> bool:
    """Whether a number of replicas may be written now: then who else owns it must be known."""
    status = situation.remediation.status
    attempts = [each for each in status.attempts if each.phase == "Intended" or each.id == status.undoing]
    entries = situation.budget.status.entries if situation.budget is not None else ()
    lent = [each.take_back for each in entries if each.target == situation.target and each.take_back is not None]
    posts = [*(each.post for each in attempts), *(each.ours for each in lent if not each.done)]
    return any(each.replicas is not None for each in posts)


def landed(situation: Situation, attempt: Attempt) -> bool:
    """Whether everything is what the attempt's write makes of it."""
    same_workload = situation.workload is not None and situation.workload.uid == attempt.pre.uid
    return same_workload and present(situation, attempt.post) == attempt.post


def as_stored(attempt: Attempt, stored: PostState) -> PostState:
    """The fields that the attempt's write sets, as its answer shows them: the object as stored."""
    return _written(attempt.post, stored)


def _written(post: PostState, state: PostState) -> PostState:
    """Of a state, the fields that a write sets."""
    return replace(
        post,
        template_hash=state.template_hash if post.template_hash is not None else None,
        restart_stamp=state.restart_stamp if post.restart_stamp is not None else None,
        replicas=state.replicas if post.replicas is not None else None,
        autoscaler=state.autoscaler if post.autoscaler is not None else None,
    )


def as_before(attempt: Attempt) -> PostState:
    """The fields that the attempt's write sets, as they were when it was planned."""
    pre = attempt.pre
    return as_stored(
        attempt,
        PostState(
            template_hash=pre.template_hash,
            restart_stamp=pre.restart_stamp,
            replicas=pre.replicas,
            autoscaler=pre.autoscaler,
        ),
    )


def same_meaning(situation: Situation, attempt: Attempt) -> bool:
    """Whether workload and autoscaler still mean what they meant when the attempt was planned."""
    workload, pre, post = situation.workload, attempt.pre, attempt.post
    if workload is None or workload.uid != pre.uid or workload.deleting or _blocked_by_pause(workload, post):
        return False
    if attempt.kind == "Act" and pre.replicas and not workload.replicas:
        return False  # switched off meanwhile
    autoscaler = written_autoscaler(situation, post)
    return (
        (not _needs_the_template(attempt) or workload.template_hash == pre.template_hash)
        and (post.restart_stamp is None or workload.restart_stamp == pre.restart_stamp)
        and (post.replicas is None or (workload.replicas == pre.replicas and not situation.autoscalers))
        and (post.autoscaler is None or (autoscaler is not None and _is_as_planned(autoscaler, pre)))
    )


def untouched(situation: Situation, attempt: Attempt) -> bool:
    """Whether nothing was written on the object since the attempt was planned."""
    if attempt.post.autoscaler is not None:
        autoscaler = written_autoscaler(situation, attempt.post)
        return autoscaler is not None and autoscaler.resource_version == attempt.pre.autoscaler_version
    workload = situation.workload
    return workload is not None and workload.uid == attempt.pre.uid and workload.generation == attempt.pre.generation


def expected_template(status: RemediationStatus) -> str | None:
    """The hash of the template that our last act (or its undoing) left in place; None when we have not acted."""
    done = [each for each in status.attempts if each.phase == "Done" and _needs_the_template(each)]
    return (done[-1].left_template or done[-1].post.template_hash or done[-1].pre.template_hash) if done else None


def undone_templates(status: RemediationStatus) -> frozenset[str]:
    """The hashes of the templates that our undos have left."""
    undos = [each for each in status.attempts if each.phase == "Done" and each.post.template_hash is not None]
    return frozenset(each.pre.template_hash for each in undos)


def _needs_the_template(attempt: Attempt) -> bool:
    """Whether it was planned on the template: a scale is taken back whatever was released meanwhile."""
    return attempt.kind == "Act" or attempt.post.template_hash is not None


def _is_as_planned(autoscaler: Autoscaler, pre: PreState) -> bool:
    return not autoscaler.deleting and not autoscaler.unusable and autoscaler.bounds == pre.autoscaler


def _blocked_by_pause(workload: Workload, post: PostState) -> bool:
    return workload.paused and (post.template_hash is not None or post.restart_stamp is not None)
