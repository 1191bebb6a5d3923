"""Keys that sign what comes back: what is none is named, with its Secret and the fix, and never shown."""

import base64
from typing import Any

import pytest

from platelet.model.request import SecretKey
from platelet.shell import kube
from platelet.shell.store import signing_keys
from tests.unit.shell.memory_kube import MemoryKube

KEY = SecretKey(namespace="shop", name="pagers", key="webhook")


def holding(value: str | None) -> MemoryKube:
    api = MemoryKube()
    data: dict[str, Any] = {} if value is None else {"webhook": value}
    api.objects["secrets", "shop", "pagers"] = {"metadata": {"name": "pagers", "namespace": "shop"}, "data": data}
    return api


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


async def test_a_key_is_read_without_the_end_of_its_line() -> None:
    assert await signing_keys.read(holding(encoded(b"0123456789abcdef\n")), KEY) == b"0123456789abcdef"


def refusing() -> MemoryKube:
    api = holding(encoded(b"0123456789abcdef"))
    api.failing = [kube.Refused(403, "Forbidden", "no")]
    return api


NO_KEYS = {
    "there is no Secret": (MemoryKube(), "there is no Secret shop/pagers: create it"),
    "it has no such key": (holding(None), "the Secret shop/pagers has no key webhook"),
    "it may not be read": (refusing(), "may not be read by the operator"),
    "it is too short": (holding(encoded(b"0123456789abcde")), "webhook is shorter than 16 bytes"),
    "it is blank": (holding(encoded(b" " * 32)), "webhook is shorter than 16 bytes"),
    "it is no base64": (holding("not base64!"), "webhook is shorter than 16 bytes"),
}


@pytest.mark.parametrize(("api", "words"), NO_KEYS.values(), ids=NO_KEYS)
async def test_what_is_no_key_is_named_with_the_fix_and_not_shown(api: MemoryKube, words: str) -> None:
    with pytest.raises(signing_keys.NoKeyError) as error:
        await signing_keys.read(api, KEY)
    assert words in str(error.value)
    assert "0123" not in str(error.value)
