"""Run a program that dies with the process that asked for it.

Used as a script: ``python leash.py PARENT_PID PROGRAM ARGUMENT...``. Teardown code
does not run when a test run is killed with -9, so the kernel itself must be told:
the parent-death signal survives the exec of an ordinary program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the parent-death signal, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:
        sys.exit(f"the parent {parent} ended before the leash was on")
    os.execv(program[0], program)  # noqa: S606 - the command line is our own


if __name__ == "__main__":
    main()
