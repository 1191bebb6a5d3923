"""What a write means: whether the target is still what the attempt was planned on, and whether the write has landed.

The generation moves with every annotation and every autoscaler's write (TRAPS 47), so it never means "someone changed
it"; unchanged, it proves that nothing at all was written, which is what a crash or a lost answer needs to know.
"""

from platelet.model.remediation import Attempt, PostState, PreState, RemediationStatus
from platelet.model.workload import Workload


def pin(workload: Workload) -> PreState:
    """What an attempt planned on this workload relies on."""
    return PreState(
        uid=workload.uid,
        generation=workload.generation,
        template_hash=workload.template_hash,
        restart_stamp=workload.restart_stamp,
        replicas=workload.replicas,
    )


def landed(workload: Workload, attempt: Attempt) -> bool:
    """Whether the workload is what the attempt's write makes of it."""
    post = attempt.post
    return workload.uid == attempt.pre.uid and (
        (post.template_hash is None or workload.template_hash == post.template_hash)
        and (post.restart_stamp is None or workload.restart_stamp == post.restart_stamp)
        and (post.replicas is None or workload.replicas == post.replicas)
    )


def same_meaning(workload: Workload, attempt: Attempt) -> bool:
    """Whether the workload still means what it meant when the attempt was planned."""
    pre, post = attempt.pre, attempt.post
    return (
        workload.uid == pre.uid
        and not workload.deleting
        and not _blocked_by_pause(workload, post)
        and (not _needs_the_template(attempt) or workload.template_hash == pre.template_hash)
        and (post.restart_stamp is None or workload.restart_stamp == pre.restart_stamp)
        and (post.replicas is None or workload.replicas == pre.replicas)
    )


def untouched(workload: Workload, attempt: Attempt) -> bool:
    """Whether nothing was written on the workload since the attempt was planned."""
    return workload.uid == attempt.pre.uid and workload.generation == attempt.pre.generation


def expected_template(status: RemediationStatus) -> str | None:
    """The hash of the template that our last act (or its undoing) left in place; None when we have not acted."""
    done = [each for each in status.attempts if each.phase == "Done" and _needs_the_template(each)]
    return (done[-1].post.template_hash or done[-1].pre.template_hash) if done else None


def undone_templates(status: RemediationStatus) -> frozenset[str]:
    """The hashes of the templates that our undos have left."""
    undos = [each for each in status.attempts if each.phase == "Done" and each.post.template_hash is not None]
    return frozenset(each.pre.template_hash for each in undos)


def _needs_the_template(attempt: Attempt) -> bool:
    """Whether it was planned on the template: a scale is taken back whatever was released meanwhile."""
    return attempt.kind == "Act" or attempt.post.template_hash is not None


def _blocked_by_pause(workload: Workload, post: PostState) -> bool:
    return workload.paused and (post.template_hash is not None or post.restart_stamp is not None)
