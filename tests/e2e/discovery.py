"""What there is to scrape, as Prometheus's own discovery would find it: Debian's build knows none of Kubernetes.

What containers use of the CPU is the kubelet's to say, as in production; what they may use is said here in the words of
kube-state-metrics, which is not to be had.
"""

import ssl
from collections.abc import Iterator

import httpx

from platelet.model import quantity
from tests.cluster.control_plane import ControlPlane
from tests.cluster.listening import Answer, Call
from tests.cluster.manifests import Json
from tests.e2e import network

JOB = "job"  # the label of a Service that is scraped as one target, whatever pods it has
_PORT = 8080
_KUBELET_PORT = 10250
_LIMITS = "/limits"
_USED = "container_cpu_usage_seconds_total"


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

    def answer(self, call: Call) -> Answer:
        """The targets of now, or the limits of all containers."""
        if call.path == _LIMITS:
            return 200, "".join(self._limits())
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

    def _limits(self) -> Iterator[str]:
        for pod in self._read("/api/v1/pods"):
            namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            for container in pod["spec"]["containers"]:
                of = f'namespace="{namespace}",pod="{name}",container="{container["name"]}"'
                for resource, limit in container["resources"].get("limits", {}).items():
                    amount = quantity.parse(limit).amount
                    yield f'kube_pod_container_resource_limits{{{of},resource="{resource}"}} {amount}\n'

    def _list(self, namespace: str, plural: str, selector: str) -> list[Json]:
        return self._read(f"/api/v1/namespaces/{namespace}/{plural}", labelSelector=selector)

    def _read(self, path: str, **parameters: str) -> list[Json]:
        items: list[Json] = self._api.get(path, params=parameters).raise_for_status().json()["items"]
        return items


def scrape_configs(plane: ControlPlane, url: str) -> list[Json]:
    """Prometheus asks a Discovery at this URL for what to scrape, again and again, and the kubelet for what is used."""
    discovered = {"url": f"{url}/targets", "refresh_interval": "1s"}
    keys = plane.place.keys
    return [
        {"job_name": "apps", "metrics_path": "/cgi-bin/metrics", "http_sd_configs": [discovered]},
        {
            "job_name": "limits",
            "metrics_path": _LIMITS,
            "scrape_interval": "2s",
            "static_configs": [{"targets": [url.partition("//")[2]]}],
        },
        {
            "job_name": "kubelet",
            "scheme": "https",
            "metrics_path": "/metrics/cadvisor",
            "honor_timestamps": False,  # else what pods have used that are gone is the last word for five minutes
            "tls_config": {
                "cert_file": str(keys.kubelet_client),
                "key_file": str(keys.kubelet_client_key),
                "insecure_skip_verify": True,  # it has signed its own
            },
            "static_configs": [{"targets": [f"{network.NODE}:{_KUBELET_PORT}"]}],
            "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": _USED, "action": "keep"}],
        },
    ]
