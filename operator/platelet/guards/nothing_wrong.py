"""An alert alone is a weak fact (DESIGN 8): a severity says how bad something is, and not that it is this workload.

A full disk, a certificate, a dependency of another namespace: each fires with the labels of workloads that are well.
"""

from datetime import datetime, timedelta

from platelet.guards import occurrence
from platelet.model import blame, reasons
from platelet.model.durations import say_time
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import Pod, Workload

YOUNG_FOR = timedelta(hours=1)  # so long after it was made, a release is a suspect for whatever fires


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny, and tell people, when only alerts that no matcher names speak against a well workload of an old release.

    A query counts as named: it was written for its policy. An unknown age is no young one, and is asked for again.
    """
    holding = [signal for signal in situation.signals if signal.counts(now)]
    workload = situation.snapshot.workload
    if workload is None or not holding or not all(signal.unnamed for signal in holding):
        return None
    if not _is_well(workload, situation, now):
        return None
    alerts = ", ".join(sorted({signal.reason for signal in holding}))
    live = blame.live_record(situation)
    if live is None:
        message = (
            f"only {alerts} speaks against {situation.target}, and when its template was released is not known yet"
        )
        return Deny(reason=reasons.NOTHING_WRONG_WITH_TARGET, message=message)
    if now - live.last_release < YOUNG_FOR:
        return None
    return occurrence.hopeless(
        situation,
        now,
        reasons.NOTHING_WRONG_WITH_TARGET,
        f"only {alerts} speaks against {situation.target}: its pods are well, its template is of "
        f"{say_time(live.last_release)}, and no trigger has a matcher on alertname that names this alert",
    )


def _is_well(workload: Workload, situation: Situation, now: datetime) -> bool:
    """Whether all pods are there, ready, and have not restarted for as long as proves a template healthy."""
    if workload.cannot_create:
        return False
    counted = [pod for pod in situation.snapshot.pods if pod.is_active]
    enough = min(workload.available_replicas, workload.updated_replicas + workload.held_replicas, len(counted))
    return enough >= workload.replicas and all(_runs(pod, now - situation.settings.healthy_for) for pod in counted)


def _runs(pod: Pod, since: datetime) -> bool:
    ends = (container.last_finished_at for container in pod.containers if container.last_finished_at is not None)
    return pod.ready and not any(end > since for end in ends)
