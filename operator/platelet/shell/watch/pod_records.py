"""From a line of the pod stream to `model.workload.Pod`: only the fields that decisions read are decoded."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import msgspec

from platelet.api.readers import lenient, pods
from platelet.model.workload import Container, Owner, Pod
from platelet.shell.watch.stream import Seen

State = Literal["waiting", "running", "terminated", "unknown"]


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Owner(_Struct):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class _Meta(_Struct):
    namespace: str
    name: str
    uid: str
    creation_timestamp: datetime
    resource_version: str = ""
    deletion_timestamp: str | None = None
    finalizers: list[str] | None = None
    labels: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None


class _InitContainer(_Struct):
    name: str = ""
    restart_policy: str = ""


class _Spec(_Struct):
    node_name: str = ""
    init_containers: list[_InitContainer] | None = None


class _Detail(_Struct):
    """A waiting, running or terminated state: what each of them lacks is absent."""

    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class _States(_Struct):
    waiting: _Detail | None = None
    running: _Detail | None = None
    terminated: _Detail | None = None


class _ContainerStatus(_Struct):
    name: str = ""
    image: str = ""
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: _States | None = None
    last_state: _States | None = None


class _Condition(_Struct):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class _Status(_Struct):
    phase: str = ""
    conditions: list[_Condition] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None
    container_statuses: list[_ContainerStatus] | None = None


class _Pod(_Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Pod).decode
_NOTHING = _Detail()


def reduce(raw: bytes) -> Seen[Pod]:
    """Read one pod. One with a malformed detail is read again leniently; raises for one without identity."""
    try:
        pod = _decode(raw)
    except msgspec.ValidationError:
        return _reduce_leniently(raw)
    meta = pod.metadata
    return Seen((meta.namespace, meta.name), meta.resource_version, _record(pod))


def _reduce_leniently(raw: bytes) -> Seen[Pod]:
    obj = msgspec.json.decode(raw)
    record = replace(pods.read_pod(obj), resource_version="")
    return Seen((record.namespace, record.name), obj["metadata"].get("resourceVersion", ""), record)


def _record(pod: _Pod) -> Pod:
    meta, status = pod.metadata, pod.status
    ready, scheduled = _condition(status.conditions, "Ready"), _condition(status.conditions, "PodScheduled")
    inits = {container.name for container in pod.spec.init_containers or () if container.restart_policy != "Always"}
    return Pod(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        created_at=meta.creation_timestamp.astimezone(UTC),
        phase=status.phase,
        owner=_owner(meta.owner_references or ()),
        revision_hash=pods.revision_hash(meta.labels or {}),
        node=pod.spec.node_name,
        deleting=bool(meta.deletion_timestamp),
        gone_by=_moment(lenient.moment(meta.deletion_timestamp)),
        finalizers=tuple(meta.finalizers or ()) if meta.deletion_timestamp else (),
        ready=ready.status == "True",
        ready_changed_at=_moment(ready.last_transition_time),
        unschedulable=(scheduled.message or scheduled.reason or "not scheduled") if scheduled.status == "False" else "",
        containers=(
            *(_container(container, inits) for container in status.init_container_statuses or ()),
            *(_container(container) for container in status.container_statuses or ()),
        ),
    )


def _condition(conditions: Sequence[_Condition] | None, kind: str) -> _Condition:
    matching = [condition for condition in conditions or () if condition.type == kind]
    return matching[-1] if matching else _Condition()


def _owner(references: Sequence[_Owner]) -> Owner | None:
    for owner in references:
        if owner.controller:
            return Owner(api_version=owner.api_version, kind=owner.kind, name=owner.name, uid=owner.uid)
    return None


def _container(status: _ContainerStatus, inits: Collection[str] = ()) -> Container:
    state, now = _state(status.state)
    last = (status.last_state.terminated if status.last_state else None) or _NOTHING
    return Container(
        name=status.name,
        image=status.image,
        init=status.name in inits,
        ready=status.ready,
        started=status.started,
        restarts=max(0, status.restart_count),
        state=state,
        reason=now.reason,
        message=now.message,
        exit_code=now.exit_code,
        started_at=_moment(now.started_at),
        finished_at=_moment(now.finished_at),
        last_reason=last.reason,
        last_exit_code=last.exit_code,
        last_started_at=_moment(last.started_at),
        last_finished_at=_moment(last.finished_at),
    )


def _state(states: _States | None) -> tuple[State, _Detail]:
    if states is not None and states.waiting is not None:
        return "waiting", states.waiting
    if states is not None and states.running is not None:
        return "running", states.running
    if states is not None and states.terminated is not None:
        return "terminated", states.terminated
    return "unknown", _NOTHING


def _moment(moment: datetime | None) -> datetime | None:
    known = pods.known(moment)
    return known.astimezone(UTC) if known is not None else None
