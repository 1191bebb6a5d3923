"""The operating system's side: leashed child processes and ports for them."""

# ruff: noqa: S603 - every command line is our own

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
_DATA_PREFIX = "platelet-cluster-"

# The kernel sends the parent-death signal when the *thread* that forked ends, so
# all children are forked by one thread that lives as long as the interpreter: a
# test may restart the API server from a short-lived worker thread.
_FORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cluster-forker")


class ComponentFailed(RuntimeError):
    """A control plane component ended or never became ready; the message has its log."""


@dataclass(frozen=True)
class Component:
    """One running program of the control plane and where it writes its log."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        """The process id; the leash becomes the program, so it is the program's own."""
        return self.process.pid

    def check(self) -> None:
        """Raise if the program has ended, with the end of its log as the reason."""
        code = self.process.poll()
        if code is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-30:]
            raise ComponentFailed("\n".join([f"{self.name} ended with {code}:", *lines]))

    def stop(self) -> None:
        """Kill the program and wait for its end: its data are thrown away or in etcd."""
        self.process.kill()
        self.process.wait()


def start(name: str, command: Sequence[str], log: Path) -> Component:
    """Start a program that can outlive neither `stop` nor this process."""
    leashed = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *command]

    def fork() -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            return subprocess.Popen(
                leashed,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then tears down
            )

    return Component(name, _FORKER.submit(fork).result(), log)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below the range of outgoing connections.

    From that range the kernel could lend the API server's port to some client while
    the server is stopped for an outage test, or let a client connect to itself.
    """
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = random.randint(15_000, 32_000)  # noqa: S311 - no secret
            listener = held.enter_context(socket.socket())
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    return ports


def data_directory() -> Path:
    """A fresh directory named after this process; those of killed processes are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_DATA_PREFIX}*"):
        pid = left.name.removeprefix(_DATA_PREFIX).split("-")[0]
        if pid.isdigit() and not is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_DATA_PREFIX}{os.getpid()}-"))


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(pid: int) -> None:
    """Ask a process to end; it may have ended already."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def mentioning(text: str) -> list[int]:
    """Ids of the live processes whose command line holds `text`, such as a data directory."""
    ids: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in command:
            ids.append(int(entry.name))
    return ids
