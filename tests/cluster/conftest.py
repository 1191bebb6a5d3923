"""Fixtures for tests that need a real API server.

Other test folders take them over with
``from tests.cluster.conftest import control_plane, namespace``.
"""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import operating, patience
from tests.cluster.installation import OperatorProcess

LAST_WORDS = 60  # lines of an operator's log below a failure


@pytest.fixture(scope="session")
def control_plane() -> Iterator[cluster.ControlPlane]:
    """One cluster for all tests of this process; each keeps to its own namespace."""
    with cluster.start() as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: cluster.ControlPlane) -> Iterator[str]:
    """A fresh namespace in which pods can be made at once."""
    name = f"test-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", name)

    def has_account() -> bool:
        accounts = control_plane.kubectl("get", "serviceaccounts", "-n", name, "-o", "name")
        return "serviceaccount/default" in accounts.split()

    patience.until(f"the default service account of {name}", has_account)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def operator(
    control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator of the file's own, which leads."""
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator")) as found:
        yield found


@pytest.fixture
def fresh_control_plane() -> Iterator[Callable[[], cluster.ControlPlane]]:
    """Start a cluster of the test's own, which it may damage; it ends with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(cluster.start())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Below a failure, what the operator of the test has said: its log goes with the test's directory."""
    report = yield
    for each in item.funcargs.values():
        if report.failed and isinstance(each, OperatorProcess) and each.log.exists():
            lines = each.log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
            report.sections.append((f"last words of {each.log.name}", "\n".join(lines)))
    return report
