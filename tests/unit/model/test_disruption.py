"""What a PodDisruptionBudget would say to an eviction of a pod that is not ready."""

from typing import Any

import pytest

from platelet.model import disruption
from tests.unit.situations import a_sick_pod

LABELS = {"app": "api", "tier": "web"}


def a_budget(selector: Any = None, **status: Any) -> dict[str, Any]:
    """One that lets nobody go: all that are wanted must be healthy, and one is not."""
    known = {"desiredHealthy": 2, "currentHealthy": 1, "disruptionsAllowed": 0, "observedGeneration": 1, **status}
    metadata = {"name": "api", "generation": 1}
    return {"metadata": metadata, "spec": {"selector": selector or {"matchLabels": {"app": "api"}}}, "status": known}


def expression(operator: str, *values: str, key: str = "tier") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


SELECTS = {
    "its labels": ({"matchLabels": {"app": "api"}}, True),
    "labels of others": ({"matchLabels": {"app": "web"}}, False),
    "one of several values": (expression("In", "db", "web"), True),
    "none of several values": (expression("NotIn", "web"), False),
    "a label that it has": (expression("Exists"), True),
    "a label that it must not have": (expression("DoesNotExist"), False),
    "a label that it has not": (expression("Exists", key="zone"), False),
    "a label, and a value that it must not have": (
        {"matchLabels": {"app": "api"}, **expression("NotIn", "web")},
        False,
    ),
}


@pytest.mark.parametrize(("selector", "chosen"), SELECTS.values(), ids=SELECTS)
def test_it_is_for_pods_that_its_selector_chooses(selector: dict[str, Any], *, chosen: bool) -> None:
    assert bool(disruption.selecting([a_budget(selector)], LABELS)) is chosen


def test_an_empty_selector_chooses_all_and_none_at_all_chooses_none() -> None:
    """As policy/v1 has it: the only place where empty means all, since it only ever forbids."""
    empty, absent = a_budget(), a_budget()
    empty["spec"]["selector"] = {}
    del absent["spec"]["selector"]
    assert disruption.selecting([empty, absent], LABELS) == (empty,)


HELD = {
    "too few are healthy": (a_budget(), "needs 2 healthy pods and has 1"),
    "none need be healthy, and none may go": (a_budget(desiredHealthy=0, currentHealthy=0), "needs 0 healthy pods"),
    "nobody has looked at it yet": (a_budget(observedGeneration=0, disruptionsAllowed=1), "is new"),
}


@pytest.mark.parametrize(("budget", "words"), HELD.values(), ids=HELD)
def test_a_pod_that_it_holds_is_told_with_the_numbers(budget: dict[str, Any], words: str) -> None:
    assert words in disruption.why_held(budget, a_sick_pod())


def always_allowing() -> dict[str, Any]:
    budget = a_budget()
    budget["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
    return budget


FREE = {
    "one may go": (a_budget(disruptionsAllowed=1), "Running"),
    "enough others are healthy": (a_budget(currentHealthy=2), "Running"),
    "its policy lets the unhealthy go": (always_allowing(), "Running"),
    "it has not started yet": (a_budget(), "Pending"),
    "it is over": (a_budget(), "Failed"),
}


@pytest.mark.parametrize(("budget", "phase"), FREE.values(), ids=FREE)
def test_a_pod_that_may_go_is_not_held(budget: dict[str, Any], phase: str) -> None:
    assert disruption.why_held(budget, a_sick_pod(phase=phase)) == ""
