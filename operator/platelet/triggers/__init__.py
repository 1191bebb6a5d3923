"""WHEN: rules that turn what is known of pods, alerts and queries into signals, and say of which Jobs people are told.

Belongs here: one file per trigger (`pod`, `workload`, `alert`, `query`, `job`) with the dataclass of its settings, its
pure `observe` and its `TRIGGER`, of which one name goes into `TRIGGERS`; what an alert means: its wire formats
(`alerts`), its matchers (`matchers`), the workload that its labels name (`targeting`), when its absence counts as
resolved (`absence`). Does not belong here: whether anything may be done (guards), reading from the cluster or
Alertmanager (shell), which policy wins (core).
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from platelet.model import promql
from platelet.model.trigger import FromQueries, Trigger
from platelet.triggers import alert, job, pod, query, workload

TRIGGERS: tuple[Trigger, ...] = (pod.TRIGGER, workload.TRIGGER, alert.TRIGGER, query.TRIGGER, job.TRIGGER)
"""All that a policy may write in its `triggers`; whoever looks for signals goes through them by their source."""


def in_order(settings: Iterable[Any]) -> tuple[Any, ...]:
    """Settings of triggers in the order of the list, so that what a target shows by itself comes first."""
    return tuple(sorted(settings, key=lambda chosen: TRIGGERS.index(of(chosen))))


def of(settings: Any) -> Trigger:
    """The trigger whose settings these are. Raises KeyError for what is none."""
    trigger = next((known for known in TRIGGERS if known.settings is type(settings)), None)
    if trigger is None:
        raise KeyError(type(settings))
    return trigger


def look_back(settings: Iterable[Any]) -> timedelta:
    """How far the queries among these triggers see into the past, at most."""
    chosen = ((of(written), written) for written in settings)
    asked = (trigger.expression(written) for trigger, written in chosen if isinstance(trigger, FromQueries))
    return max(map(promql.look_back, asked), default=timedelta())
