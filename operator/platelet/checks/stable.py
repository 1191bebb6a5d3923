"""The target stays well: for `stableFor` every pod Ready and no container started again (TRAPS 39).

Judged by the times that the pods' own status shows, so a restart between two looks is seen as well.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from platelet.checks import rollout_complete
from platelet.model import reasons
from platelet.model.durations import format_duration, say_length, say_time
from platelet.model.rules import Progress, Trial
from platelet.model.signal import SHOWN
from platelet.model.verdict import Verdict
from platelet.model.workload import Pod, Revision, Workload


def check(trial: Trial, now: datetime) -> Verdict:
    """Pending until well for `stableFor` since the complete rollout; Failed when sick again, or `timeout` after it."""
    complete_at, workload = trial.verifying.complete_at, trial.situation.snapshot.workload
    if complete_at is None or workload is None:
        return Verdict(outcome="Pending", reason=reasons.ROLLOUT_INCOMPLETE, message="the rollout is not complete yet")
    persisting = _persisting(trial, now)
    if persisting:
        return Verdict(outcome="Failed", reason=reasons.SIGNAL_PERSISTS, message=persisting)
    stable_for = trial.verification.stable_for
    since = well_since(workload, trial.situation.snapshot.revisions, trial.situation.snapshot.pods)
    signals = _holding(trial, now)
    well_at = None if since is None or signals else max(since, complete_at) + stable_for
    if well_at is not None and well_at <= now:
        return Verdict(
            outcome="Recovered",
            reason=reasons.STABLE,
            message=f"all {workload.replicas} pods ready without a restart since {say_time(well_at - stable_for)}",
        )
    deadline = complete_at + max(trial.verification.timeout, stable_for)
    if now >= deadline:
        if since is not None and since > now:
            return _clocks_disagree(trial.situation.snapshot.pods, now)
        if well_at is not None and any(pod.is_active and pod.clock_leads for pod in trial.situation.snapshot.pods):
            return Verdict(
                outcome="Pending",
                reason=reasons.NOT_STABLE,
                message=f"{_state(workload, signals)}; since when is not known before {say_time(well_at)}",
                retry_at=well_at,
            )
        return Verdict(
            outcome="Failed",
            reason=reasons.NOT_STABLE,
            message=f"not well for {format_duration(stable_for)} since the rollout: {_state(workload, signals)}",
        )
    retry_at = deadline if well_at is None else min(well_at, deadline)
    return Verdict(outcome="Pending", reason=reasons.NOT_STABLE, message=_state(workload, signals), retry_at=retry_at)


def progress(trial: Trial, now: datetime) -> Progress | None:
    """For how long it has been well, and until when it may take."""
    complete_at, workload, stable_for = (
        trial.verifying.complete_at,
        trial.situation.snapshot.workload,
        trial.verification.stable_for,
    )
    if complete_at is None:
        return None
    since = (
        well_since(workload, trial.situation.snapshot.revisions, trial.situation.snapshot.pods)
        if workload is not None
        else None
    )
    held = max(now - max(since, complete_at), timedelta()) if since is not None else timedelta()
    return Progress(
        text=f"stable {say_length(min(held, stable_for))} of {format_duration(stable_for)},",
        until=complete_at + max(trial.verification.timeout, stable_for),
    )


def _clocks_disagree(pods: Sequence[Pod], now: datetime) -> Verdict:
    """Inconclusive: by the clock of their node, pods have changed in the future, which says nothing about health."""
    nodes = sorted({pod.node for pod in pods if pod.is_active and _last_change(pod) > now})
    message = f"whether it is well is not known: by the clock of node {nodes[0]} its pods change in the future"
    return Verdict(outcome="Inconclusive", reason=reasons.NOT_STABLE, message=message)


def well_since(workload: Workload, revisions: Sequence[Revision], pods: Sequence[Pod]) -> datetime | None:
    """Since when the workload is well: the last start or end of a container, or change of readiness.

    None while it is not well: an unfinished rollout, fewer Ready pods than wanted, or none wanted at all (0 replicas
    prove nothing). A pod of which no time is known proves nothing either.
    """
    alive = [pod for pod in pods if pod.is_active]
    if workload.replicas == 0 or not rollout_complete.is_complete(workload, revisions):
        return None
    if len(alive) < workload.replicas or not all(pod.ready for pod in alive):
        return None
    return max(_last_change(pod) for pod in alive)


def is_well(workload: Workload, revisions: Sequence[Revision], pods: Sequence[Pod]) -> bool:
    """Whether the workload is well at this moment; for how long, `well_since` tells."""
    return well_since(workload, revisions, pods) is not None


def _last_change(pod: Pod) -> datetime:
    moments = [pod.created_at, pod.ready_changed_at]
    for container in pod.containers:
        moments += [container.started_at, container.finished_at, container.last_finished_at]
    return max(moment for moment in moments if moment is not None)


def _holding(trial: Trial, now: datetime) -> list[str]:
    """Messages of the signals that pods and workload show now."""
    return [signal.message for signal in trial.situation.signals if signal.source in SHOWN and signal.holds_at <= now]


def _persisting(trial: Trial, now: datetime) -> str:
    """Name the signal on pods that the attempt itself made: waiting does not help those.

    Pods that were sick before (a scale keeps them) get until the timeout to become well.
    """
    # The API has whole seconds, the intent has not.
    written = trial.attempt.intended_at.replace(microsecond=0)
    made = {pod.name for pod in trial.situation.snapshot.pods if pod.is_active and pod.created_at >= written}
    for signal in trial.situation.signals:
        if signal.source == "pod" and signal.holds_at <= now and made.intersection(signal.pods):
            return f"{signal.reason} holds on pods made by this attempt: {signal.message}"
    return ""


def _state(workload: Workload, signals: Sequence[str]) -> str:
    available = f"{workload.available_replicas} of {workload.replicas} pods available"
    return f"{available}; {signals[0]}" if signals else available
