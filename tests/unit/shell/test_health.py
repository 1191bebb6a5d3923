"""Health, metrics and logs, as an operator's people and probes see them."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer

from platelet.shell import kube
from platelet.shell.kube import clock
from platelet.shell.run import health
from platelet.shell.telemetry import logs
from platelet.shell.telemetry.metrics import Metrics
from platelet.shell.watch import workload_records
from platelet.shell.watch.stream import TypedStream
from tests.unit.shell.test_stream import SYNCED, Script, event


async def ask(path: str, *, alive: list[health.Check], ready: list[health.Check]) -> tuple[int, str]:
    app = health.application(Metrics().registry, alive, ready)
    async with TestClient(TestServer(app)) as http:
        response = await http.get(path)
        return response.status, await response.text()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_when_nothing_is_wrong_it_is_ok(path: str) -> None:
    assert await ask(path, alive=[lambda: ""], ready=[lambda: ""]) == (200, "ok\n")


async def test_every_reason_is_said_in_plain_text() -> None:
    checks: list[health.Check] = [lambda: "the moon is full", lambda: "", lambda: "the tide is high"]
    assert await ask("/readyz", alive=[], ready=checks) == (503, "the moon is full\nthe tide is high\n")
    assert await ask("/healthz", alive=checks[:1], ready=[]) == (503, "the moon is full\n")


async def test_metrics_are_served_with_our_prefix() -> None:
    status, text = await ask("/metrics", alive=[], ready=[])
    assert status == 200
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert "platelet_budget_used" in names
    assert all(name.startswith("platelet_") for name in names)


def test_answers_of_the_api_server_are_measured() -> None:
    metrics = Metrics()
    metrics.on_response("get", "pods", 0, 1.5)
    metrics.on_stream_restart("pods", "Silence")
    read = metrics.registry.get_sample_value
    labels = {"verb": "get", "resource": "pods", "code": "0"}
    assert read("platelet_kube_requests_seconds_sum", labels) == 1.5
    assert read("platelet_stream_restarts_total", {"stream": "pods", "reason": "Silence"}) == 1


@pytest.mark.looptime
async def test_a_stream_is_current_while_it_is_synced_and_speaks() -> None:
    loop = asyncio.get_running_loop()
    script = Script([[20.0, event("a"), SYNCED, 1e9]])
    stream = TypedStream(
        script, kube.DEPLOYMENTS, workload_records.reduce, lambda *_: None, boot=loop.time, silence=1e8
    )
    check = health.stream_is_current("deployments", stream)
    task = asyncio.create_task(stream.run())
    assert "not listed everything" in check()
    await asyncio.sleep(21)
    assert check() == ""
    await asyncio.sleep(200)
    assert "silent for more than 90 s" in check()
    task.cancel()


def test_a_clock_is_fresh_for_a_minute() -> None:
    now = 0.0
    server_clock = clock.ServerClock(lambda: now)
    check = health.clock_is_fresh(server_clock)
    assert "not told the time yet" in check()
    server_clock.observe(datetime(2026, 11, 21, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), 0.0)
    assert check() == ""
    now = 61.0
    assert "for 60 s" in check()


async def test_the_watchdog_hears_a_beat() -> None:
    heard: asyncio.Queue[float] = asyncio.Queue()
    watchdog = health.LagWatchdog(heard.put_nowait)
    task = asyncio.create_task(watchdog.run())
    assert await heard.get() >= 0
    assert watchdog.check() == ""
    task.cancel()


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_restored")
def test_ours_and_the_librarys_logs_are_one_stream_of_json() -> None:
    out = io.StringIO()
    logs.configure_logs("json", "info", out)
    structlog.get_logger("platelet.test").info("leading", holder="a")
    logging.getLogger("somebody").warning("%s failed", "x")
    logging.getLogger("kopf.objects").info("Handler 'x' succeeded.")
    logging.getLogger("platelet").debug("too fine")
    ours, theirs = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (ours["event"], ours["holder"], ours["level"], ours["logger"]) == ("leading", "a", "info", "platelet.test")
    assert (theirs["event"], theirs["level"]) == ("x failed", "warning")


def fail_with(template: dict[str, str]) -> None:
    raise ValueError("a defect" if template else "")


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_does_not_show_the_values_of_variables(style: logs.Format) -> None:
    """A frame may hold a template with a password in it (TRAPS 48)."""
    out = io.StringIO()
    template = {"env": "hunter-2"}
    logs.configure_logs(style, "info", out)
    try:
        fail_with(template)
    except ValueError:
        structlog.get_logger("platelet.test").exception("failed")
    assert "ValueError: a defect" in out.getvalue()
    assert "hunter-2" not in out.getvalue()


def test_a_bad_level_says_the_fix() -> None:
    with pytest.raises(ValueError, match="use DEBUG, INFO"):
        logs.configure_logs("json", "loud")
