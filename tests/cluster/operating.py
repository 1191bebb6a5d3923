"""Operators for the live tests: one at a time on a control plane, each as if on a new cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cluster import installation, patience
from tests.cluster.control_plane import ControlPlane

WIDE_BUDGET = {"limits": [{"maxActions": 1000, "per": "1h"}], "suspended": None}


@contextmanager
def installed(plane: ControlPlane, directory: Path, **settings: Any) -> Iterator[installation.Installation]:
    """Platelet as on a new cluster, with a budget that stops nobody."""
    with installation.installed(plane, directory, **settings) as operator:
        installation.install(plane, budget=WIDE_BUDGET)
        yield operator
        for replica in operator.replicas:
            if replica.alive:
                replica.stop()


@contextmanager
def one_leader(plane: ControlPlane, directory: Path, **settings: Any) -> Iterator[installation.OperatorProcess]:
    """One operator that leads."""
    with installed(plane, directory, **settings) as operator:
        replica = operator.start()
        until_leading(replica)
        yield replica


def until_leading(replica: installation.OperatorProcess, seconds: float = 60) -> None:
    """Wait until it leads. Raises RuntimeError with its last words when it has ended."""

    def leads() -> bool:
        if not replica.alive:
            raise RuntimeError("\n".join(["the operator ended:", *replica.log.read_text().splitlines()[-20:]]))
        try:
            text = httpx.get(f"{replica.metrics_url}/metrics", trust_env=False, timeout=2).text
        except httpx.HTTPError:
            return False
        return "\nplatelet_leader 1.0" in text

    patience.until("the operator to lead", leads, seconds)
