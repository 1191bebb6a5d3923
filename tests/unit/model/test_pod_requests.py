"""What a pod asks of a node, by the rules of KEP-753 and of pod-level resources."""

from decimal import Decimal
from typing import Any

import pytest

from platelet.model import pod_requests


def asking(cpu: str, field: str = "requests", **more: Any) -> dict[str, Any]:
    return {"resources": {field: {"cpu": cpu}}, **more}


SIDECAR = {"restartPolicy": "Always"}
ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "its containers together": ({"containers": [asking("1"), asking("500m")]}, "1.5"),
    "a limit without a request": ({"containers": [asking("2", "limits")]}, "2"),
    "an init container that asks for more": ({"containers": [asking("1")], "initContainers": [asking("3")]}, "3"),
    "an init container that asks for less": ({"containers": [asking("2")], "initContainers": [asking("1")]}, "2"),
    "a sidecar beside its containers": (
        {"containers": [asking("1")], "initContainers": [asking("1", **SIDECAR)]}, "2",
    ),
    "an init container beside the sidecars before it": (
        {"containers": [asking("1")], "initContainers": [asking("1", **SIDECAR), asking("3"), asking("1", **SIDECAR)]},
        "4",
    ),
    "the pod as a whole": ({"containers": [asking("1")], "resources": {"requests": {"cpu": "5"}}}, "5"),
    "a limit of the whole, where its containers ask": (
        {"containers": [asking("1")], "resources": {"limits": {"cpu": "5"}}}, "1",
    ),
    "a limit of the whole, where they do not": ({"containers": [{}], "resources": {"limits": {"cpu": "5"}}}, "5"),
    "an overhead on top": ({"containers": [asking("1")], "overhead": {"cpu": "250m"}}, "1.25"),
    "nothing": ({"containers": [{}]}, "0"),
    "what cannot be read": ({"containers": [asking("lots"), "x"], "initContainers": None}, "0"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "cpu"), ASKED.values(), ids=ASKED)
def test_what_it_asks_for(spec: dict[str, Any], cpu: str) -> None:
    assert pod_requests.requested({"spec": spec}, "cpu") == Decimal(cpu)


def test_the_resources_that_it_names() -> None:
    spec = {
        "containers": [asking("1"), {"resources": {"limits": {"memory": "1Gi"}}}],
        "initContainers": [{"resources": {"requests": {"x.com/gpu": "1"}}}],
        "overhead": {"ephemeral-storage": "1Gi"},
    }
    assert pod_requests.named({"spec": spec}) == {"cpu", "memory", "x.com/gpu", "ephemeral-storage"}
