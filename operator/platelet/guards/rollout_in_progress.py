"""No rollout by someone else is under way, unless its own pods are the sick ones and the action leaves it or undoes it.

A crash loop without a readiness probe completes its rollout (TRAPS 39): pods that are not available do not make a
rollout unfinished. What does: a spec that the controller has not seen, pods or ReplicaSets of older templates, pods
that are not made yet, a Progressing condition that does not say NewReplicaSetAvailable, and a StatefulSet that has not
moved its currentRevision. A DaemonSet says no more than how many nodes have the new pod.
"""

from datetime import datetime, timedelta

from platelet import changes
from platelet.model import reasons
from platelet.model.policy import ActionTraits
from platelet.model.signal import SHOWN, TOLD
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import DEADLINE_EXCEEDED, ROLLOUT_COMPLETE, Workload

DEFAULT_DEADLINE = timedelta(seconds=600)  # apps/v1's progressDeadlineSeconds, for those without the condition
SOON = timedelta(seconds=5)  # a controller that works answers a new generation sooner


def deny(situation: Situation, action: ActionTraits, now: datetime) -> Deny | None:
    """Deny during someone else's rollout; an undo or a Job is allowed if all sick pods are that rollout's own."""
    workload = situation.snapshot.workload
    if workload is None:
        return None
    unfinished = _unfinished(workload, situation, now)
    if unfinished is None or _is_ours(situation):
        return None
    controller_lags = workload.observed_generation < workload.generation
    may_act = action.heals_rollout or action.leaves_target_alone
    if may_act and not controller_lags and _is_the_fault(workload, situation):
        return None
    if action.needs_room and workload.cannot_create and not controller_lags and not _goes_on(workload):
        return None  # not a rollout, but pods that cannot be made: causeElsewhere says so
    return Deny(
        reason=reasons.ROLLOUT_IN_PROGRESS,
        message=f"a rollout of {situation.target} is not finished: {unfinished}{_why_no_undo(action)}",
        retry_at=now + SOON if controller_lags else None,
        undo_helps=not controller_lags and _never_ends(workload) and _is_the_fault(workload, situation),
    )


def _never_ends(workload: Workload) -> bool:
    """Whether its controller has given up on it, or cannot make a single pod of it."""
    return workload.makes_no_pods or workload.conditions.get("Progressing", ("", ""))[1] == DEADLINE_EXCEEDED


def _unfinished(workload: Workload, situation: Situation, now: datetime) -> str | None:
    if workload.observed_generation < workload.generation:
        return f"generation {workload.generation} is not observed yet ({workload.observed_generation} is)"
    status, reason = workload.conditions.get("Progressing", ("", ""))
    if reason == DEADLINE_EXCEEDED:
        return "it has exceeded its progress deadline; a restart or more replicas do not finish it"
    old = _old_pods(workload, situation)
    if old is not None:
        return old
    if workload.ref.kind != "Deployment":
        return None
    if reason and (status, reason) != ("True", ROLLOUT_COMPLETE):
        return f"condition Progressing is {status} with reason {reason}"
    if not reason and workload.available_replicas < workload.updated_replicas and _is_young(situation, now):
        return f"{workload.available_replicas} of {workload.updated_replicas} new pods are available"
    return None


def _old_pods(workload: Workload, situation: Situation) -> str | None:
    """Pods that are still to be made or replaced; those that are held back are not."""
    due = workload.replicas - workload.held_replicas
    if workload.updated_replicas < due:
        return f"{workload.updated_replicas} of {due} pods have the new template"
    if workload.held_replicas:
        return None
    if workload.status_replicas > workload.updated_replicas:
        return f"{workload.status_replicas - workload.updated_replicas} pods still have an older template"
    older = [old for old in situation.snapshot.revisions[1:] if old.replicas > 0]
    if older:
        return f"older revision {older[0].name} still has {older[0].replicas} replicas"
    if workload.current_revision != workload.update_revision:
        return f"its pods were never all ready at once since {workload.update_revision}"
    return None


def _goes_on(workload: Workload) -> bool:
    """Whether a rollout that pods were refused to may still make room for itself."""
    return workload.conditions.get("Progressing", ("", ROLLOUT_COMPLETE))[1] not in (
        ROLLOUT_COMPLETE,
        DEADLINE_EXCEEDED,
    )


def _is_young(situation: Situation, now: datetime) -> bool:
    """Without a progress deadline there is no condition: then the newest template's age has to tell."""
    newest = next(iter(situation.snapshot.revisions), None)
    return newest is None or now - newest.created_at < DEFAULT_DEADLINE


def _is_ours(situation: Situation) -> bool:
    """Whether the live spec is what the last attempt of this remediation left: its own rollout does not stop it."""
    written = [attempt for attempt in situation.remediation.status.attempts if attempt.may_have_landed]
    return bool(written) and changes.is_as_left(written[-1], situation)


def _is_the_fault(workload: Workload, situation: Situation) -> bool:
    """Whether every sick pod has the live template.

    An alert that was there before the unready pods were made is not their fault: the rollout may be the repair.
    """
    newest = next(iter(situation.snapshot.revisions), None)
    if newest is None or newest.template_hash != workload.template_hash:
        return False
    shown = [signal for signal in situation.signals if signal.source in SHOWN]
    if shown:
        return all(signal.newest_only for signal in shown)
    alerts = [signal for signal in situation.signals if signal.source in TOLD]
    if (
        alerts
        and workload.makes_no_pods
        and not any(pod.is_active and not pod.ready for pod in situation.snapshot.pods)
    ):
        return all(alert.since >= newest.created_at for alert in alerts)
    unready = [pod.created_at for pod in situation.snapshot.pods if pod.is_active and not pod.ready]
    return bool(alerts and unready) and all(alert.newest_only and alert.since >= min(unready) for alert in alerts)


def _why_no_undo(action: ActionTraits) -> str:
    if not action.heals_rollout:
        return ""
    return "; it is not undone, because the sick pods are not known to be its own"
