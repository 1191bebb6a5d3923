"""From a line of the Deployment stream to the little that tells whether to look again."""

from dataclasses import dataclass, field

import msgspec

from platelet.shell.stream import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRecord:
    """A Deployment as the stream remembers it. Decisions read the object itself, by a quorum read."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    replicas: int = 1  # wanted
    available_replicas: int = 0
    deleting: bool = False


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Meta(_Struct):
    namespace: str
    name: str
    uid: str
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _Spec(_Struct):
    replicas: int | None = None


class _Status(_Struct):
    available_replicas: int = 0


class _Deployment(_Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Deployment).decode


def reduce(raw: bytes) -> Seen[DeploymentRecord]:
    """Read one Deployment. Raises msgspec.ValidationError for a malformed one."""
    deployment = _decode(raw)
    meta, replicas = deployment.metadata, deployment.spec.replicas
    record = DeploymentRecord(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        generation=meta.generation,
        labels=meta.labels or {},
        replicas=1 if replicas is None else replicas,
        available_replicas=deployment.status.available_replicas,
        deleting=bool(meta.deletion_timestamp),
    )
    return Seen((meta.namespace, meta.name), meta.resource_version, record)
