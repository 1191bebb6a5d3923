"""One cluster in the background for each checkout, for a person at a shell."""

# ruff: noqa: S603 - every command line is our own

import fcntl
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from tests.cluster import binaries, control_plane, go_tools, patience, processes

_REPOSITORY = Path(__file__).parents[2]
_COMMAND = "tests.cluster"


@dataclass(frozen=True)
class Daemon:
    """The process that holds the cluster, and what a shell must know to use it."""

    pid: int
    kubeconfig: str
    audit_log: str
    bin_dir: str

    def exports(self) -> str:
        """Lines for a shell to evaluate."""
        return "\n".join(
            (
                f"export KUBECONFIG={shlex.quote(self.kubeconfig)}",
                f"export AUDIT_LOG={shlex.quote(self.audit_log)}",
                f'export PATH={shlex.quote(self.bin_dir)}:"$PATH"',
            )
        )


def up() -> Daemon:
    """The background cluster, started now unless it already runs."""
    binaries.ensure()
    with _alone():
        running = _running()
        return running if running is not None else _spawn()


def down() -> bool:
    """End the background cluster; False if there was none."""
    with _alone():
        running = _running()
        if running is None:
            return False
        processes.end(running.pid)
        patience.until("the cluster to end", lambda: _running() is None, seconds=20)
        return True


def serve() -> None:
    """Hold a cluster until told to end; `up` runs this in a process of its own."""
    signal.signal(signal.SIGTERM, _end)
    with control_plane.start() as plane:
        daemon = Daemon(
            pid=os.getpid(),
            kubeconfig=str(plane.kubeconfig("admin")),
            audit_log=str(plane.audit_log),
            bin_dir=str(plane.bin_dir),
        )
        draft = _file().with_suffix(".draft")
        draft.write_text(json.dumps(asdict(daemon)))
        draft.rename(_file())
        try:
            signal.pause()
        finally:
            _file().unlink(missing_ok=True)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's form
    raise SystemExit(0)


def _spawn() -> Daemon:
    log = _state("log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", _COMMAND, "serve"],
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,  # never the caller's: `$(...)` waits until all writers are gone
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def started() -> Daemon | None:
        if process.poll() is not None:
            raise processes.ComponentFailed(f"the cluster ended:\n{log.read_text()[-3000:]}")
        return _running()

    return patience.until("the cluster to start", started, seconds=120)


def _running() -> Daemon | None:
    """The daemon that the file names, if that process lives and is one of ours."""
    try:
        daemon = Daemon(**json.loads(_file().read_text()))
        command = Path(f"/proc/{daemon.pid}/cmdline").read_bytes()
    except (OSError, ValueError, TypeError):
        return None
    return daemon if _COMMAND.encode() in command else None


def _file() -> Path:
    return _state("json")


def _state(suffix: str) -> Path:
    """A file of this checkout's cluster: another checkout has another, and neither ends the other's."""
    checkout = hashlib.sha256(str(_REPOSITORY).encode()).hexdigest()[:12]
    return go_tools.cache() / f"daemon-{checkout}.{suffix}"


@contextmanager
def _alone() -> Iterator[None]:
    with _state("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
