"""The control groups of a node's pods: one of our own at the top, in which its kubelet keeps all others.

A kubelet ends what it does not know in the groups that it looks after, so two on one machine must not share any. Groups
have no owner that ends: a process beside the tests waits for the node's end, whatever brings it, and removes them.

Used as a script, `python control_groups.py NAME PID`, this is that process. Both versions of control groups are known.
"""

# ruff: noqa: S603 - every command line is our own

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NODE = "platelet-node"
_TOP = Path("/sys/fs/cgroup")
_CONTROLLERS = {"cpu", "cpuset", "memory", "pids", "hugetlb"}  # those that a kubelet asks for (version 2)
_PATIENCE = 10.0  # seconds until the kernel has let go of what has ended


@contextmanager
def kept(name: str, pid: int, lock: int) -> Iterator[None]:
    """The group, until this process has ended, as it must have when the `with` block ends.

    It is removed after that, also when these tests are killed; until then the lock of this descriptor is held.
    Raises OSError where this machine does not let root make it.
    """
    command = [sys.executable, "-I", "-S", __file__, name, str(pid)]
    remover = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[lock], start_new_session=True
    )
    _make(name)
    try:
        yield
    finally:
        if remover.wait() != 0:
            raise RuntimeError(f"control groups of {name} are left: the words above say why")


def missing() -> str:
    """Why pods can have no control groups on this machine; empty when they can."""
    name = f"platelet-try-{os.getpid()}"
    if not any(tops(name)):
        return f"there are no control groups at {_TOP}"
    try:
        _make(name)
        _remove(name)
    except OSError as error:
        return f"root may make no control groups: {error}"
    return ""


def tops(name: str) -> Iterator[Path]:
    """The group's directory in the tree of all controllers, or in the tree of each."""
    trees = [_TOP] if (_TOP / "cgroup.procs").exists() else sorted(_TOP.glob("*"))
    return (tree / name for tree in trees if (tree / "cgroup.procs").exists())


def exists(name: str) -> bool:
    """Whether anything is left of the group."""
    return any(group.exists() for group in tops(name))


def memory_limit(container: str) -> int:
    """The bytes to which the kernel holds a container of the node, by its id."""
    return int(_read(container, "memory.max", "memory.limit_in_bytes")[0])


def cpu_limit(container: str) -> float:
    """The cores to which it holds it."""
    quota, period = _read(container, "cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us")
    return int(quota) / int(period)


def _read(container: str, unified: str, *separate: str) -> list[str]:
    """The words of one file where controllers share a tree, of these files where each has its own."""
    for group in (group for top in tops(NODE) for group in top.rglob(container)):
        for files in ([group / unified], [group / name for name in separate]):
            if all(file.exists() for file in files):
                return [word for file in files for word in file.read_text().split()]
    raise FileNotFoundError(f"no control group of container {container} has {unified} or {separate[0]}")


def _make(name: str) -> None:
    unified = _TOP / "cgroup.controllers"
    if unified.exists():
        wanted = _CONTROLLERS.intersection(unified.read_text().split())
        (_TOP / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in sorted(wanted)))
    for group in tops(name):
        group.mkdir(exist_ok=True)


def _remove(name: str) -> None:
    """Remove the group and all in it. Raises OSError if a process is left in one of them."""
    for top in tops(name):
        for group, _, _ in os.walk(top, topdown=False):
            Path(group).rmdir()


def main() -> None:
    """Wait for the process, then remove the group."""
    name, pid = sys.argv[1], int(sys.argv[2])
    with suppress(ProcessLookupError):
        select.select([os.pidfd_open(pid)], [], [])  # can be read once it has ended
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return _remove(name)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
