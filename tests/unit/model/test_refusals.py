"""What a new template brought that its pods are refused for, in the API server's own words."""

from typing import Any

import pytest

from platelet.model import refusals

QUOTA = "exceeded quota: team, requested: limits.memory=8Gi,pods=1, used: limits.memory=2Gi,pods=2, limited: pods=9"
PODS = "exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2"
REQUESTS = "exceeded quota: team, requested: requests.cpu=2, used: requests.cpu=8, limited: requests.cpu=8"
CPU = "exceeded quota: team, requested: cpu=2, used: cpu=8, limited: cpu=8"
GPU = "exceeded quota: team, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=1, limited: 1"
MUST = "failed quota: team: must specify limits.memory for: app; requests.cpu for: app"
MUST_AS_BEFORE = "failed quota: team: must specify limits.memory,requests.cpu"
SECURITY = 'violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "app" must set it)'
ACCOUNT = 'error looking up service account shop/api: serviceaccount "api" not found'
RANGE = "maximum memory usage per Container is 1Gi, but limit is 8Gi"
WEBHOOK = 'Internal error occurred: failed calling webhook "v.x.io": failed to call webhook: Post "https://x.svc": EOF'
SLOW = "Timeout: request did not complete within requested timeout - context deadline exceeded"
DENIED = 'admission webhook "v.x.io" denied the request: images need a digest'


def template(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {**spec, "containers": list(containers)}}


def app(name: str = "app", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "app:1", **more}


def limits(**amounts: str) -> dict[str, Any]:
    return app(resources={"limits": amounts})


def requests(**amounts: str) -> dict[str, Any]:
    return app(resources={"requests": amounts})


FULL = app(resources={"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}})
PLAIN = template(app())
NEWER = template(app(image="app:2"))
OWN: dict[str, tuple[Any, Any, str]] = {
    "a larger limit": (template(limits(memory="8Gi")), template(limits(memory="1Gi")), QUOTA),
    "a larger request": (template(requests(cpu="2")), template(requests(cpu="1")), REQUESTS),
    "a request by its short name": (template(requests(cpu="2")), template(requests(cpu="1")), CPU),
    "a resource of a vendor": (template(requests(**{"nvidia.com/gpu": "1"})), PLAIN, GPU),
    "one more container": (template(FULL, {**FULL, "name": "side"}), template(FULL), QUOTA),
    "another priority, of which there may be another quota": (template(app(), priorityClassName="x"), PLAIN, PODS),
    "words of a quota that nobody knows": (NEWER, PLAIN, "exceeded quota: team"),
    "no limit any more, which the quota demands": (template(requests(cpu="1")), template(FULL), MUST),
    "the same in older words": (template(limits(memory="1Gi")), template(FULL), MUST_AS_BEFORE),
    "a container without a limit": (template(FULL, app("side")), template(FULL), MUST),
    "another security context": (
        template(app(securityContext={"privileged": True})), template(app(securityContext={})), SECURITY,
    ),
    "the host's network": (template(app(), hostNetwork=True), PLAIN, SECURITY),
    "a path of the host": (template(app(), volumes=[{"name": "v", "hostPath": {"path": "/"}}]), PLAIN, SECURITY),
    "a container that sets nothing": (template(FULL, app("side")), template(FULL), SECURITY),
    "another account": (template(app(), serviceAccountName="api"), PLAIN, ACCOUNT),
    "other amounts than a range allows": (template(limits(memory="8Gi")), template(limits(memory="1Gi")), RANGE),
    "a webhook that says no": (NEWER, PLAIN, DENIED),
    "words that nobody knows": (NEWER, PLAIN, "it rains"),
}  # fmt: skip


@pytest.mark.parametrize(("live", "ran", "words"), OWN.values(), ids=OWN)
def test_what_the_new_template_brought(live: Any, ran: Any, words: str) -> None:
    assert refusals.is_own(live, ran, words)


NOT_OWN: dict[str, tuple[Any, Any, str]] = {
    "a quota of pods that is full": (NEWER, PLAIN, PODS),
    "a quota that is full, of which it asks for no more": (template(FULL), template(FULL), QUOTA),
    "a quota of memory, and it asks for more of the cpu": (
        template(requests(cpu="9")), template(requests(cpu="1")), QUOTA,
    ),
    "a quota that demands what neither has": (NEWER, PLAIN, MUST),
    "the same in older words": (NEWER, PLAIN, MUST_AS_BEFORE),
    "Pod Security of the namespace": (NEWER, PLAIN, SECURITY),
    "the account of both": (
        template(app(image="app:2"), serviceAccountName="api"), template(app(), serviceAccountName="api"), ACCOUNT,
    ),
    "a range that both are out of": (template(limits(memory="8Gi")), template(limits(memory="8Gi")), RANGE),
    "a webhook that does not answer": (template(limits(memory="8Gi")), PLAIN, WEBHOOK),
    "webhooks that take too long": (NEWER, PLAIN, SLOW),
}  # fmt: skip


@pytest.mark.parametrize(("live", "ran", "words"), NOT_OWN.values(), ids=NOT_OWN)
def test_what_would_be_refused_of_the_template_before_as_well(live: Any, ran: Any, words: str) -> None:
    assert not refusals.is_own(live, ran, words)


@pytest.mark.parametrize("odd", [None, [], "x", 3, {"containers": None}, {"containers": ["x"], "volumes": "y"}])
@pytest.mark.parametrize("words", [QUOTA, MUST, SECURITY, ACCOUNT, RANGE, WEBHOOK])
def test_a_template_of_any_shape_is_read(odd: Any, words: str) -> None:
    refusals.is_own({"spec": odd}, {"spec": odd}, words)
