"""The Kubernetes API as the shell needs it: a small Protocol, so that a model of it can stand in for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from platelet.model.autoscaler import AutoscalerKind
from platelet.model.workload import Kind

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: where it lives in the API."""

    group: str  # empty for core
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    metadata_only: bool = False  # what it holds is nobody's business: only its metadata is asked for

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{tail}"


PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", metadata_only=True)
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", metadata_only=True)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", metadata_only=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
WORKLOADS: Mapping[Kind, Resource] = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFUL_SETS,
    "DaemonSet": DAEMON_SETS,
}
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
SCALERS: Mapping[AutoscalerKind, Resource] = {
    "HorizontalPodAutoscaler": AUTOSCALERS,
    "ScaledObject": SCALED_OBJECTS,
}
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
RUNBOOKS = Resource("platelet.dev", "v1alpha1", "runbooks", "Runbook")
POLICIES = Resource("platelet.dev", "v1alpha1", "remediationpolicies", "RemediationPolicy")
REMEDIATIONS = Resource("platelet.dev", "v1alpha1", "remediations", "Remediation")
BUDGETS = Resource("platelet.dev", "v1alpha1", "actionbudgets", "ActionBudget")

UNAUTHORIZED, FORBIDDEN = 401, 403  # HTTP statuses of a Refused


class ApiError(Exception):
    """The API server's answer was no. `code` is the HTTP status; the message never contains request bodies."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        """Keep what a Status object says."""
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409 on a stale resourceVersion or an existing name; 422 of a failed JSON-Patch `test`. Look again."""


class Refused(ApiError):
    """Any other 4xx: a definite refusal, nothing was changed."""


class Unanswered(ApiError):
    """Timeout, lost connection, 429 or 5xx: whether a write took effect is not known. `code` is 0 without an answer."""


class Kube(Protocol):
    """What the shell asks of the API server. Reads are quorum reads (resourceVersion unset). Nothing retries writes."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object. Raises NotFound, Refused, Unanswered."""

    async def list(self, resource: Resource, namespace: str = "", *, labels: str = "") -> list[Json]:
        """Read all objects of a namespace (all namespaces when empty) with a label selector; pages inside."""

    async def create(self, resource: Resource, namespace: str, body: Mapping[str, Any], *, agent: str = "") -> Json:
        """POST. Raises Conflict when the name exists."""

    async def replace(  # noqa: PLR0913 - an HTTP PUT has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
    ) -> Json:
        """PUT with the resourceVersion that the body carries. Raises Conflict when it is stale."""

    async def patch(  # noqa: PLR0913 - an HTTP PATCH has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> Json:
        """PATCH: a mapping is a merge patch, a sequence is a JSON Patch. `timeout` in seconds bounds the whole call."""

    async def delete(  # noqa: PLR0913 - an HTTP DELETE has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str,
        resource_version: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> None:
        """DELETE with the uid as precondition, and with the resourceVersion if one is given. Raises Conflict."""
