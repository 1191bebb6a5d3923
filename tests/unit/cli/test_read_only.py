"""What explain may not read: named, and judged as if it forbade nothing; without the workload there is no answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from platelet.api.kinds import budget as budget_contract
from platelet.cli.read_only import ReadOnly
from platelet.shell import kube
from tests.unit.shell.memory_kube import MemoryKube

FORBIDDEN = kube.Refused(403, "Forbidden", "not for you")

# What is asked, whether there is an answer all the same, and the sentence that names it.
CASES: dict[str, tuple[Callable[[ReadOnly], Awaitable[Any]], str]] = {
    "a node": (
        lambda api: api.get(kube.NODES, "", "node-1"),
        "you may not read nodes: causeElsewhere was judged as if they were healthy",
    ),
    "a namespace": (
        lambda api: api.get(kube.NAMESPACES, "", "shop"),
        "you may not read namespaces: judged as if it were not suspended",
    ),
    "the ActionBudget": (
        lambda api: api.get(kube.BUDGETS, "platelet-system", "platelet"),
        "you may not read actionbudgets in platelet-system: limits, cooldowns and a pause were not judged",
    ),
    "revision records": (
        lambda api: api.list(kube.CONTROLLER_REVISIONS, "shop"),
        "you may not list controllerrevisions in shop: judged as if there were none",
    ),
    "Remediations of everybody": (
        lambda api: api.list(kube.REMEDIATIONS),
        "you may not list remediations of all namespaces: judged as if there were none",
    ),
    "workloads of everybody": (
        lambda api: api.list(kube.DEPLOYMENTS),
        "you may not list deployments of all namespaces: judged as if there were none",
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_is_kept_from_people_is_named_and_the_rest_explained(name: str) -> None:
    """Twice forbidden is said once."""
    ask, sentence = CASES[name]
    api = MemoryKube()
    api.failing = [FORBIDDEN, FORBIDDEN]
    reader = ReadOnly(api)
    assert await ask(reader) == await ask(reader)
    assert reader.unseen == (sentence,)


async def test_the_stand_in_of_the_budget_can_be_read_as_one() -> None:
    """By the same reader as a real one."""
    api = MemoryKube()
    api.failing = [FORBIDDEN]
    budget = budget_contract.read_budget(await ReadOnly(api).get(kube.BUDGETS, "platelet-system", "platelet"))
    assert (budget.status.entries, budget.spec.suspended) == ((), None)


@pytest.mark.parametrize("resource", [kube.PODS, kube.REPLICA_SETS, kube.DEPLOYMENTS, kube.STATEFUL_SETS])
async def test_without_the_workload_and_its_pods_there_is_nothing_to_explain(resource: kube.Resource) -> None:
    """The API server's own words are better than a wrong picture."""
    api = MemoryKube()
    api.failing = [FORBIDDEN]
    with pytest.raises(kube.Refused):
        await ReadOnly(api).list(resource, "shop")


@pytest.mark.parametrize("error", [kube.Refused(401, "Unauthorized", "who?"), kube.Unanswered(0, "Timeout", "slow")])
async def test_only_what_is_forbidden_has_a_stand_in(error: kube.ApiError) -> None:
    """An outage is not a lack of rights."""
    api = MemoryKube()
    api.failing = [error]
    with pytest.raises(type(error)):
        await ReadOnly(api).get(kube.NODES, "", "node-1")
