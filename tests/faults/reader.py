"""The test's own quick hands on the API server: as the admin, without the proxy, one kept connection."""

import http.client
import json
import ssl
from typing import Any, cast
from urllib.parse import urlsplit

from tests.cluster.control_plane import ControlPlane

Json = dict[str, Any]
OURS = "/apis/platelet.dev/v1alpha1"
_MERGE = "application/merge-patch+json"


class Reader:
    """Reads and patches single objects. kubectl would cost a tenth of a second of CPU for each look."""

    def __init__(self, plane: ControlPlane) -> None:
        """Connect nothing yet."""
        self._address = urlsplit(plane.url)
        self._tls = ssl.create_default_context(cafile=str(plane.ca_file))
        self._headers = {"Authorization": f"Bearer {plane.token('admin')}", "User-Agent": "fault-test"}
        self._connection: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> Json | None:
        """Read an object or a list; None when it does not exist."""
        return self._ask("GET", path)

    def patch(self, path: str, body: Json) -> Json:
        """Merge a patch into an object that exists."""
        return cast("Json", self._ask("PATCH", path, json.dumps(body), _MERGE))

    def create(self, path: str, body: Json) -> Json:
        """Create an object."""
        return cast("Json", self._ask("POST", path, json.dumps(body), "application/json"))

    def delete(self, path: str) -> None:
        """Delete an object or all of a collection; what is gone already is well."""
        self._ask("DELETE", path)

    def deployment(self, namespace: str, name: str) -> Json:
        """One Deployment that exists."""
        return cast("Json", self.get(deployment_path(namespace, name)))

    def remediations(self, namespace: str, target: str = "") -> list[Json]:
        """The Remediations of a namespace, or of one Deployment in it, oldest first."""
        listing = self.get(f"{OURS}/namespaces/{namespace}/remediations") or {}
        remediations = [
            remediation
            for remediation in listing.get("items", [])
            if target in ("", remediation["spec"]["targetRef"]["name"])
        ]
        return sorted(remediations, key=lambda remediation: str(remediation["metadata"]["creationTimestamp"]))

    def _ask(self, method: str, path: str, body: str | None = None, content_type: str = "") -> Json | None:
        if self._connection is None:
            host, port = self._address.hostname or "", self._address.port
            self._connection = http.client.HTTPSConnection(host, port, context=self._tls, timeout=20)
        headers = {**self._headers, **({"Content-Type": content_type} if content_type else {})}
        try:
            self._connection.request(method, path, body=body, headers=headers)
            answer = self._connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {raw[:500]!r}")
        return cast("Json", json.loads(raw))


def deployment_path(namespace: str, name: str) -> str:
    """Where a Deployment lies."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
