"""Pods that have failed since they were made, beside older ones of the same template that run well.

What they start in is not what the others started in: a config, a credential, the image behind a tag, or something that
only a start needs. So whatever is made now would be like them, and a rollout would take the others down.
"""

from datetime import datetime

from platelet.model import crash_loop, reasons, symptoms
from platelet.model.enumeration import name_some
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Pod

_NAMED = 3


def refuse(situation: Situation, now: datetime) -> Refusal | None:
    """Refuse to replace all pods where only such ones are sick. Who asks for it by hand has judged that already."""
    failing = () if situation.remediation.spec.by_hand else _failing(situation, now)
    if not failing:
        return None
    named = name_some(sorted(pod.name for pod in failing), _NAMED)
    message = (
        f"{named} failed from the start, while older pods of the same template run well: something that a start needs "
        "has changed (a ConfigMap, a Secret, the image behind a tag, a dependency, the node), and whatever replaces "
        "those older pods may fail, too"
    )
    return Refusal(reason=reasons.NEW_PODS_FAIL, message=message)


def _failing(situation: Situation, now: datetime) -> tuple[Pod, ...]:
    """All sick pods of the live template, if each is such a one; else none."""
    alike = _of_live_template(situation)
    named = {name for signal in situation.signals for name in signal.pods}
    sick = {
        pod.name: pod for pod in alike if (pod.name in named and not pod.ready) or symptoms.remember({}, [pod], now)
    }
    well = [pod for pod in alike if pod.name not in sick and pod.ready]
    if not sick or not well or not all(_failed_from_the_start(pod) for pod in sick.values()):
        return ()
    proven_by = max(_ready_since(pod) for pod in well) + situation.settings.healthy_for
    return tuple(sick.values()) if all(pod.created_at >= proven_by for pod in sick.values()) else ()


def _of_live_template(situation: Situation) -> list[Pod]:
    """Pods that count and have a node, whichever restart of the template made them."""
    workload = situation.snapshot.workload
    hashes = {
        revision.revision_hash
        for revision in situation.snapshot.revisions
        if workload is not None and revision.template_hash == workload.template_hash
    }
    return [
        pod
        for pod in situation.snapshot.pods
        if pod.is_active and not pod.unschedulable and pod.revision_hash in hashes
    ]


def _failed_from_the_start(pod: Pod) -> bool:
    ended = [container for container in pod.containers if crash_loop.has_ended(container)]
    if ended:
        return all(crash_loop.may_date_from(pod.created_at, container) for container in ended)
    return not pod.ready and _ready_since(pod) - pod.created_at <= crash_loop.FORGOTTEN_AFTER


def _ready_since(pod: Pod) -> datetime:
    """Since when it is as ready, or as unready, as it is."""
    return pod.ready_changed_at or pod.created_at
