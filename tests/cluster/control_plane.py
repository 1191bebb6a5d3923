"""A control plane: etcd, API server, controllers, scheduler and KWOK, all on loopback."""

# ruff: noqa: S603 - every command line is our own

import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.cluster import access, audit, binaries, kwok, layout, patience, processes


class KubectlFailed(RuntimeError):
    """kubectl ended with an error: `stderr` holds the API server's words."""

    def __init__(self, command: str, stderr: str) -> None:
        """Keep what kubectl wrote to standard error beside the command."""
        super().__init__(f"{command}: {stderr}")
        self.stderr = stderr


@dataclass
class ControlPlane:
    """A running cluster. Several may run side by side: each has its own data and ports."""

    place: layout.Layout
    programs: binaries.Binaries
    components: dict[str, processes.Component] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the API server; it stays the same over a restart."""
        return self.place.users.server

    @property
    def ca_file(self) -> Path:
        """The authority that signed the API server's certificate."""
        return self.place.keys.ca

    @property
    def bin_dir(self) -> Path:
        """The directory with kubectl and the other programs."""
        return self.programs.bin_dir

    @property
    def directory(self) -> Path:
        """All that this cluster writes, its programs' logs too; removed by `stop`."""
        return self.place.directory

    @property
    def audit_log(self) -> Path:
        """The file that the API server appends a line per request to."""
        return self.place.audit_log

    def audit_events(self, mentioning: str = "") -> Iterator[audit.AuditEvent]:
        """What the API server has answered up to now, oldest first; only what mentions this text, if one is given."""
        return audit.read(self.audit_log, mentioning)

    def token(self, user: str) -> str:
        """The bearer token of `admin`, `platelet`, `alice` or `bob`."""
        return self.place.users.token(user)

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig file of a user."""
        return self.place.users.kubeconfig(user)

    def kubectl(self, *args: str, user: str = "admin", input: str | None = None) -> str:  # noqa: A002 - named as in subprocess.run
        """Run kubectl as a user and return what it prints."""
        result = subprocess.run(
            [self.bin_dir / "kubectl", f"--kubeconfig={self.kubeconfig(user)}", *args],
            input=input,
            capture_output=True,
            text=True,
            # By default kubectl keeps in the home directory what it learnt of an address.
            env={**os.environ, "KUBECACHEDIR": str(self.directory / "kubectl-cache")},
            check=False,
        )
        if result.returncode != 0:
            raise KubectlFailed(" ".join(("kubectl", *args)), result.stderr.strip())
        return result.stdout

    def start_api_server(self) -> None:
        """Start the API server, after `stop_api_server` too, and the cluster's own clients anew.

        Those would find back by themselves, but only after their back-off of up to 30 s.
        """
        self._run("kube-apiserver", self.place.api_server())
        self._until("the API server to be ready", lambda: self._read("/readyz") is not None)
        self._run("kube-controller-manager", self.place.controller_manager())
        self._run("kube-scheduler", self.place.scheduler())
        self._run_kwok()

    def stop_api_server(self) -> None:
        """End the API server at once, as a power cut would; etcd keeps every object."""
        self.components.pop("kube-apiserver").stop()

    def stop(self) -> None:
        """End every program and remove the data."""
        for component in reversed(self.components.values()):
            component.stop()
        self.components.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_everything(self, nodes: int) -> None:
        """Start all programs in the order of their needs, and wait until a pod could run."""
        self._run("etcd", self.place.etcd())
        self.start_api_server()
        names = [f"node-{number}" for number in range(nodes)]
        if names:
            listing = {"apiVersion": "v1", "kind": "List", "items": [kwok.node(n) for n in names]}
            self.kubectl("create", "-f", "-", input=json.dumps(listing))
        for name in names:
            self._until(f"{name} to be ready", partial(self.is_node_ready, name))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._until("the default service account", lambda: self._read(account) is not None)

    def is_node_ready(self, name: str) -> bool:
        """Whether a node is there, ready, and takes pods."""
        node = json.loads(self._read(f"/api/v1/nodes/{name}") or "{}")
        conditions = node.get("status", {}).get("conditions", [])
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        return ready and not node["spec"].get("taints")

    def _run(self, name: str, flags: layout.Flags) -> None:
        self._launch(name, [f"--{flag}={value}" for flag, value in flags.items()])

    def _run_kwok(self) -> None:
        stages = kwok.write_stages(self.directory / "stages.yaml", self.programs.stages)
        kubeconfig = self.kubeconfig(access.KWOK)
        self._launch("kwok", kwok.arguments(kubeconfig, stages, self.place.kwok_port))

    def _launch(self, name: str, arguments: Sequence[str]) -> None:
        if name in self.components:
            self.components.pop(name).stop()
        command = [str(self.programs.path(name)), *arguments]
        log = self.directory / f"{name}.log"
        self.components[name] = processes.start(name, command, log)

    def _read(self, path: str) -> str | None:
        """What the API server answers to the admin, or None if it has no good answer."""
        headers = {"Authorization": f"Bearer {self.token('admin')}", "User-Agent": "cluster-start"}
        context = ssl.create_default_context(cafile=str(self.ca_file))
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310 - https, see Access
        try:
            with direct.open(request, timeout=5) as answer:
                body: bytes = answer.read()
        except OSError:
            return None
        return body.decode()

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait, but not for a program that has ended: its log says more than a timeout."""

        def holds_while_all_run() -> bool:
            for component in self.components.values():
                component.check()
            return holds()

        patience.until(what, holds_while_all_run, seconds=90)


@contextmanager
def start(nodes: int = 2, address: str = layout.LOOPBACK) -> Iterator[ControlPlane]:
    """A cluster with so many made-up nodes, for the length of a `with` block.

    The API server listens on one address of this machine: pods of a real node cannot reach it on loopback.
    """
    programs = binaries.ensure()
    plane = ControlPlane(layout.fresh(address), programs)
    try:
        plane.start_everything(nodes)
        yield plane
    finally:
        plane.stop()
