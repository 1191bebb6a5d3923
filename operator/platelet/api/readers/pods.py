"""Pods, reduced to what triggers, guards and checks read. As lenient as `workloads`."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from platelet.api.readers import lenient
from platelet.model import templates
from platelet.model.workload import Container, Pod

State = Literal["waiting", "running", "terminated", "unknown"]
_STATES: tuple[State, ...] = ("waiting", "running", "terminated")
_FIRST_MOMENT = datetime(1971, 1, 1, tzinfo=UTC)  # before it no kubelet ran


def read_pod(obj: Mapping[str, Any]) -> Pod:
    """Read a pod. Raises KeyError without its metadata, nothing else."""
    metadata, spec = lenient.mapping(obj["metadata"]), lenient.mapping(obj.get("spec"))
    status = lenient.mapping(obj.get("status"))
    conditions = lenient.by_type(status.get("conditions"))
    ready = conditions.get("Ready", {})
    inits = {
        lenient.text(container.get("name"))
        for container in lenient.mappings(spec.get("initContainers"))
        if container.get("restartPolicy") != "Always"
    }
    containers = (
        *(_read_container(container, inits) for container in lenient.mappings(status.get("initContainerStatuses"))),
        *(_read_container(container) for container in lenient.mappings(status.get("containerStatuses"))),
    )
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        created_at=lenient.read_creation(metadata),
        resource_version=lenient.text(metadata.get("resourceVersion")),
        phase=lenient.text(status.get("phase")),
        owner=lenient.read_owner(obj),
        revision_hash=revision_hash(lenient.texts(metadata.get("labels"))),
        node=lenient.text(spec.get("nodeName")),
        deleting=bool(metadata.get("deletionTimestamp")),
        gone_by=_moment(metadata.get("deletionTimestamp")),
        finalizers=_finalizers(metadata) if metadata.get("deletionTimestamp") else (),
        ready=ready.get("status") == "True",
        ready_changed_at=_moment(ready.get("lastTransitionTime")),
        unschedulable=_unschedulable(conditions.get("PodScheduled", {})),
        containers=containers,
    )


def revision_hash(labels: Mapping[str, str]) -> str:
    """Which revision of its workload a pod says that it is of."""
    return labels.get(templates.POD_TEMPLATE_HASH) or labels.get(templates.CONTROLLER_REVISION_HASH, "")


def known(moment: datetime | None) -> datetime | None:
    """A time that a kubelet may mean; None for Go's zero time and for the epoch.

    Where a container never started, containerd says the epoch (containerd#9271).
    """
    return moment if moment is not None and moment >= _FIRST_MOMENT else None


def _moment(stored: Any) -> datetime | None:
    return known(lenient.moment(stored))


def _finalizers(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    names = metadata.get("finalizers")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _unschedulable(condition: Mapping[str, Any]) -> str:
    if condition.get("status") != "False":
        return ""
    return lenient.text(condition.get("message")) or lenient.text(condition.get("reason")) or "not scheduled"


def _read_container(status: Mapping[str, Any], inits: Collection[str] = ()) -> Container:
    states = lenient.mapping(status.get("state"))
    state: State = next((name for name in _STATES if isinstance(states.get(name), Mapping)), "unknown")
    now = lenient.mapping(states.get(state))
    last = lenient.mapping(lenient.mapping(status.get("lastState")).get("terminated"))
    name, started = lenient.text(status.get("name")), status.get("started")
    return Container(
        name=name,
        image=lenient.text(status.get("image")),
        init=name in inits,
        started=started if isinstance(started, bool) else None,
        ready=status.get("ready") is True,
        restarts=lenient.number(status.get("restartCount")),
        state=state,
        reason=lenient.text(now.get("reason")),
        message=lenient.text(now.get("message")),
        exit_code=_exit_code(now),
        started_at=_moment(now.get("startedAt")),
        finished_at=_moment(now.get("finishedAt")),
        last_reason=lenient.text(last.get("reason")),
        last_exit_code=_exit_code(last),
        last_started_at=_moment(last.get("startedAt")),
        last_finished_at=_moment(last.get("finishedAt")),
    )


def _exit_code(state: Mapping[str, Any]) -> int | None:
    code = state.get("exitCode")
    return code if isinstance(code, int) and not isinstance(code, bool) else None
