"""What there is to scrape, as Prometheus's own discovery would find it: Debian's build knows none of Kubernetes."""

import ssl
from collections.abc import Iterator

import httpx

from tests.cluster.control_plane import ControlPlane
from tests.cluster.listening import Answer, Call
from tests.cluster.manifests import Json

JOB = "job"  # the label of a Service that is scraped as one target, whatever pods it has
_PORT = 8080


class Discovery:
    """Answers Prometheus's HTTP discovery: the running pods of apps, and the Services beside them that have a job."""

    def __init__(self, plane: ControlPlane) -> None:
        """Apps come and go with tests."""
        self.apps: list[tuple[str, str]] = []  # namespace and Deployment
        self._api = httpx.Client(
            base_url=plane.url,
            headers={"Authorization": f"Bearer {plane.token('admin')}"},
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            trust_env=False,
            timeout=20,
        )

    def answer(self, _: Call) -> Answer:
        """The targets of now."""
        return 200, [target for namespace, app in list(self.apps) for target in self._targets(namespace, app)]

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def _targets(self, namespace: str, app: str) -> Iterator[Json]:
        for pod in self._list(namespace, "pods", f"app={app}"):
            address = pod["status"].get("podIP")
            if address and pod["status"]["phase"] == "Running":
                names = {"deployment": app, "pod": pod["metadata"]["name"], "container": "app"}
                yield {"targets": [f"{address}:{_PORT}"], "labels": {"namespace": namespace, **names}}
        for service in self._list(namespace, "services", JOB):
            labels = {"namespace": namespace, JOB: service["metadata"]["labels"][JOB]}
            yield {"targets": [f"{service['spec']['clusterIP']}:{_PORT}"], "labels": labels}

    def _list(self, namespace: str, plural: str, selector: str) -> list[Json]:
        path = f"/api/v1/namespaces/{namespace}/{plural}"
        items: list[Json] = self._api.get(path, params={"labelSelector": selector}).raise_for_status().json()["items"]
        return items


def scrape_config(url: str) -> Json:
    """Prometheus asks for what to scrape there, again and again."""
    discovery = {"url": f"{url}/targets", "refresh_interval": "1s"}
    return {"job_name": "apps", "metrics_path": "/cgi-bin/metrics", "http_sd_configs": [discovery]}
