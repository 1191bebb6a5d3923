"""The first process of the node's namespaces: hides the host's state, then lives for as long as the node shall.

Used as a script, `python first_process.py FILE`; the file appears when all is hidden. Every process of these namespaces
is killed by the kernel when this one ends, and every mount and network device of theirs goes with the last of them.
"""

# ruff: noqa: S603, S607 - every command line is our own

import os
import signal
import subprocess
import sys
from pathlib import Path

# Where the programs of a node write by names that no flag changes: sockets, locks, plugins, links to logs.
_HIDDEN = ("/run", "/var/lib", "/var/log")

# What a kubelet sets for its whole machine, unless it reads there what it would write (k8s.io/component-helpers,
# node/util/sysctl): so it does, and the host's own values stay.
_KERNEL = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


def main() -> None:
    """Mount, tell, and reap what others leave behind."""
    for place in _HIDDEN:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "node", place], check=True)
    for name, value in _KERNEL.items():
        stand_in = Path("/run") / name.replace("/", "-")
        stand_in.write_text(f"{value}\n")
        subprocess.run(["mount", "--bind", stand_in, f"/proc/sys/{name}"], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    Path(sys.argv[1]).touch()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        signal.sigwait([signal.SIGCHLD])
        _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
