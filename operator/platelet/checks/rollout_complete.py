"""The rollout of what was written is complete (TRAPS 11), and what was written is still there (TRAPS 14).

Complete is not well: a crash loop without a readiness probe completes its rollout (TRAPS 39).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from platelet import changes
from platelet.model import reasons
from platelet.model.durations import format_duration, say_time
from platelet.model.intent import REPLICAS
from platelet.model.remediation import Attempt
from platelet.model.rules import Progress, Trial
from platelet.model.situation import Situation
from platelet.model.verdict import Verdict
from platelet.model.verifying import Verifying
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash

_QUOTED = 300  # characters of the scheduler's own words


def check(trial: Trial, now: datetime) -> Verdict:
    """Pending until complete; Failed when others changed it back, or `timeout` after the write.

    Pods whose first start goes on are no failure: they have as long as the rollout may go without progress.

    A Progressing condition that says ProgressDeadlineExceeded is no verdict here: it may still be that of the rollout
    that was undone. Once seen complete it stays so; whether the pods stay well is the next check's.
    """
    workload = trial.situation.snapshot.workload
    if workload is None:
        return Verdict(outcome="Inconclusive", reason=reasons.TARGET_GONE, message="the workload cannot be read")
    reverted = changes.how_changed_back(trial.attempt, trial.situation)
    if reverted:
        return Verdict(outcome="Failed", reason=reasons.REVERTED_BY_OTHERS, message=reverted)
    if trial.verifying.complete_at is not None or has_arrived(trial.situation, trial.attempt):
        if trial.attempt.on_target(REPLICAS) == "0":
            return _switched_off(trial.attempt)
        return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message="the rollout is complete")
    deadline = trial.verifying.started_at + trial.verification.timeout
    progress = (
        f"{workload.updated_replicas} of {workload.replicas} pods updated, {workload.available_replicas} available"
        f"{_why_not(workload, trial.situation.snapshot.pods)}"
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


def _switched_off(attempt: Attempt) -> Verdict:
    """The target was scaled to 0, which proves nothing whatever alerts say: people get it at once."""
    at = say_time(attempt.outcome_at or attempt.intended_at)
    by = f", approved by {attempt.approved_by}" if attempt.approved_by else ""
    message = f"{attempt.summary} at {at}{by}: its last pod has ended, and nothing can be proven of what does not run"
    return Verdict(outcome="Inconclusive", reason=reasons.SCALED_TO_ZERO, message=message)


def keep_time(trial: Trial, now: datetime) -> Verifying:
    """The clock of all other checks: it starts when the rollout is first seen complete, and is never set back."""
    if trial.verifying.complete_at is None and has_arrived(trial.situation, trial.attempt):
        return replace(trial.verifying, complete_at=now)
    return trial.verifying


def progress(trial: Trial, _now: datetime) -> Progress | None:
    """Until when the rollout may take."""
    if trial.verifying.complete_at is not None:
        return None
    return Progress(text="rollout", until=trial.verifying.started_at + trial.verification.timeout)


def _only_starts(workload: Workload, situation: Situation) -> bool:
    """Whether nothing but the first start of its own pods keeps the rollout from going on."""
    live = newest_revision_hash(workload, situation.snapshot.revisions)
    unready = [pod for pod in situation.snapshot.pods if pod.is_active and not pod.ready and pod.revision_hash == live]
    return bool(unready) and all(pod.is_starting for pod in unready)


def _why_not(workload: Workload, pods: Sequence[Pod]) -> str:
    """What the scheduler or the API server says, where pods wait for a node or are refused; empty if neither."""
    if workload.cannot_create:
        return f"; no more pods can be made: {workload.cannot_create[:_QUOTED]}"
    unplaced = next((pod for pod in pods if pod.is_active and pod.unschedulable), None)
    return f"; {unplaced.name} cannot be scheduled: {unplaced.unschedulable[:_QUOTED]}" if unplaced else ""


def has_arrived(situation: Situation, attempt: Attempt) -> bool:
    """Whether what was written has taken effect: all follows from it that does, and its rollout is complete."""
    workload, revisions = situation.snapshot.workload, situation.snapshot.revisions
    if workload is None or not changes.has_arrived(attempt, situation):
        return False
    return not changes.is_proven_by_rollout(attempt) or is_complete(workload, revisions)


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
