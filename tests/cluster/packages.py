"""Debian packages that live tests need. None of them is started by its installation."""

# ruff: noqa: S603, S607 - every command line is our own

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

MONITORING = {"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager"}
"""Packages by a program that each one brings."""
_SERVICES = ("containerd", "prometheus", "prometheus-alertmanager")
_POLICY = Path("/usr/sbin/policy-rc.d")  # asked before a package starts its services


class InstallationFailed(RuntimeError):
    """A package could not be installed; the message has the end of apt-get's output."""


def ensure(wanted: Mapping[str, str]) -> None:
    """Install what is missing of packages, by a program of each. Raises InstallationFailed, and OSError without apt."""
    missing = sorted(package for program, package in wanted.items() if shutil.which(program) is None)
    if not missing:
        return
    print(f"[packages] installing {', '.join(missing)}", file=sys.stderr, flush=True)  # noqa: T201 - for a person
    with _nothing_starts():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *missing)
    if shutil.which("systemctl"):  # nor at the next boot
        services = [name for name in missing if name in _SERVICES]
        subprocess.run(["systemctl", "--quiet", "disable", *services], check=False)


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-2000:]
        raise InstallationFailed(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    """Deny the start of services, as Debian's policy layer provides for; a machine that has a policy keeps it."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
