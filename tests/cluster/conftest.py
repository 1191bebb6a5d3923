"""Fixtures for tests that need a real API server.

Other test folders take them over with
``from tests.cluster.conftest import control_plane, namespace``.
"""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, operating, packs, patience
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Publishers
from tests.cluster.stage import Interrupt, PutOn, Rehearsal, Site, Stage

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
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator")) as operator:
        yield operator


@pytest.fixture(scope="module")
def prometheus() -> Iterator[listening.Prometheus]:
    """The Prometheus of a file, which knows nothing yet."""
    with listening.prometheus() as prometheus:
        yield prometheus


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """What answers health checks in this file."""
    site = Site()
    with listening.serving(site.answer) as url:
        site.url = url
        yield site


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[listening.Alertmanager]:
    """The Alertmanager of a file, in which nothing fires yet."""
    with listening.alertmanager() as alertmanager:
        yield alertmanager


@pytest.fixture(scope="module")
def pack_operator(
    control_plane: cluster.ControlPlane,
    prometheus: listening.Prometheus,
    alertmanager: listening.Alertmanager,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    """An operator of the file's own that looks again every second, and may call what the packs name."""
    settings: dict[str, Any] = {
        "prometheus": {"url": prometheus.url},
        "alertmanager": {"url": alertmanager.url},
        "resync": "1s",
        "allowedHosts": ["127.0.0.1", "*.svc", "*.example.com", "*.yourdomain.com", "*.pagerduty.com", "slack.com"],
    }
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator"), **settings) as operator:
        yield operator


@pytest.fixture
def put_on(
    control_plane: cluster.ControlPlane,
    pack_operator: OperatorProcess,
    prometheus: listening.Prometheus,
    alertmanager: listening.Alertmanager,
    site: Site,
) -> Iterator[PutOn]:
    """What puts a pack on the cluster, in a namespace that goes with the test.

    In the end the operator must have changed only what the pack names.
    """
    stages: list[Rehearsal] = []
    with incidents.scene(control_plane) as scene:

        def put(pack: str, faster: int = 60, *, publishers: Publishers | None = None) -> Rehearsal:
            adaptation = packs.Adaptation(site.url, publishers.url if publishers is not None else "", faster)
            objects = adaptation.of(packs.render(control_plane, pack, scene.namespace))
            stage = Rehearsal(scene, pack_operator, objects, prometheus, alertmanager, site, publishers)
            if publishers is not None:
                stage.share_pagers()
            scene.use(*(yaml.safe_dump(entry) for entry in objects))
            site.well = True
            stages.append(stage)
            return stage

        yield put
        assert [write for stage in stages for write in stage.unnamed_writes()] == []
    alertmanager.firing.clear()


@pytest.fixture
def publishers() -> Iterator[Publishers]:
    """What stands in for PagerDuty and Slack, and was sent nothing that they would not take."""
    with listening.publishers() as publishers:
        yield publishers
    assert publishers.faults == []


@pytest.fixture(params=["undisturbed", "killed in between"])
def interrupt(request: pytest.FixtureRequest) -> Interrupt:
    """What comes over the operator in the middle of a step: the test ends the same either way."""
    return Stage.until_attempted if request.param == "undisturbed" else Stage.restart_operator


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
    for process in item.funcargs.values():
        if report.failed and isinstance(process, OperatorProcess) and process.log.exists():
            lines = process.log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
            report.sections.append((f"last words of {process.log.name}", "\n".join(lines)))
    return report
