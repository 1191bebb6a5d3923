"""Who reads policies writes nothing; who tells them what was found writes only on what was read."""

from typing import Any

from platelet.api.kinds.conditions import read_conditions
from platelet.model import reasons
from platelet.shell import kube
from platelet.shell.store.policies import PolicyBook
from tests.scenarios.manifests import escalation_policy, on_pods, policy
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.shell.in_memory import Shell


class OnlyReads:
    """The API without any write."""

    def __init__(self, api: kube.Kube) -> None:
        """Read as it does."""
        self.get, self.list = api.get, api.list


def readiness(shell: Shell, name: str) -> list[tuple[str, str]]:
    """What the policy itself says: status and reason of its condition Ready."""
    stored = shell.world.store.get(kube.POLICIES, SHOP, name)
    conditions = read_conditions((stored.get("status") or {}).get("conditions"))
    return [(condition.status, condition.reason) for condition in conditions if condition.type == "Ready"]


def policy_of(name: str, runbook: str) -> dict[str, Any]:
    stored = policy(name, triggers=[on_pods()])
    return {**stored, "spec": {**stored["spec"], "runbookRef": {"name": runbook}}}


async def test_policies_are_judged_by_reads_alone() -> None:
    """Also one that is read in the middle of a look, and that has just become unusable."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy_of("lost", "nowhere"))
    book = PolicyBook(OnlyReads(shell.api), shell.clock, OPERATOR, None)
    await book.refresh()
    resolved = await book.live(SHOP, "lost")
    assert resolved is not None
    assert not resolved.policy.ready
    assert readiness(shell, "lost") == []
    judged = {judgement.stored["metadata"]["name"]: judgement.readiness for judgement in book.judgements}
    assert judged["lost"].reason == reasons.RUNBOOK_NOT_FOUND


async def test_what_was_found_is_told_on_what_was_read_only() -> None:
    """A policy that people have changed meanwhile is judged anew: nothing of the old one is written on it."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy_of("lost", "nowhere"))
    await shell.book.refresh()
    judgements = shell.book.judgements
    stored = shell.world.store.get(kube.POLICIES, SHOP, "lost")
    shell.world.store.replace(
        kube.POLICIES, SHOP, "lost", {**stored, "spec": {**stored["spec"], "runbookRef": {"name": "elsewhere"}}}
    )
    await shell.policy_statuses.tell(judgements)
    assert readiness(shell, "lost") == []
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert readiness(shell, "lost") == [("False", reasons.RUNBOOK_NOT_FOUND)]


def told(shell: Shell, resource: kube.Resource, name: str) -> dict[str, tuple[str, str]]:
    """What an object says of itself: by condition, its status and reason."""
    stored = shell.world.store.get(resource, SHOP, name)
    conditions = read_conditions((stored.get("status") or {}).get("conditions"))
    return {condition.type: (condition.status, condition.reason) for condition in conditions}


async def test_an_escalation_policy_says_itself_what_of_it_cannot_work() -> None:
    """And the policy that refers to one says only that there is none, until there is."""
    shell = Shell()
    calling = policy("calling", triggers=[on_pods()], escalation={"policyRef": {"name": "oncall"}})
    shell.apply(kube.POLICIES, calling)
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert told(shell, kube.POLICIES, "calling")["Warning"] == ("True", reasons.ESCALATION_POLICY_NOT_FOUND)
    hook = {"url": "http://oncall.svc/hook", "secretRef": {"name": "token", "key": "key"}}
    oncall = escalation_policy({"after": "0s", "sinks": ["pager"]}, sinks=[{"name": "pager", "webhook": hook}])
    shell.apply(kube.ESCALATION_POLICIES, oncall)
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert told(shell, kube.POLICIES, "calling") == {"Ready": ("True", reasons.READY)}
    assert told(shell, kube.ESCALATION_POLICIES, "oncall") == {
        "Ready": ("True", reasons.READY),
        "Warning": ("True", reasons.SECRET_NOT_READABLE),
    }
    resolved = await shell.book.live(SHOP, "calling")
    assert resolved is not None
    assert list(resolved.policy.sinks) == ["pager"]
    assert [level.sinks for level in resolved.policy.levels] == [("pager",)]
