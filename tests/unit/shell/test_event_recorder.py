"""Events: written once, counted as a series, never in the way."""

from dataclasses import replace

import pytest

from platelet.model import effects
from platelet.shell import kube
from platelet.shell.kube import clock
from platelet.shell.telemetry.event_recorder import EventRecorder
from tests.unit.shell.memory_kube import MemoryKube

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "api", "uid": "u1"}
EVENT = effects.Publish(
    regarding=DEPLOYMENT, type="Warning", reason="Escalated", action="Escalate", note="people were told"
)


class Boot:
    """A boot clock that the test turns."""

    seconds = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


@pytest.fixture
def api() -> MemoryKube:
    return MemoryKube()


@pytest.fixture
def boot() -> Boot:
    return Boot()


@pytest.fixture
def recorder(api: MemoryKube, boot: Boot) -> EventRecorder:
    server_clock = clock.ServerClock(boot)
    server_clock.observe("Sat, 21 Nov 2026 08:00:00 GMT", 0.0)
    return EventRecorder(api, server_clock, "platelet-system", "platelet-0", boot)


def only(api: MemoryKube) -> kube.Json:
    (stored,) = api.objects.values()
    return stored


async def test_an_event_has_what_the_api_server_asks_for(api: MemoryKube, recorder: EventRecorder) -> None:
    await recorder.publish(EVENT)
    event = only(api)
    assert event["metadata"]["namespace"] == "shop"
    assert event["regarding"] == DEPLOYMENT
    assert event["eventTime"] == "2026-11-21T08:00:00.000000Z"
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "Escalated", "Escalate")
    assert (event["reportingController"], event["reportingInstance"]) == ("platelet.dev/operator", "platelet-0")


async def test_the_same_event_again_becomes_a_series(api: MemoryKube, boot: Boot, recorder: EventRecorder) -> None:
    """Written at most once a minute, with everything counted that came between."""
    for _ in range(61):
        await recorder.publish(EVENT)
        boot.seconds += 1
    assert only(api)["series"] == {"count": 61, "lastObservedTime": "2026-11-21T08:01:00.000000Z"}
    assert [verb for verb, _ in api.calls] == ["create", "patch"]


async def test_another_note_is_another_event(api: MemoryKube, recorder: EventRecorder) -> None:
    for note in ("one", "two", "one"):
        await recorder.publish(replace(EVENT, note=note))
    assert len(api.objects) == 2


async def test_a_series_whose_event_has_expired_begins_anew(
    api: MemoryKube, boot: Boot, recorder: EventRecorder
) -> None:
    await recorder.publish(EVENT)
    api.objects.clear()
    boot.seconds += 120
    await recorder.publish(EVENT)
    assert "series" not in only(api)


async def test_an_event_on_a_cluster_wide_object_goes_to_our_namespace(
    api: MemoryKube, recorder: EventRecorder
) -> None:
    await recorder.publish(replace(EVENT, regarding={"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}))
    assert only(api)["metadata"]["namespace"] == "platelet-system"


async def test_what_is_too_long_is_cut(api: MemoryKube, recorder: EventRecorder) -> None:
    await recorder.publish(
        replace(EVENT, note="é" * 2000, reason="R" * 200, action="A" * 200, regarding={**DEPLOYMENT, "name": "n" * 253})
    )
    event = only(api)
    assert len(event["note"].encode()) <= 1024
    assert max(len(event["reason"]), len(event["action"])) == 128
    assert len(event["metadata"]["name"]) <= 253


@pytest.mark.parametrize(
    "error", [kube.Refused(403, "Forbidden", "no"), kube.Unanswered(0, "Timeout", "?"), kube.NotFound(404, "x", "y")]
)
async def test_a_failure_is_nobodys_problem(api: MemoryKube, recorder: EventRecorder, error: kube.ApiError) -> None:
    api.failing = [error]
    await recorder.publish(EVENT)
    assert api.objects == {}


async def test_without_a_clock_an_event_is_dropped(api: MemoryKube) -> None:
    await EventRecorder(api, clock.ServerClock(), "platelet-system", "x").publish(EVENT)
    assert api.objects == {}


async def test_its_memory_is_bounded(api: MemoryKube, recorder: EventRecorder) -> None:
    for number in range(1100):
        await recorder.publish(replace(EVENT, note=str(number)))
    await recorder.publish(replace(EVENT, note="0"))
    assert len(api.objects) == 1101
