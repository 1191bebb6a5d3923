"""platelet on a cluster, as a user would install it, with the operator as a process of this machine.

The operator runs as the token user `platelet` with the rights of deploy/base, never as an admin.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import patience, processes
from tests.cluster.control_plane import ControlPlane, KubectlFailed

ROOT = Path(__file__).parents[2]
NAMESPACE = "platelet-system"
LISTENERS = ("alerts", "metrics", "callbacks")
ALERT_TOKEN = "alert-token-of-the-tests"


def install(plane: ControlPlane, budget: Mapping[str, Any] | None = None) -> None:
    """Apply deploy/base but for the operator itself; the ActionBudget with this spec, if one is given."""
    documents = base(plane)
    crds = [document for document in documents if document["kind"] == "CustomResourceDefinition"]
    apply(plane, crds)
    names = [crd["metadata"]["name"] for crd in crds]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", *names)
    apply(
        plane,
        [
            _for_a_process(document)
            for document in documents
            if document not in crds and document["kind"] != "Deployment"
        ],
    )
    if budget is not None:
        patch = json.dumps({"spec": budget})
        plane.kubectl("patch", "budget", "platelet", "-n", NAMESPACE, "--type=merge", "-p", patch)


def base(plane: ControlPlane) -> list[dict[str, Any]]:
    """What `kubectl apply -k deploy/base` applies."""
    return json.loads(_built(plane.bin_dir))  # type: ignore[no-any-return]


def apply(plane: ControlPlane, documents: Sequence[Mapping[str, Any]]) -> None:
    """Apply as the documentation says, over what tests have changed by hand."""
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=listing)


@cache
def _built(bin_dir: Path) -> str:
    command = [str(bin_dir / "kubectl"), "kustomize", str(ROOT / "deploy" / "base")]
    built = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    return json.dumps(list(yaml.safe_load_all(built.stdout)))


def _for_a_process(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, with every right of the ServiceAccount given to the token user, too."""
    if "subjects" not in document:
        return document
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "platelet"}
    return {**document, "subjects": [*document["subjects"], user]}


@dataclass(slots=True)
class OperatorProcess:
    """One running replica."""

    process: "subprocess.Popen[bytes]"
    command: Sequence[str]
    log: Path
    alerts_url: str
    metrics_url: str
    callbacks_url: str

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start it anew after its end, with the same settings and ports; it knows nothing of what it did before."""
        self.process = _launch(self.command, self.log)

    def stop(self) -> int:
        """End it as Kubernetes does; the exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def pause(self) -> None:
        """Freeze it, as a suspended machine or a long garbage collection would."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was."""
        self.process.send_signal(signal.SIGCONT)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None


@dataclass(slots=True)
class Installation:
    """Starts replicas of the operator against one control plane."""

    plane: ControlPlane
    directory: Path
    settings: dict[str, Any] = field(default_factory=dict)
    account: Path | None = None  # the kubeconfig to run with; None: the token user's
    replicas: list[OperatorProcess] = field(default_factory=list)

    def start(self, *, server: str | None = None, **settings: Any) -> OperatorProcess:
        """Start one replica; `server` is another URL to reach the API server by, such as a proxy's."""
        number = len(self.replicas)
        ports = processes.free_ports(3)
        config = self._config(number, ports, settings)
        kubeconfig = self._kubeconfig(number, server)
        log = self.directory / f"operator-{number}.log"
        command = [sys.executable, "-m", "platelet", "run", "--config", str(config), "--kubeconfig", str(kubeconfig)]
        alerts, metrics, callbacks = (f"http://127.0.0.1:{port}" for port in ports)
        replica = OperatorProcess(_launch(command, log), command, log, alerts, metrics, callbacks)
        self.replicas.append(replica)
        return replica

    def stop_all(self) -> None:
        """Kill what still runs."""
        for replica in self.replicas:
            if replica.alive:
                replica.resume()
                replica.kill()

    def _config(self, number: int, ports: Sequence[int], settings: Mapping[str, Any]) -> Path:
        token = self.directory / "alert-token"
        token.write_text(ALERT_TOKEN)
        content: dict[str, Any] = {
            "apiVersion": "platelet.dev/v1alpha1",
            "kind": "OperatorConfig",
            "namespace": NAMESPACE,
            "listen": dict(
                zip(("alerts", "metrics", "callbacks"), (f"127.0.0.1:{port}" for port in ports), strict=True)
            ),
            "alertTokenFiles": [str(token)],
            "lease": {"duration": "3s"},
            "healthyFor": "5s",
            "allowedHosts": ["127.0.0.1"],
            **self.settings,
            **settings,
        }
        path = self.directory / f"config-{number}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    def _kubeconfig(self, number: int, server: str | None) -> Path:
        path = self.account or self.plane.kubeconfig("platelet")
        if server is None:
            return path
        content = yaml.safe_load(path.read_text())
        content["clusters"][0]["cluster"] = {"server": server}
        other = self.directory / f"kubeconfig-{number}.yaml"
        other.write_text(yaml.safe_dump(content))
        return other


@contextlib.contextmanager
def installed(plane: ControlPlane, directory: Path, **settings: Any) -> Iterator[Installation]:
    """Install platelet as on a new cluster; whatever replicas were started end with the block.

    What an earlier test's operator left in its Lease and on its budget would count here, too.
    """
    with contextlib.suppress(KubectlFailed):  # where it was never installed
        plane.kubectl("delete", "lease,budget", "--all", "-n", NAMESPACE)
    install(plane)
    installation = Installation(plane, directory, settings)
    try:
        yield installation
    finally:
        installation.stop_all()


def get(plane: ControlPlane, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
    """One object; None when it does not exist."""
    try:
        stored: dict[str, Any] = json.loads(plane.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
    except KubectlFailed as error:
        if "NotFound" in error.stderr:
            return None
        raise
    return stored


def get_all(plane: ControlPlane, kind: str, namespace: str) -> list[dict[str, Any]]:
    """All objects of a kind in a namespace."""
    items: list[dict[str, Any]] = json.loads(plane.kubectl("get", kind, "-n", namespace, "-o", "json"))["items"]
    return items


def deployment(name: str, image: str, *, replicas: int = 2, labels: Mapping[str, str] | None = None) -> str:
    """A Deployment whose pods' life its image decides (tests/cluster/stages)."""
    return workload("Deployment", name, image, labels=labels, replicas=replicas)


def workload(kind: str, name: str, image: str, *, labels: Mapping[str, str] | None = None, **spec: Any) -> str:
    """A workload of any kind; `spec` has what it needs besides selector and template."""
    return yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name, "labels": {"app": name, **(labels or {})}},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "app", "image": image}]},
                },
                **spec,
            },
        }
    )


def wait_for_state(plane: ControlPlane, namespace: str, name: str, *states: str, seconds: float = 60) -> dict[str, Any]:
    """The Remediation once it is in one of these states."""

    def find() -> dict[str, Any] | None:
        remediation = get(plane, "remediation", namespace, name)
        reached = remediation is not None and (remediation.get("status") or {}).get("state") in states
        return remediation if reached else None

    return patience.until(f"remediation {namespace}/{name} in {' or '.join(states)}", find, seconds)


def _launch(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a process that cannot outlive this one; what it says goes to the end of the log."""
    leash = [sys.executable, str(ROOT / "tests" / "cluster" / "leash.py"), str(os.getpid())]
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 - the command line is our own
            [*leash, *command], stdout=sink, stderr=sink, env=_environment()
        )


def _environment() -> dict[str, str]:
    """As in the image, where the package is compiled: else each start would compile it anew."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(ROOT / "operator")}
