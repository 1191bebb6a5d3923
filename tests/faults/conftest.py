"""Fixtures of the fault tests: one cluster and one installation for all that do not damage it."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.cluster import installation
from tests.cluster.conftest import control_plane, fresh_control_plane, namespace
from tests.cluster.control_plane import ControlPlane
from tests.faults import scene
from tests.faults.reader import Reader
from tests.faults.replicas import Replicas, Ward

__all__ = ["control_plane", "fresh_control_plane", "namespace"]


@pytest.fixture
def ward(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Ward]:
    """An installation without operator-wide brakes on the shared cluster, no replica started yet."""
    with ExitStack() as stack:
        settings = {"healthyFor": "1s", "lease": {"duration": "2s"}}
        installed = stack.enter_context(installation.installed(control_plane, tmp_path, **settings))
        installation.install(control_plane, budget=scene.WIDE_BUDGET)
        reader = stack.enter_context(closing(Reader(control_plane)))
        yield Ward(control_plane, namespace, reader, Replicas(installed, stack))
