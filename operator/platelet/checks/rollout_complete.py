"""The rollout of what was written is complete (TRAPS 11), and what was written is still there (TRAPS 14).

Complete is not well: a crash loop without a readiness probe completes its rollout (TRAPS 39).
"""

from collections.abc import Sequence
from datetime import datetime

from platelet.model import reasons
from platelet.model.durations import format_duration, parse_time
from platelet.model.remediation import Attempt
from platelet.model.rules import Trial
from platelet.model.situation import Situation
from platelet.model.verdict import Verdict
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash

_QUOTED = 300  # characters of the scheduler's own words


def check(trial: Trial, now: datetime) -> Verdict:
    """Pending until complete; Failed when others changed it back, or `timeout` after the write.

    Pods whose first start goes on are no failure: they have as long as the rollout may go without progress.

    A Progressing condition that says ProgressDeadlineExceeded is no verdict here: it may still be that of the rollout
    that was undone. Once seen complete it stays so; whether the pods stay well is the next check's.
    """
    workload = trial.situation.workload
    if workload is None:
        return Verdict(outcome="Inconclusive", reason=reasons.TARGET_GONE, message="the workload cannot be read")
    reverted = how_reverted(trial.situation, trial.attempt)
    if reverted:
        return Verdict(outcome="Failed", reason=reasons.REVERTED_BY_OTHERS, message=reverted)
    if trial.verifying.complete_at is not None or has_arrived(trial.situation, trial.attempt):
        return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message="the rollout is complete")
    deadline = trial.verifying.started_at + trial.verification.timeout
    progress = (
        f"{workload.updated_replicas} of {workload.replicas} pods updated, {workload.available_replicas} available"
        f"{_why_not(workload, trial.situation.pods)}"
    )
    starts_until = trial.verifying.started_at + workload.start_grace
    if deadline <= now < starts_until and _only_starts(workload, trial.situation):
        return Verdict(
            outcome="Pending",
            reason=reasons.ROLLOUT_INCOMPLETE,
            message=f"{progress}; its pods start, which may take until the rollout's own deadline",
            retry_at=starts_until,
        )
    if now >= deadline:
        waited = format_duration(trial.verification.timeout)
        return Verdict(
            outcome="Failed",
            reason=reasons.ROLLOUT_TIMED_OUT,
            message=f"the rollout was not complete {waited} after the write: {progress}",
        )
    return Verdict(outcome="Pending", reason=reasons.ROLLOUT_INCOMPLETE, message=progress, retry_at=deadline)


def _only_starts(workload: Workload, situation: Situation) -> bool:
    """Whether nothing but the first start of its own pods keeps the rollout from going on."""
    live = newest_revision_hash(workload, situation.revisions)
    unready = [pod for pod in situation.pods if pod.is_active and not pod.ready and pod.revision_hash == live]
    return bool(unready) and all(pod.is_starting for pod in unready)


def _why_not(workload: Workload, pods: Sequence[Pod]) -> str:
    """What the scheduler or the API server says, where pods wait for a node or are refused; empty if neither."""
    if workload.cannot_create:
        return f"; no more pods can be made: {workload.cannot_create[:_QUOTED]}"
    unplaced = next((pod for pod in pods if pod.is_active and pod.unschedulable), None)
    return f"; {unplaced.name} cannot be scheduled: {unplaced.unschedulable[:_QUOTED]}" if unplaced else ""


def has_arrived(situation: Situation, attempt: Attempt) -> bool:
    """Whether the rollout of what was written is complete; where bounds were raised, once the autoscaler has acted."""
    workload, raised = situation.workload, attempt.post.autoscaler
    if workload is None or (raised is not None and attempt.kind == "Act" and workload.replicas < (raised.min or 0)):
        return False
    return is_complete(workload, situation.revisions)


def is_complete(workload: Workload, revisions: Sequence[Revision]) -> bool:
    """Whether the live spec is observed, and all pods are there, available, and of the live template.

    Pods that a partition or OnDelete holds back may have an older one: no rollout replaces those (kubectl's
    polymorphichelpers/rollout_status.go).
    """
    held = workload.held_replicas
    return (
        workload.observed_generation >= workload.generation
        and workload.status_replicas == workload.replicas
        and workload.available_replicas == workload.replicas
        and workload.updated_replicas >= workload.replicas - held
        and (held > 0 or all(old.replicas == 0 for old in revisions[1:]))
    )


def how_reverted(situation: Situation, attempt: Attempt) -> str:
    """How the target shows that someone took the attempt's write back; empty if not, or if the target is gone."""
    if situation.workload is None:
        return ""
    return _reverted(situation.workload, attempt) or _lowered(situation, attempt)


def _reverted(workload: Workload, attempt: Attempt) -> str:
    """How the live spec shows that someone took our write back; empty if not."""
    post = attempt.post
    if post.template_hash is not None and workload.template_hash != post.template_hash:
        return f"the template is {workload.template_hash}, no longer {post.template_hash} as written: others changed it"
    if post.restart_stamp is not None and _is_older(workload.restart_stamp, post.restart_stamp):
        return "the restart's stamp was removed from the template: others changed it"
    if post.replicas is not None and _is_on_the_other_side(workload.replicas, attempt.pre.replicas, post.replicas):
        return f"replicas is {workload.replicas}, no longer {post.replicas} as written: others changed it"
    return ""


def _lowered(situation: Situation, attempt: Attempt) -> str:
    """How the autoscaler shows that someone took our write back; empty if not. Higher bounds are no revert."""
    ours = attempt.post.autoscaler
    if ours is None:
        return ""
    live = situation.autoscaler(ours)
    if live is None:
        return f"{ours.kind} {ours.name} is gone, whose bounds we raised"
    lowered = live.least < (ours.min or 0) or (ours.max is not None and live.most < ours.max)
    return f"the bounds of {live} are {live.bounds}, no longer {ours} as written: others changed it" if lowered else ""


def _is_older(live: str, written: str) -> bool:
    """Whether the live stamp is missing, unreadable or older; a newer one is somebody's further restart."""
    if live == written:  # whatever an admission made of it
        return False
    try:
        return parse_time(live) < parse_time(written)
    except ValueError:
        return True


def _is_on_the_other_side(live: int, before: int, written: int) -> bool:
    """Whether the number went back towards where it came from; further in our direction is no revert."""
    return live < written if written > before else live > written
