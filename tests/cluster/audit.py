"""The audit log: what was really asked of the API server, by whom, and with what outcome.

It is the tests' judge. Reads are recorded without bodies and writes with request
and response; the watching and renewing of the cluster's own components is left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.cluster import access

# The operator's own, by verb, resource and subresource: its kinds, Events, Lease, revision records, its leader's label.
OWN_WRITES = {
    ("patch", "pods", ""),
    ("create", "remediations", ""),
    ("update", "remediations", "status"),
    ("delete", "remediations", ""),
    ("update", "remediationpolicies", "status"),
    ("update", "runbooks", "status"),
    ("update", "actionbudgets", "status"),
    ("update", "escalationpolicies", "status"),
    ("create", "leases", ""),
    ("update", "leases", ""),
    ("create", "events", ""),
    ("patch", "events", ""),
    ("create", "controllerrevisions", ""),
    ("patch", "controllerrevisions", ""),
    ("delete", "controllerrevisions", ""),
}
_WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class AuditEvent:
    """One answered request."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    user: str
    user_agent: str
    code: int
    timestamp: datetime  # when it came in
    answered: datetime
    request: Mapping[str, Any] | None
    response: Mapping[str, Any] | None
    api_group: str
    uri: str
    message: str = ""  # of a refusal

    @property
    def lacks_right(self) -> bool:
        """Whether RBAC said no. In a namespace that is being deleted, creating is forbidden to all."""
        return self.code == HTTPStatus.FORBIDDEN and "is being terminated" not in self.message

    @property
    def is_write(self) -> bool:
        """Whether the request asked for a change, granted or not."""
        return self.verb in _WRITES


def read(log: Path, mentioning: str = "") -> Iterator[AuditEvent]:
    """All requests answered up to now, oldest first; a line still being written is left out.

    With `mentioning` only those whose line holds this text, such as a namespace: that spares reading all the others.
    """
    if not log.exists():
        return
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            if mentioning in line:
                yield event(line)


def event(line: str) -> AuditEvent:
    """One line of the log."""
    entry = json.loads(line)
    target = entry.get("objectRef") or {}
    request, response = entry.get("requestObject"), entry.get("responseObject")
    # A create of a generated name has it only in the answer.
    name = target.get("name") or ((response or {}).get("metadata") or {}).get("name", "")
    return AuditEvent(
        verb=entry["verb"],
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=name,
        user=(entry.get("impersonatedUser") or entry["user"]).get("username", ""),
        user_agent=entry.get("userAgent", ""),
        code=(entry.get("responseStatus") or {}).get("code", 0),
        timestamp=datetime.fromisoformat(entry["requestReceivedTimestamp"]),
        answered=datetime.fromisoformat(entry["stageTimestamp"]),
        request=request,
        response=response,
        api_group=target.get("apiGroup", ""),
        uri=entry.get("requestURI", ""),
        message=(entry.get("responseStatus") or {}).get("message", ""),
    )


def write_policy(path: Path) -> Path:
    """The API server's audit policy; the first rule that matches a request decides."""
    components = {"users": [access.CONTROLLER_MANAGER, access.SCHEDULER]}
    controllers = {"userGroups": ["system:serviceaccounts:kube-system"]}
    nodes = {"users": [access.KWOK, access.KUBELET, access.KUBE_PROXY]}
    reads = {"verbs": ["get", "list", "watch"]}
    housekeeping = {
        "resources": [
            {"group": "coordination.k8s.io", "resources": ["leases"]},
            {"group": "", "resources": ["events"]},
            {"group": "events.k8s.io", "resources": ["events"]},
            {"group": "authorization.k8s.io"},
            {"group": "authentication.k8s.io"},
        ]
    }
    rules: list[dict[str, Any]] = [
        {"level": "None", "nonResourceURLs": ["*"]},
        {"level": "None", "users": ["system:apiserver"]},  # its own bootstrap
    ]
    for who in (components, controllers, nodes):
        rules.append({"level": "None", **who, **reads})
        rules.append({"level": "None", **who, **housekeeping})
    rules.append({"level": "Metadata", **nodes})  # pods change state several times a second
    rules.append({"level": "RequestResponse", "verbs": list(_WRITES)})
    rules.append({"level": "Metadata"})
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": rules,
    }
    path.write_text(json.dumps(policy, indent=2))
    return path
