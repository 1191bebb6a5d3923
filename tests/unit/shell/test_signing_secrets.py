"""A signing secret that is none is found before the first incident, and not shown."""

import base64
from typing import Any

import pytest

from platelet.api.kinds.escalation_policy import read_escalation_policy
from platelet.replay.virtual_clock import VirtualClock
from platelet.shell.store.policy_references import PolicyReferences
from tests.published import standard_webhooks as published
from tests.unit.shell.memory_kube import MemoryKube

HOOK = {"url": "https://pager.svc/", "signingSecretRef": {"name": "pagers", "key": "signing"}}
SPEC = {"sinks": [{"name": "first", "webhook": HOOK}], "levels": [{"after": "0s", "sinks": ["first"]}]}
ESCALATION = read_escalation_policy({"metadata": {"namespace": "shop", "name": "oncall"}, "spec": SPEC})
RULE = "the Secret shop/pagers: signing is no signing secret: 24 to 64 bytes in base64, after `whsec_` or alone"


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def holding(**data: str) -> MemoryKube:
    api = MemoryKube()
    stored: dict[str, Any] = {"metadata": {"name": "pagers", "namespace": "shop"}, "data": data}
    api.objects["secrets", "shop", "pagers"] = stored
    return api


# Each row: what there is, and what is said of it.
SECRETS: dict[str, tuple[MemoryKube, str]] = {
    "a good one": (holding(signing=encoded(published.SECRET + "\n")), ""),
    "none": (MemoryKube(), "there is no Secret shop/pagers"),
    "another key": (holding(token=encoded(published.SECRET)), "the Secret shop/pagers has no key signing"),
    "a password": (holding(signing=encoded("correct horse battery staple")), RULE),
    "an umlaut": (holding(signing=encoded("whsec_ä")), RULE),
    "nothing": (holding(signing=""), RULE),
}


@pytest.mark.parametrize(("api", "words"), SECRETS.values(), ids=SECRETS)
async def test_what_cannot_sign_is_named_with_its_field(api: MemoryKube, words: str) -> None:
    faults = await PolicyReferences(api, VirtualClock()).faults_of(ESCALATION)
    assert faults == ({"first.signingSecretRef": words} if words else {})
