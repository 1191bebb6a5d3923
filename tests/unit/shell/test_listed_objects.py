"""Lists of objects that plans are made by: none of a kind that the cluster does not have; unknown where it may not."""

from dataclasses import replace

import pytest

from platelet.actions.adjust_resources import SCALERS
from platelet.model.policy import Step
from platelet.shell import kube
from platelet.shell.read import objects
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import Shell
from tests.unit.situations import a_situation, a_status, a_step, change

ADJUST, UNDO = a_step("adjustResources"), a_step("rolloutUndo")


class Answering:
    """An API server that answers a list with an error, or with nothing."""

    def __init__(self, error: Exception | None = None) -> None:
        """Nothing was asked yet."""
        self.error, self.asked = error, 0

    async def list(
        self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[kube.Json]:
        """Answer."""
        del resource, namespace, labels, fields
        self.asked += 1
        if self.error is not None:
            raise self.error
        return []


async def listed(kube_: Answering | Shell, *steps: Step, step: int = 0) -> dict[str, tuple[kube.Json, ...]]:
    situation = change(a_situation(), steps=steps or (ADJUST,))
    remediation = replace(situation.remediation, status=a_status(step=step))
    reads = kube_.api if isinstance(kube_, Shell) else kube_
    return dict(await objects.read_lists(reads, replace(situation, remediation=remediation)))  # type: ignore[arg-type]


async def test_all_of_the_namespace_are_read() -> None:
    shell = Shell()
    for namespace, name in ((SHOP, "mine"), (SHOP, "other"), ("elsewhere", "theirs")):
        shell.world.store.create(SCALERS, namespace, {"metadata": {"name": name}, "spec": {}})
    by_kind = await listed(shell)
    assert [stored["metadata"]["name"] for stored in by_kind[SCALERS.plural]] == ["mine", "other"]


async def test_a_cluster_without_the_kind_has_none() -> None:
    without = Answering(kube.NotFound(404, "NotFound", "the server could not find the requested resource"))
    assert await listed(without) == {SCALERS.plural: ()}


async def test_where_it_may_not_look_it_does_not_know() -> None:
    assert await listed(Answering(kube.Refused(403, "Forbidden", "no"))) == {}


async def test_a_read_that_fails_otherwise_is_made_again_later() -> None:
    with pytest.raises(kube.Unanswered):
        await listed(Answering(kube.Unanswered(503, "ServiceUnavailable", "later")))


async def test_nothing_is_asked_for_steps_that_need_none_or_are_over() -> None:
    server = Answering()
    assert await listed(server, UNDO) == {}
    assert await listed(server, ADJUST, UNDO, step=1) == {}
    assert server.asked == 0
