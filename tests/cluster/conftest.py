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
from tests.cluster import incidents, listening, monitoring, operating, packs, patience
from tests.cluster.app import App
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Publishers
from tests.cluster.stage import RULES, Interrupt, PutOn, Rehearsal, Stage

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
def app() -> Iterator[App]:
    """What stands for the workloads of the packs in this file: Prometheus scrapes it, and health checks ask it."""
    app = App()
    with listening.serving(app.answer) as url:
        app.url = url
        yield app


@pytest.fixture(scope="module")
def pack_operator(
    control_plane: cluster.ControlPlane, app: App, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator of the file's own that looks again every second, may call what the packs name, and is monitored."""
    both = monitoring.prepare(tmp_path_factory.mktemp("monitoring"))
    settings: dict[str, Any] = {
        "prometheus": {"url": both.prometheus_url},
        "alertmanager": {"url": both.alertmanager_url},
        "resync": "1s",
        "allowedHosts": ["127.0.0.1", "*.svc", "*.example.com", "*.yourdomain.com", "*.pagerduty.com", "slack.com"],
    }
    with (
        operating.one_leader(control_plane, tmp_path_factory.mktemp("operator"), **settings) as operator,
        monitoring.running(both, RULES, operator.alerts_url, app.scrape_configs()),
    ):
        yield operator


@pytest.fixture
def put_on(
    control_plane: cluster.ControlPlane,
    pack_operator: OperatorProcess,
    app: App,
) -> Iterator[PutOn]:
    """What puts a pack on the cluster, in a namespace that goes with the test.

    In the end the operator must have changed only what the pack names.
    """
    stages: list[Rehearsal] = []
    with incidents.scene(control_plane) as scene:

        def put(pack: str, faster: int = 60, *, publishers: Publishers | None = None) -> Rehearsal:
            adaptation = packs.Adaptation(app.url, publishers.url if publishers is not None else "", faster)
            objects = adaptation.of(packs.render(control_plane, pack, scene.namespace))
            stage = Rehearsal(scene, pack_operator, objects, app, publishers)
            if publishers is not None:
                stage.share_pagers()
            scene.use(*(yaml.safe_dump(entry) for entry in objects))
            stages.append(stage)
            return stage

        yield put
        assert [write for stage in stages for write in stage.unnamed_writes()] == []


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
