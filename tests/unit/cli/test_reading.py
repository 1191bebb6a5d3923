"""What people who ask are told of a policy besides what it says: the operator's own word about its rights."""

from typing import Any

import pytest

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.cli.reading import Reader
from platelet.model.policy import Settings
from platelet.shell import kube
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_statuses import PolicyStatuses
from tests.scenarios.manifests import policy
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.shell.in_memory import Shell


@pytest.mark.parametrize("allowed", [True, False], ids=["it may", "it may not"])
async def test_whether_the_operator_may_read_jobs_is_its_own_word(allowed: bool) -> None:  # noqa: FBT001 - a table
    """Who asks may have other rights."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy("telling", triggers=[{"job": {}}]))

    class Operator:
        get = shell.api.get

        async def list(
            self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = ""
        ) -> Any:
            if resource.plural == "jobs" and not allowed:
                raise kube.Refused(403, "Forbidden", "not allowed")
            return await shell.api.list(resource, namespace, labels=labels, fields=fields)

    book = PolicyBook(Operator(), shell.clock, OPERATOR, None)
    await book.refresh()
    await PolicyStatuses(shell.api, shell.clock).tell(book.judgements)
    policies = await Reader(shell.api, shell.clock, Settings(namespace=OPERATOR)).resolved_policies(SHOP)
    (telling,) = (seen for seen in policies if isinstance(seen, ResolvedPolicy) and seen.policy.name == "telling")
    assert ("the operator may not list jobs.batch in namespace shop" in telling.jobs_unread) == (not allowed)
