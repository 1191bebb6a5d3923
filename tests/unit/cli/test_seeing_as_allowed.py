"""Who may not look into the operator's namespace is told what records say of themselves, and that it is no more."""

from typing import Any

import pytest

from platelet.api.readers import attestations
from platelet.cli.read_only import ReadOnly
from platelet.cli.reading import see_as_allowed
from platelet.shell import kube
from platelet.shell.act.revision_tracker import RevisionTracker
from tests.scenarios.world import OPERATOR
from tests.unit.shell.in_memory import API, MINUTE, Shell


async def a_healthy_workload() -> Shell:
    """Its template has proven itself."""
    shell = Shell()
    revision_tracker = RevisionTracker(shell.api, shell.clock, shell.runner, MINUTE)
    for _ in range(4):
        await revision_tracker.look(API, acting=True)
        shell.world.advance(MINUTE)
    return shell


@pytest.mark.parametrize("allowed", [True, False])
async def test_health_is_told_to_whom_it_may_concern(monkeypatch: pytest.MonkeyPatch, allowed: bool) -> None:  # noqa: FBT001
    """Both see the same, as long as nobody has forged anything."""
    shell = await a_healthy_workload()
    listed = shell.api.list

    async def refuse(resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> Any:
        if attestations.NAMESPACE in labels and not allowed:
            raise kube.Refused(403, "Forbidden", "ann may not list controllerrevisions in platelet-system")
        return await listed(resource, namespace, labels=labels, fields=fields)

    monkeypatch.setattr(shell.api, "list", refuse)
    snapshot, unseen = await see_as_allowed(ReadOnly(shell.api), API, OPERATOR)
    assert [record.health for record in snapshot.records] == ["Healthy"]
    assert ("ann may not list" in unseen) == (not allowed)
