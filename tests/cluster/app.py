"""What an app would expose: its metrics and its health, and whether what it depends on is up, as the test says."""

import math
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.cluster.listening import Answer, Call
from tests.cluster.manifests import Json

DEPENDENCIES = ("postgres", "redis", "external-api")  # each a job of Prometheus
_REQUESTS = 20.0  # a second
_BOUNDS = (0.1, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)  # seconds
_CORES, _BYTES = 1.0, 2.0**30  # the limits of its container


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How an app is doing."""

    errors: float = 0.0  # the share of its requests
    seconds: float = 0.1  # that each of them takes
    cpu: float = 0.1  # the share of its limit
    memory: float = 0.2  # as well
    leak: float = 0.0  # bytes a second


@dataclass(frozen=True, slots=True)
class _Series:
    """A value that grows."""

    value: float
    rate: float = 0.0  # a second
    since: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return self.value + self.rate * (time.monotonic() - self.since)


@dataclass(slots=True)
class App:
    """A workload that Prometheus scrapes, with what it depends on; nothing is known of it until it starts."""

    url: str = ""
    well: bool = True  # what it answers to health checks
    asked: list[Call] = field(default_factory=list)  # all but the scrapes
    down: set[str] = field(default_factory=set)  # what cannot be scraped of DEPENDENCIES
    _namespace: str = ""
    _workload: str = ""
    _series: dict[str, _Series] = field(default_factory=dict)

    def start(self, namespace: str, workload: str) -> None:
        """Begin anew as this workload, which is well; the series of the one before end."""
        self.well, self._namespace, self._workload = True, namespace, workload
        self.asked, self.down, self._series = [], set(), {}
        self.bear(Load())

    def bear(self, load: Load) -> None:
        """From now on it is doing like this."""
        of_all = {"service": "backend", "deployment": self._workload}
        for status, share in (("200", 1 - load.errors), ("500", load.errors)):
            self.grow("http_requests_total", _REQUESTS * share, status=status, code=status, **of_all)
        for bound in _BOUNDS:
            name = "+Inf" if bound == math.inf else f"{bound:g}"
            rate = _REQUESTS if load.seconds <= bound else 0.0
            self.grow("http_request_duration_seconds_bucket", rate, le=name, **of_all)
        container = {"pod": f"{self._workload}-1", "container": "app"}
        self.measure("kube_pod_container_resource_limits", _CORES, resource="cpu", **container)
        self.measure("kube_pod_container_resource_limits", _BYTES, resource="memory", **container)
        self.grow("container_cpu_usage_seconds_total", _CORES * load.cpu, **container)
        self.measure("container_memory_working_set_bytes", _BYTES * load.memory, **container)
        self.grow("container_memory_working_set_bytes", load.leak, **container)

    def measure(self, name: str, value: float, **labels: str) -> None:
        """From now on this gauge has this value."""
        self._series[self._name(name, labels)] = _Series(value)

    def grow(self, name: str, rate: float, **labels: str) -> None:
        """From now on this series grows by so much a second, from where it is."""
        key = self._name(name, labels)
        self._series[key] = _Series(self._series[key].now() if key in self._series else 0.0, rate)

    def scrape_configs(self) -> list[Json]:
        """What Prometheus scrapes of it and of its dependencies."""
        targets = [{"targets": [urlsplit(self.url).netloc]}]
        paths = {"app": "/metrics", **{name: f"/{name}/metrics" for name in DEPENDENCIES}}
        return [{"job_name": job, "metrics_path": path, "static_configs": targets} for job, path in paths.items()]

    def answer(self, call: Call) -> Answer:
        """200 or 503 for its health; its metrics; what else can be scraped or not, which is empty."""
        directory, _, name = call.path.rpartition("/")
        if name != "metrics":
            self.asked.append(call)
            return (200 if self.well else 503), None
        if directory:
            return (503 if directory.removeprefix("/") in self.down else 200), ""
        return 200, "".join(f"{key} {series.now()}\n" for key, series in list(self._series.items()))

    def _name(self, name: str, labels: Json) -> str:
        written = ",".join(f'{key}="{value}"' for key, value in {"namespace": self._namespace, **labels}.items())
        return f"{name}{{{written}}}"
