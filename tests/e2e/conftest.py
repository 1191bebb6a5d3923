"""One real node for all tests of the session, what its containers are made of, and the packs on it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import yaml

from tests.cluster import incidents, listening, monitoring, operating, packs
from tests.cluster.conftest import publishers, pytest_runtest_makereport
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Publishers
from tests.e2e import apps, discovery, theatre
from tests.e2e import node as nodes
from tests.e2e import operator_image as image
from tests.e2e.discovery import Discovery
from tests.e2e.theatre import PutOn, Theatre

__all__ = ["publishers", "pytest_runtest_makereport"]

_ADDRESSES = [f"10.96.0.{number}" for number in range(20, 250)]  # those that Kubernetes keeps for who asks for one


@pytest.fixture(scope="session")
def node() -> Iterator[nodes.Node]:
    """A ready node; `node.plane` is its control plane. Each test keeps to its own namespace."""
    with nodes.start() as node:
        yield node


@pytest.fixture(scope="session")
def operator_image(node: nodes.Node) -> str:
    """The name that docs/install.md gives the operator's image, which the node now has."""
    name = "registry.example.com/platelet:0.1.0"
    node.runtime.import_image(image.write(node.directory / "platelet.tar", name))
    return name


@pytest.fixture(scope="session")
def addresses(node: nodes.Node) -> Iterator[str]:
    """Addresses for apps, which the operator may call, one for each; the node has the apps' images now."""
    apps.import_all(node.runtime)
    return iter(_ADDRESSES)


@pytest.fixture(scope="module")
def scraped(node: nodes.Node) -> Iterator[Discovery]:
    """What finds the apps of a file for its Prometheus."""
    apps_found = Discovery(node.plane)
    yield apps_found
    apps_found.close()


@pytest.fixture(scope="module")
def pack_operator(
    node: nodes.Node, scraped: Discovery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator of a file's own that looks again every second, may call what the packs name, and is monitored."""
    both = monitoring.prepare(tmp_path_factory.mktemp("monitoring"))
    settings = {
        "alertmanager": {"url": both.alertmanager_url},
        "prometheus": {"url": both.prometheus_url},
        "allowedHosts": ["127.0.0.1", *_ADDRESSES],
        "resync": "1s",
    }
    with (
        operating.one_leader(node.plane, tmp_path_factory.mktemp("operator"), **settings) as operator,
        listening.serving(scraped.answer) as url,
        monitoring.running(both, theatre.RULES, operator.alerts_url, discovery.scrape_configs(node.plane, url)),
    ):
        yield operator


@contextmanager
def _putting_on(
    node: nodes.Node,
    operator: OperatorProcess,
    scraped: Discovery,
    addresses: Iterator[str],
    publishers: Publishers,
) -> Iterator[PutOn]:
    stages: list[Theatre] = []
    with ExitStack() as scenes:

        def put(pack: str, target: str, faster: int = 30) -> Theatre:
            scene = scenes.enter_context(incidents.scene(node.plane))
            address = next(addresses)
            site = f"http://{address}{apps.PATHS}"
            scene.apply(apps.service("shop", target, address=address))
            adaptation = packs.Adaptation(site, publishers.url, faster)
            objects = adaptation.of(packs.render(node.plane, pack, scene.namespace))
            stage = Theatre(scene, operator, objects, target, site, publishers)
            stage.share_pagers()
            scene.use(*(yaml.safe_dump(entry) for entry in objects))
            scraped.apps.append((scene.namespace, target))
            stages.append(stage)
            return stage

        yield put
        for stage in stages:
            scraped.apps.remove((stage.scene.namespace, stage.target))
        assert [write for stage in stages for write in stage.unnamed_writes()] == []


@pytest.fixture
def put_on(
    node: nodes.Node,
    pack_operator: OperatorProcess,
    scraped: Discovery,
    addresses: Iterator[str],
    publishers: Publishers,
) -> Iterator[PutOn]:
    """What puts a pack on the node; in the end the operator has changed only what it names."""
    with _putting_on(node, pack_operator, scraped, addresses, publishers) as put:
        yield put


@pytest.fixture(scope="module")
def put_side_by_side(
    node: nodes.Node, pack_operator: OperatorProcess, scraped: Discovery, addresses: Iterator[str]
) -> Iterator[PutOn]:
    """The same for all tests of a file, whose situations take their time together, each in a namespace of its own."""
    with (
        listening.publishers() as publishers,
        _putting_on(node, pack_operator, scraped, addresses, publishers) as put,
    ):
        yield put
    assert publishers.faults == []
