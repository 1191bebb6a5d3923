"""What people have switched off is found wherever they can do so, and told with the way back."""

from typing import Any

import pytest

from platelet.cli import checkup, switches
from platelet.shell import kube
from tests.unit.situations import NOW

SUSPEND = "platelet.dev/suspend"


def stored(name: str, namespace: str = "", spec: dict[str, Any] | None = None, **annotations: str) -> dict[str, Any]:
    """An object as the API server has it; annotations are named without their prefix."""
    metadata: dict[str, Any] = {"name": name, "annotations": {f"platelet.dev/{k}": v for k, v in annotations.items()}}
    return {"metadata": metadata | ({"namespace": namespace} if namespace else {}), "spec": spec or {}}


# The object and its kind; what is said of it. Nothing: it is not switched off.
CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a namespace, with a reason": (
        "namespace",
        stored("shop", suspend="release freeze"),
        [
            (
                "namespace shop is suspended by people: release freeze; "
                f"to end it: kubectl annotate namespace shop {SUSPEND}-"
            )
        ],
    ),
    "a workload, without a reason": (
        "workload",
        stored("api", "shop", suspend="true"),
        [f"deployment shop/api is suspended by people; to end it: kubectl annotate deployment/api -n shop {SUSPEND}-"],
    ),
    "a workload that says false": ("workload", stored("api", "shop", suspend="false"), []),
    "a workload that says nothing": ("workload", stored("api", "shop"), []),
    "a policy until later": (
        "policy",
        stored("heal", "shop", {"suspended": {"reason": "holiday", "until": "2026-11-21T12:30:00Z"}}),
        [
            (
                "policy shop/heal is suspended by people: holiday, until 2026-11-21T12:30:00Z; to end it: kubectl patch"
                """ rempol heal -n shop --type=json -p '[{"op": "remove", "path": "/spec/suspended"}]'"""
            )
        ],
    ),
    "a policy until now": ("policy", stored("heal", "shop", {"suspended": {"until": "2026-11-21T12:00:00Z"}}), []),
    "a policy that is not": ("policy", stored("heal", "shop", {"mode": "Enforce"}), []),
    "words that a terminal would obey": (
        "namespace",
        stored("shop", suspend="\x1b[2Jgone"),
        [f"namespace shop is suspended by people:  [2Jgone; to end it: kubectl annotate namespace shop {SUSPEND}-"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_switched_off_is_told_with_the_way_back(name: str) -> None:
    """Each row is one object."""
    kind, stored, sentences = CASES[name]
    off = switches.find(
        [stored] if kind == "namespace" else [],
        [stored] if kind == "policy" else [],
        {kube.DEPLOYMENTS: [stored] if kind == "workload" else []},
        NOW,
    )
    assert switches.describe(off) == sentences


def test_the_doctor_warns_of_each_and_is_content_without() -> None:
    """A forgotten suspension is no failure."""
    off = switches.find([stored("shop", suspend="true"), stored("pay", suspend="audit")], [], {}, NOW)
    assert [finding.outcome for finding in checkup.of_switches(off)] == ["warn", "warn"]
    assert [finding.outcome for finding in checkup.of_switches([])] == ["ok"]
