"""Evidence that no stream shows: asked for once, and what cannot be read holds nothing up."""

import asyncio
from typing import Any

import pytest

from platelet.model.config_map import KnownConfigMap
from platelet.model.situation import Situation
from platelet.shell import kube
from platelet.shell.kube import CONFIG_MAPS, ApiError, Json, NotFound, Refused, Unanswered
from platelet.shell.read import evidence
from platelet.shell.read.evidence import EvidenceReader
from platelet.shell.read.log_reader import NoLogs
from tests.unit.core.test_recent_changes import BAD_RECORD, CONFIGURED, GOOD_RECORD, NAMES, seen

SICK = seen(GOOD_RECORD, BAD_RECORD, live=CONFIGURED)


class ConfigMaps:
    """All are there, or none can be read."""

    def __init__(self, answer: ApiError | None = None, *, takes: float = 0.0) -> None:
        """`takes` is in seconds."""
        self.answer, self.takes = answer, takes
        self.asked: list[str] = []

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> Json:
        """Answer, and remember what was asked."""
        assert (resource, namespace) == (CONFIG_MAPS, "shop")
        assert resource.metadata_only
        self.asked.append(name)
        await asyncio.sleep(self.takes)
        if self.answer is not None:
            raise self.answer
        return {"metadata": {"name": name, "managedFields": [{"manager": "helm"}]}}


def reader(config_maps: ConfigMaps) -> EvidenceReader:
    return EvidenceReader(config_maps, NoLogs())  # type: ignore[arg-type]


async def read(config_maps: ConfigMaps, situation: Situation = SICK) -> tuple[KnownConfigMap, ...]:
    return (await reader(config_maps).add(situation, around(situation))).knowledge.config_maps


async def around(situation: Situation) -> Situation:
    """What a look reads besides."""
    return situation


async def test_only_the_metadata_of_what_the_template_names_is_asked_for() -> None:
    config_maps = ConfigMaps()
    assert [known.name for known in await read(config_maps)] == list(NAMES)
    assert config_maps.asked == list(NAMES)


async def test_a_look_a_moment_later_does_not_ask_again() -> None:
    config_maps = ConfigMaps()
    reading = reader(config_maps)
    for _ in range(3):
        await reading.add(SICK, around(SICK))
    assert config_maps.asked == list(NAMES)


async def test_a_workload_without_config_maps_costs_nothing() -> None:
    config_maps = ConfigMaps()
    assert await read(config_maps, seen(GOOD_RECORD, BAD_RECORD)) == ()
    assert config_maps.asked == []


NOT_READ: dict[str, tuple[ConfigMaps, dict[str, Any]]] = {
    "one that is gone": (ConfigMaps(NotFound(404, "NotFound", "x")), {"is_missing": True}),
    "one that may not be read": (
        ConfigMaps(Refused(403, "Forbidden", "x")), {"why_unknown": "could not be looked at (403 Forbidden)"}
    ),
    "no answer": (
        ConfigMaps(Unanswered(503, "Busy", "x")), {"why_unknown": "could not be looked at (503 Busy)"}
    ),
    "an answer that takes too long": (ConfigMaps(takes=60.0), {"why_unknown": "could not be looked at in time"}),
}  # fmt: skip


@pytest.mark.parametrize(("config_maps", "known"), NOT_READ.values(), ids=NOT_READ)
async def test_what_cannot_be_read_is_told_and_holds_nothing_up(
    config_maps: ConfigMaps, known: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "TIMEOUT", 0.01)
    assert await read(config_maps) == tuple(KnownConfigMap(name=name, **known) for name in NAMES)


async def test_what_a_look_raises_is_raised() -> None:
    async def unanswered() -> Situation:
        raise Unanswered(503, "Busy", "x")

    with pytest.raises(Unanswered):
        await reader(ConfigMaps()).add(SICK, unanswered())
