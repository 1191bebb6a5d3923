"""Who is measured: platelet, and the baseline in Go. Both watch the whole cluster, each acts on its ground."""

# ruff: noqa: S603 - every command line is our own

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx

from tests.bench.ground import Ground
from tests.bench.pair import Pair
from tests.bench.requests import RequestLog
from tests.cluster import control_plane, go_tools, incidents, installation, manifests, operating, patience, processes
from tests.cluster.audit import AuditEvent
from tests.cluster.control_plane import ControlPlane
from tests.cluster.manifests import Json

_BASELINE = Path(__file__).parent / "baseline"
_LEASH = installation.ROOT / "tests" / "cluster" / "leash.py"
ANSWER_WITHIN = 10.0  # seconds, for which Alertmanager waits


@dataclass(frozen=True, slots=True)
class Contender:
    """One running operator and the namespace that it acts on."""

    name: str
    user: str
    process: "subprocess.Popen[bytes]"
    alerts_url: str
    ready_url: str
    ground: Ground
    started: float  # by time.monotonic
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=ANSWER_WITHIN))

    def cpu(self) -> float:
        """Seconds of CPU that it has used up to now."""
        used = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def until_ready(self) -> None:
        """Wait until it says that it is."""

        def is_ready() -> bool:
            try:
                return self.http.get(self.ready_url).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        patience.until(f"{self.name} to be ready", is_ready, 120)

    def takes(self, alerts: Sequence[Json]) -> bool:
        """Whether it answers one body of these alerts with 200, in the time that Alertmanager waits."""
        headers = {"Authorization": f"Bearer {installation.ALERT_TOKEN}"}
        body = manifests.notification(alerts)
        try:
            answer = self.http.post(f"{self.alerts_url}/webhooks/alertmanager", json=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def acts(self, event: AuditEvent, target: str = "") -> bool:
        """Whether a request is its granted change of a Deployment's spec, of this one or of any on its ground."""
        is_own = event.user == self.user and event.verb == "patch" and event.code < 300
        on_ground = event.namespace == self.ground.namespace and target in ("", event.name)
        return is_own and on_ground and incidents.is_effect(event)

    def closes(self, event: AuditEvent, target: str = "") -> bool:
        """Whether a request is its last write on the record of an incident, of this Deployment or of any."""
        if event.user != self.user or not event.is_write or event.response is None:
            return False
        if event.resource not in ("remediations", "records") or event.namespace != self.ground.namespace:
            return False
        spec, status = event.response.get("spec") or {}, event.response.get("status") or {}
        about = spec.get("deployment") or (spec.get("targetRef") or {}).get("name", "")
        return target in ("", about) and (status.get("state") == "Closed" or status.get("phase") == "Done")


@dataclass(frozen=True, slots=True)
class Bench:
    """One cluster, fresh for each measurement, and where to write."""

    plane: ControlPlane
    directory: Path
    log: RequestLog

    @contextmanager
    def grounds(self, work: str) -> Iterator[Pair[Ground]]:
        """Two empty namespaces, the baseline's and platelet's; they go with the cluster."""
        grounds = Pair("go", "platelet").map(lambda name: Ground(self.plane, f"{work}-{name}"))
        try:
            for ground in grounds:
                ground.create()
            yield grounds
        finally:
            for ground in grounds:
                ground.close()

    @contextmanager
    def both(self, work: str, *policies: str) -> Iterator[Pair[Contender]]:
        """Both, running beside each other; platelet leads, and these policies of its ground are in use."""
        with (
            self.grounds(work) as grounds,
            self.baseline(grounds.go) as baseline,
            self.platelet(grounds.platelet) as platelet,
        ):
            baseline.until_ready()
            platelet.until_ready()
            grounds.platelet.apply(*policies)
            grounds.platelet.kubectl("wait", "rempol", "--all", "--for=condition=Ready", "--timeout=120s")
            yield Pair(baseline, platelet)

    @contextmanager
    def baseline(self, ground: Ground) -> Iterator[Contender]:
        """The Go operator, from its start."""
        (port,) = processes.free_ports(1)
        log = self.directory / f"baseline-{ground.namespace}.log"
        address = f"127.0.0.1:{port}"
        arguments = [
            f"--kubeconfig={self.plane.kubeconfig('baseline')}",
            f"--listen={address}",
            f"--namespace={ground.namespace}",
        ]
        command = [sys.executable, str(_LEASH), str(os.getpid()), str(_built() / "bin" / "baseline"), *arguments]
        started = time.monotonic()
        with log.open("wb") as sink:
            process = subprocess.Popen(command, stdout=sink, stderr=sink)
        url = f"http://{address}"
        try:
            yield Contender("Go", "baseline", process, url, f"{url}/readyz", ground, started)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def platelet(self, ground: Ground, healthy_for: str = "5s") -> Iterator[Contender]:
        """Platelet as on a new cluster, from its start, as it is shipped but for a budget that stops nobody.

        `healthy_for` is how long a template must run well to be proven: nobody waits ten minutes here.
        """
        directory = self.directory / ground.namespace
        directory.mkdir()
        with operating.installed(self.plane, directory, healthyFor=healthy_for, lease={"duration": "15s"}) as place:
            started = time.monotonic()
            replica = place.start()
            url = f"{replica.metrics_url}/readyz"
            try:
                yield Contender("platelet", "platelet", replica.process, replica.alerts_url, url, ground, started)
            finally:
                replica.kill()


def _install_baseline(plane: ControlPlane) -> None:
    """Its kinds, its rights and its allowance; built first, if this machine has no build of the present source."""
    _built()
    plane.kubectl("apply", "-f", str(_BASELINE / "manifests.yaml"))
    names = ("allowances.bench.platelet.dev", "records.bench.platelet.dev")
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", *names)
    allowance = "{apiVersion: bench.platelet.dev/v1, kind: Allowance, metadata: {name: baseline}}"
    plane.kubectl("apply", "-n", "bench-system", "-f", "-", input=allowance)


@contextmanager
def bench() -> Iterator[Bench]:
    """A fresh cluster with what the baseline needs."""
    with control_plane.start() as plane, tempfile.TemporaryDirectory() as directory:
        _install_baseline(plane)
        yield Bench(plane, Path(directory), RequestLog(plane.audit_log))


@cache
def _built() -> Path:
    return go_tools.ensure(_BASELINE, "the Go baseline: a minute")


def idle_share(both: Pair[Contender], seconds: float) -> Pair[float]:
    """The share of one core that both use while nothing happens."""
    before = both.map(Contender.cpu)
    time.sleep(seconds)
    after = both.map(Contender.cpu)
    return Pair((after.go - before.go) / seconds, (after.platelet - before.platelet) / seconds)
