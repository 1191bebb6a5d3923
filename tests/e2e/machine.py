"""A machine in the machine: Linux namespaces for mounts, processes and network, which end as one.

What the node's programs do to mounts, processes, devices and packet filters stays inside. Outside are: the control
groups of its pods (control_groups.py), and the end of the cable (network.py).
"""

# ruff: noqa: S603 - every command line is our own

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import go_tools, patience, processes
from tests.cluster.processes import Component
from tests.e2e import control_groups

_FIRST_PROCESS = Path(__file__).with_name("first_process.py")


@dataclass(frozen=True)
class Machine:
    """Running namespaces."""

    pid: int  # of their first process, as this machine counts
    directory: Path  # for all that its programs keep; the same inside and outside
    started: list[Component] = field(default_factory=list)

    def run(self, *command: str | Path) -> str:
        """Run a command inside and return what it prints. Raises subprocess.CalledProcessError."""
        done = subprocess.run([*self._entering(), *command], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def start(self, name: str, command: Sequence[str]) -> Component:
        """Start a program inside; it ends with the machine, and its log is in the directory."""
        component = processes.start(name, [*self._entering(), *command], self.directory / f"{name}.log")
        self.started.append(component)
        return component

    def check(self) -> None:
        """Raise ComponentFailed if one of its programs has ended."""
        for component in self.started:
            component.check()

    def end(self) -> None:
        """Kill the first process: the kernel kills all others, and every mount and device goes."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        for component in self.started:
            component.stop()  # the one that entered on its behalf

    def _entering(self) -> list[str]:
        return [_path("nsenter"), f"--target={self.pid}", "--mount", "--pid", "--net", "--"]


@contextmanager
def start() -> Iterator[Machine]:
    """A machine for the length of a `with` block, one at a time on this host."""
    with (go_tools.cache() / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory = processes.data_directory()
        try:
            with _running(directory, lock.fileno()) as machine:
                yield machine
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _running(directory: Path, lock: int) -> Iterator[Machine]:
    hidden = directory / "hidden"
    log = directory / "machine.log"
    namespaces = ["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
    first = [sys.executable, "-I", "-S", str(_FIRST_PROCESS), str(hidden)]
    unshare = processes.start("machine", [_path("unshare"), *namespaces, *first], log)
    try:
        machine = Machine(patience.until("the machine's first process", lambda: _child(unshare), seconds=20), directory)
        with control_groups.kept(control_groups.NODE, machine.pid, lock):
            try:
                patience.until("the machine to hide the host's state", lambda: _is_there(unshare, hidden), seconds=20)
                yield machine
            finally:
                machine.end()
                unshare.process.wait()  # for the first process, which ends as the last of its kind
    finally:
        unshare.stop()


def _child(parent: Component) -> int:
    parent.check()
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    return int(children[0]) if children else 0


def _is_there(unshare: Component, file: Path) -> bool:
    unshare.check()
    return file.exists()


def _path(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"there is no {program} on this machine")
    return path
