"""One real node for all tests of the session, and the operator's image on it."""

from collections.abc import Iterator

import pytest

from tests.e2e import node as nodes
from tests.e2e import operator_image as image


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
