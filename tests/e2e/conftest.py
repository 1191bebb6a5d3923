"""One real node for all tests of the session."""

from collections.abc import Iterator

import pytest

from tests.e2e import node as nodes


@pytest.fixture(scope="session")
def node() -> Iterator[nodes.Node]:
    """A ready node; `node.plane` is its control plane. Each test keeps to its own namespace."""
    with nodes.start() as found:
        yield found
