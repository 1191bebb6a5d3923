"""Every scenario runs without log output, and fails on a defect that the operator only logs."""

import sys
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.kube import ApiError
from platelet.shell.kube.clock import ClockNotReadyError

if TYPE_CHECKING:
    from tests.scenarios.simulation import Simulation

_EXPECTED = (ApiError, ClockNotReadyError, NotStoredError)  # where faults are injected and clocks are wrong


@pytest.fixture(autouse=True)
def _no_hidden_defect() -> Iterator[None]:
    """An exception in a worker is logged and retried: here it is a failure."""
    defects: list[BaseException] = []

    def collect(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        error = sys.exc_info()[1]
        if (method == "exception" or event.get("exc_info")) and error is not None and not isinstance(error, _EXPECTED):
            defects.append(error)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[collect], cache_logger_on_first_use=False)
    yield
    structlog.configure(**before)
    assert not defects, defects


@pytest.fixture
def simulation() -> Iterator["Simulation"]:
    """A cluster of its own, with one operator."""
    from tests.scenarios.simulation import Simulation  # noqa: PLC0415 - toys put themselves into the lists before

    with Simulation() as simulation:
        yield simulation
