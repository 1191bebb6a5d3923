"""What a machine must be for this tier, and what is put onto it: Debian packages, and two programs in a cache."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster import binaries as control_plane
from tests.cluster import go_tools, packages
from tests.e2e import binaries, control_groups

_PACKAGES = {
    **packages.MONITORING,
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/bin/busybox": "busybox-static",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
}
_RELEASE = Path("/etc/os-release")
_WHY = "containers need root's rights, and containerd, runc and Prometheus come as Debian's packages"


def missing() -> str:
    """Why real containers cannot run here; empty when they can, and then all that they need is here."""
    if sys.platform != "linux":
        return f"this is {sys.platform}: {_WHY}"
    if not _is_debian():
        return f"this Linux is not Debian: {_WHY}"
    if os.geteuid() != 0:
        return f"this user is not root: {_WHY}"
    without = control_groups.missing()
    if without:
        return f"no node: {without}"
    try:
        packages.ensure(_PACKAGES)
        control_plane.ensure()
        binaries.ensure()
    except (packages.InstallationFailed, go_tools.BuildFailed, OSError, subprocess.SubprocessError) as error:
        return f"no node: {error}"
    return ""


def _is_debian() -> bool:
    if not _RELEASE.exists():
        return False
    return "ID=debian" in _RELEASE.read_text().splitlines()
