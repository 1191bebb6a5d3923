"""Every scenario runs without log output, and fails on a defect that the operator only logs."""

import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from platelet.shell.clock import ClockNotReadyError
from platelet.shell.kube import ApiError
from platelet.shell.receiver import NotStoredError

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
