"""Control groups of a node go with it, although nothing of the kernel's sees to that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cluster import patience, processes
from tests.e2e import control_groups

_TESTS = """\
import subprocess, sys
from tests.e2e import control_groups
node = subprocess.Popen(["sleep", "1d"])
with open(sys.argv[2], "w") as lock, control_groups.kept(sys.argv[1], node.pid, lock.fileno()):
    print(node.pid, flush=True)
    node.wait()
"""


def test_they_stay_while_the_node_does_and_go_with_it_although_its_tests_were_killed(tmp_path: Path) -> None:
    """Also those that a kubelet has made in them."""
    name = f"platelet-test-{os.getpid()}"
    command = [sys.executable, "-c", _TESTS, name, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tests:  # noqa: S603 - our own
        assert tests.stdout is not None
        node = int(tests.stdout.readline())
        try:
            for top in control_groups.tops(name):
                (top / "kubepods" / "besteffort").mkdir(parents=True)
            tests.kill()
            tests.wait()
            assert processes.is_alive(node)
            assert control_groups.exists(name)
        finally:
            os.kill(node, signal.SIGKILL)
    patience.until("the control groups to go", lambda: not control_groups.exists(name), seconds=20)
