"""kubelet and kube-proxy, built like the control plane's programs, but by a module of their own.

So only those who run this tier build them, and the cluster's cache is not keyed by them.
"""

from pathlib import Path

from tests.cluster import go_tools


def ensure() -> Path:
    """The directory with both programs. Raises go_tools.BuildFailed."""
    return (
        go_tools.ensure(
            Path(__file__).parent,
            "kubelet and kube-proxy: 1 to 3 minutes",
        )
        / "bin"
    )
