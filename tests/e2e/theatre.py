"""A pack on a real node: its app, what the app depends on, and the customers, all of them real containers."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from tests.cluster import cron_jobs, incidents, installation
from tests.cluster.control_plane import KubectlFailed
from tests.cluster.listening import Publishers
from tests.cluster.manifests import Json
from tests.cluster.stage import Stage
from tests.e2e import apps, discovery

PAGED, SAID = "/v2/enqueue", "/api/chat.postMessage"
_REQUESTS = "sum by (namespace, deployment) (rate(http_requests_total{%s}[10s]))"

_CPU_SHARE = (
    'rate(container_cpu_usage_seconds_total{pod=~"backend-.+"}[5s])'
    ' / on (namespace, pod, container) kube_pod_container_resource_limits{resource="cpu"}'
)


def _rule(alertname: str, expr: str, **labels: str) -> Json:
    return {"alert": alertname, "expr": expr, "for": "2s", "labels": labels}


def _errors(alertname: str, deployment: str, status: str) -> Json:
    """Fires while an app answers most requests with a status like this."""
    answered = _REQUESTS % f'deployment="{deployment}"'
    failed = _REQUESTS % f'deployment="{deployment}",status=~"{status}"'
    return _rule(alertname, f"{failed} / {answered} > 0.5", severity="critical")


def _number(alertname: str, expr: str, **labels: str) -> Json:
    """Fires by what a store says."""
    return _rule(alertname, f"max by (namespace) ({expr})", **labels)


RULES = [
    _errors("ArchitectAPIDown", "architect-api", "5.."),
    _errors("HighErrorRate", "backend", "5.."),
    _errors("ConflictoDown", "conflicto", "500"),
    _errors("DatabaseConnectionTimeouts", "conflicto", "502"),
    _errors("DatabaseUnavailable", "saas-backend", "502"),
    _rule("HighCPUUsage", f"avg by (namespace) ({_CPU_SHARE}) > 0.8", deployment="backend"),
    _rule("DDoS", "sum by (namespace, deployment) (rate(flood_requests_total[20s])) > 1"),
    _number("DatabaseConnectionsExhausted", "idle_connections > 90", severity="critical"),
    _number("ProductionDown", "region_down > 0"),
    _number("DataLoss", "lost_rows > 0"),
    _number("MigrationStuck", "stuck_migrations > 0"),
    _number("RedisLostCounters", 'up{job="redis"} == 1 unless on (namespace) quota_counters'),
    _number("AIProviderDown", 'up{job="anthropic"} == 0'),
]
"""What Prometheus alerts on."""


def variables(**env: str) -> list[Json]:
    """The environment of a container."""
    return [{"name": name, "value": value} for name, value in env.items()]


@dataclass(slots=True)
class Theatre(Stage):
    """A pack, and the one app of the test that it looks after."""

    target: str
    site: str  # where customers find it
    publishers: Publishers

    def open(self, replicas: int = 2, image: str = apps.GOOD, *, proven: bool = True, **env: str) -> None:
        """The app's first release; an undo needs one that is proven."""
        self.deploy(self.target, replicas, image, proven=proven, env=variables(**env))

    def stand(self, name: str, job: str = "", **numbers: int) -> None:
        """A server that the app depends on, which keeps these numbers and is scraped as a job, or one of its name."""
        job = job or {"database": "postgres"}.get(name, name)
        self.scene.apply(installation.deployment(name, apps.STORE, replicas=1))
        self.scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
        for key, number in numbers.items():
            self.keep(name, key, number)
        self.scene.apply(apps.service(name, name, labels={discovery.JOB: job}))

    def keep(self, store: str, key: str, number: int) -> None:
        """From now on a store keeps another number."""
        self.execute(store, f"mkdir -p /tmp/kept; echo {key} {number} > /tmp/kept/{key}")

    def execute(self, name: str, command: str) -> str:
        """Run a line of shell in the first running container of a Deployment; what it prints."""
        (pod, *_) = self.scene.until(f"a pod of {name}", self.target, lambda: self.running(name))
        return self.execute_in(pod, command)

    def execute_in(self, pod: Json, command: str) -> str:
        """The same in this pod."""
        where = ("-n", self.scene.namespace, pod["metadata"]["name"])
        return self.scene.plane.kubectl("exec", *where, "--", "sh", "-c", command)

    def running(self, name: str) -> list[Json]:
        """The pods of a Deployment that run, and stay."""
        pods = [pod for pod in self.scene.pods(name) if "deletionTimestamp" not in pod["metadata"]]
        return [pod for pod in pods if pod["status"]["phase"] == "Running"]

    def invite(self, image: str = apps.CUSTOMERS, **env: str) -> None:
        """Let somebody ask the app, on and on; or others instead."""
        self.put(image.partition(":")[2], 1, image, env=variables(**env))

    def set_patience(self, runbook: str, timeouts: Mapping[str, str]) -> None:
        """Let the checks of these steps wait so long, whatever the pack says."""
        steps = self.steps(runbook)
        for step in steps:
            if step["name"] in timeouts:
                step["verify"] = {**step["verify"], "timeout": timeouts[step["name"]]}
        self.scene.merge("runbook", runbook, {"spec": {"steps": steps}})

    def heard(self, name: str, command: str) -> list[str]:
        """What a line of shell prints in each pod of a Deployment that runs; one that goes just then says nothing."""
        lines = []
        for pod in self.running(name):
            with contextlib.suppress(KubectlFailed):
                lines.append(self.execute_in(pod, command).strip())
        return lines

    def scaled(self) -> list[int]:
        """The replicas that platelet has asked for, in order."""
        requests = [write.request for write in self.scene.effects(self.target)]
        return [request["spec"]["replicas"] for request in requests if request is not None]

    def shelve(self, cron_job: str, command: str) -> None:
        """A CronJob that only runbooks start; `ask` is at its container's disposal."""
        line = f". /app/talk; {command}"
        self.scene.apply(cron_jobs.suspended(cron_job, image=apps.STORE, command=["sh", "-c", line]))

    def visit(self, page: str = "shop") -> None:
        """Ask for something until it is answered well."""

        def is_answered() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"{self.site}/{page}", trust_env=False, timeout=20).is_success
            return False

        self.scene.until(f"an answer for {page}", self.target, is_answered)

    def release(self, image: str) -> None:
        """Roll out another release."""
        self.scene.kubectl("set", "image", f"deployment/{self.target}", f"app={image}")

    def called(self, path: str, key: str) -> list[str]:
        """A field of all that people were sent, in its order."""
        return [str(body[key]) for body in self.publishers.taken(path)]

    def until_healed(self) -> list[str]:
        """Wait until platelet has proven that what it did has helped. Returns the actions."""
        return incidents.acts(self.until_over(self.target))


class PutOn(Protocol):
    """What puts a pack on the node."""

    def __call__(self, pack: str, target: str, faster: int = 30) -> Theatre:
        """Its objects in a namespace of the test's, for this one of its targets, with so much shorter times."""
