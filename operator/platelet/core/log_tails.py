"""Evidence before the fix: whose log is read before the first act, where the policy asks for it, and what is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from platelet.changes import template_places
from platelet.model import redaction
from platelet.model.failed_job import Ending
from platelet.model.log_tail import LogSource
from platelet.model.remediation import BEFORE_ACTING, Remediation, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.template_shape import mapping
from platelet.model.workload import Container, Pod


def wanted(situation: Situation) -> LogSource | None:
    """The log of the container that fails most; None: none fails, it was read already, or nobody asked for it."""
    policy, workload = situation.policy, situation.snapshot.workload
    if policy is None or not policy.evidence.logs or workload is None or not _is_open(situation.remediation):
        return None
    failing = [(pod, container) for pod in _suspects(situation) for container in pod.containers if _fails(container)]
    if not failing:
        return None
    pod, container = max(failing, key=lambda chosen: (chosen[1].restarts, chosen[0].created_at))
    return LogSource(
        namespace=pod.namespace,
        pod=pod.name,
        container=container.name,
        previous=container.state != "terminated" and container.last_finished_at is not None,
        hidden=tuple(credentials(workload.template)),
    )


def of_job(namespace: str, ending: Ending, template: Mapping[str, Any]) -> LogSource:
    """The log of the run that failed. `template` is its pod, in which values may stand that are to be hidden."""
    return LogSource(
        namespace=namespace,
        pod=ending.pod,
        container=ending.container,
        previous=ending.previous,
        hidden=tuple(credentials(template)),
    )


def note(situation: Situation, status: RemediationStatus) -> RemediationStatus:
    """Keep what was read."""
    tail = situation.knowledge.log_tail
    return status if tail is None or status.log_tail is not None else replace(status, log_tail=tail)


def credentials(template: Mapping[str, Any]) -> Iterator[str]:
    """Values of variables that stand in the template itself, under names that say what they are."""
    for container in template_places.by_name(template).values():
        variables = container.get("env")
        for variable in variables if isinstance(variables, list | tuple) else ():
            name, value = (mapping(variable).get(key) for key in ("name", "value"))
            if isinstance(name, str) and isinstance(value, str) and redaction.names_a_credential(name):
                yield value


def _is_open(remediation: Remediation) -> bool:
    status = remediation.status
    return status.log_tail is None and status.state in BEFORE_ACTING and not status.attempts


def _suspects(situation: Situation) -> list[Pod]:
    """The pods that signals name, which may be ready between two crashes; else those that are not ready."""
    named = {name for signal in situation.signals for name in signal.pods}
    active = [pod for pod in situation.snapshot.pods if pod.is_active]
    return [pod for pod in active if pod.name in named] or [pod for pod in active if not pod.ready]


def _fails(container: Container) -> bool:
    """Whether the container is not well and has run, so that there is a log."""
    has_run = container.state in ("running", "terminated") or container.last_finished_at is not None
    return has_run and not container.has_done_its_work and (not container.ready or container.restarts > 0)
