"""The switch is stored on the very budget that was read; a lost race means looking again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from platelet.cli import session, suspension
from platelet.model.budget import Suspension
from platelet.shell import kube
from tests.unit.shell.memory_kube import MemoryKube
from tests.unit.situations import NOW


class StoppedClock:
    """Always the same moment."""

    def now(self) -> Any:
        """Tell it."""
        return NOW


class Server(MemoryKube):
    """Objects in memory, with a clock, that keep the patches they got."""

    clock = StoppedClock()

    def __init__(self, *, suspended: dict[str, Any] | None = None) -> None:
        """Begin with a budget."""
        super().__init__()
        spec: dict[str, Any] = {"limits": [{"maxActions": 10, "per": "1h"}]}
        if suspended is not None:
            spec["suspended"] = suspended
        metadata = {"name": "platelet", "namespace": "platelet-system", "uid": "u", "resourceVersion": "7"}
        self.objects["actionbudgets", "platelet-system", "platelet"] = {"metadata": metadata, "spec": spec}
        self.patches: list[Any] = []

    async def patch(self, resource: kube.Resource, namespace: str, name: str, body: Any, **_: Any) -> kube.Json:
        """Keep the patch; fail as told."""
        self._begin("patch", resource)
        self.patches.append(body)
        return self._find(resource, namespace, name)


def store(server: Any, after: Suspension | None) -> suspension.Outcome:
    """Store a switch."""
    return asyncio.run(suspension.change(server, "platelet-system", lambda _before, _now: after))


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        pytest.param(
            None,
            Suspension(reason="freeze", until=NOW + timedelta(hours=1)),
            {"reason": "freeze", "until": "2026-11-21T13:00:00Z", "leaving": None},
            id="set with an end",
        ),
        pytest.param(
            {"reason": "a", "until": "2026-11-21T13:00:00Z"},
            Suspension(reason="a"),
            {"reason": "a", "until": None, "leaving": None},
            id="a null removes the old end",
        ),
        pytest.param({"reason": "a"}, None, None, id="a null removes the switch"),
    ],
)
def test_the_patch_touches_the_switch_only(
    before: dict[str, Any] | None, after: Suspension | None, patch: dict[str, Any] | None
) -> None:
    """With the resourceVersion as its precondition."""
    server = Server(suspended=before)
    assert store(server, after).changed
    assert server.patches == [{"metadata": {"resourceVersion": "7"}, "spec": {"suspended": patch}}]


def test_what_is_so_already_is_not_written() -> None:
    """Idempotent."""
    server = Server(suspended={"reason": "a"})
    assert not store(server, Suspension(reason="a")).changed
    assert server.patches == []


def test_a_lost_race_is_run_again_on_what_there_is_then() -> None:
    """The operator's own status writes move the resourceVersion all the time."""
    server = Server()
    server.failing = [None, kube.Conflict(409, "Conflict", "stale")]
    assert store(server, Suspension()).changed
    assert server.calls == [("get", "actionbudgets"), ("patch", "actionbudgets")] * 2


def test_races_without_end_are_an_error() -> None:
    """It is not pretended to be done."""
    server = Server()
    server.failing = [None, kube.Conflict(409, "Conflict", "stale")] * 9
    with pytest.raises(kube.Conflict):
        store(server, Suspension())


def test_an_unknown_outcome_is_not_sent_twice() -> None:
    """The one who asked decides."""
    server = Server()
    server.failing = [None, kube.Unanswered(0, "Timeout", "no answer in time")]
    with pytest.raises(kube.Unanswered):
        store(server, Suspension())
    assert len(server.calls) == 2


def test_without_a_budget_it_is_told_how_to_install() -> None:
    """Nothing to pause."""
    server = Server()
    server.objects.clear()
    with pytest.raises(session.NothingToTellError, match="To install: kubectl apply"):
        store(server, Suspension())
