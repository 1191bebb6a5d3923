"""Who has written which keys of a ConfigMap, as people are told of it: since it ran well, by names, in few words."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from platelet.api.readers import config_maps
from platelet.model import config_map
from platelet.model.config_map import KnownConfigMap
from tests.unit.situations import NOW, minutes

EARLY = NOW - timedelta(days=1)


def entry(manager: str, at: datetime | str, *keys: str, part: str = "f:data", **more: Any) -> dict[str, Any]:
    """One entry of managedFields, as the API server writes it."""
    time = at if isinstance(at, str) else at.strftime("%Y-%m-%dT%H:%M:%SZ")
    fields: dict[str, Any] = {part: {".": {}, **{f"f:{key}": {} for key in keys}}}
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


def stored(*entries: Any, created: datetime = EARLY) -> dict[str, Any]:
    """The metadata of a ConfigMap; of what it holds nothing was asked for."""
    metadata = {"name": "settings", "creationTimestamp": created.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"metadata": {**metadata, "managedFields": list(entries)}}


def said(obj: dict[str, Any]) -> list[str]:
    """What is said of the last hour."""
    return list(config_map.say_since(config_maps.read_config_map(obj), NOW - minutes(60)))


WRITTEN = "configmap/settings written 2026-11-21T12:00:00Z by"
SAID: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a key of one manager": (stored(entry("edit", NOW, "LEVEL")), [f"{WRITTEN} edit, keys LEVEL"]),
    "only what was written since": (
        stored(entry("helm", EARLY, "MODE"), entry("edit", NOW, "LEVEL")), [f"{WRITTEN} edit, keys LEVEL"],
    ),
    "two managers, the last one first": (
        stored(entry("helm", NOW - minutes(5), "MODE"), entry("edit", NOW, "LEVEL")),
        [f"{WRITTEN} edit, keys LEVEL", "configmap/settings written 2026-11-21T11:55:00Z by helm, keys MODE"],
    ),
    "what is binary": (stored(entry("ann", NOW, "icon.png", part="f:binaryData")), [f"{WRITTEN} ann, keys icon.png"]),
    "many keys": (
        stored(entry("edit", NOW, *(f"K{number}" for number in range(10)))),
        [f"{WRITTEN} edit, keys K0, K1, K2, K3, K4, K5, K6, K7 and 2 more"],
    ),
    "one that was made since": (
        stored(entry("helm", NOW, "MODE"), created=NOW),
        ["configmap/settings created 2026-11-21T12:00:00Z", f"{WRITTEN} helm, keys MODE"],
    ),
    "labels alone": (stored(entry("edit", NOW, "app", part="f:metadata")), []),
    "a time that cannot be read": (stored(entry("edit", "yesterday", "LEVEL")), []),
    "no record of who writes": (stored({}), ["configmap/settings does not say who has written its keys"]),
}  # fmt: skip


@pytest.mark.parametrize(("obj", "lines"), SAID.values(), ids=SAID)
def test_what_is_said(obj: dict[str, Any], lines: list[str]) -> None:
    assert said(obj) == lines


def test_what_is_not_known_is_said() -> None:
    known = KnownConfigMap(name="settings", why_unknown="could not be looked at (403 Forbidden)")
    assert list(config_map.say_since(known, EARLY)) == ["configmap/settings could not be looked at (403 Forbidden)"]


def test_no_line_is_longer_than_a_status_takes() -> None:
    obj = stored(entry("m" * 128, NOW, *(f"{number}{'k' * 250}" for number in range(8))))
    assert [len(line) <= 256 for line in said(obj)] == [True]


@pytest.mark.parametrize("entries", ["x", [None], [{"manager": "a", "time": NOW, "fieldsV1": {"f:data": ["x"]}}]])
def test_odd_metadata_is_no_error(entries: Any) -> None:
    config_maps.read_config_map({"metadata": {"name": "settings", "managedFields": entries}})
