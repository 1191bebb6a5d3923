"""A resolved alert ends its own evidence by its fingerprint, whatever became of all that led to it when it fired."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from platelet.core.opening import Update
from platelet.model import reasons
from platelet.model.alert import Alert
from platelet.model.escalation import EscalationRecord
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.shell import kube
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.store.opener import store_status
from tests.scenarios.manifests import on_alert, policy
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import ALERT, MINUTE, Shell

Meanwhile = Callable[[Shell], object]


def nothing(_shell: Shell) -> None:
    """All is as it was."""


def drop(resource: kube.Resource, name: str = "heal") -> Meanwhile:
    return lambda shell: shell.world.store.delete(resource, SHOP, name)


def drop_the_pods(shell: Shell) -> None:
    for pod in shell.world.pods("api"):
        shell.world.store.delete(kube.PODS, SHOP, pod["metadata"]["name"])


def patch(resource: kube.Resource, name: str, body: kube.Json) -> Meanwhile:
    return lambda shell: shell.world.store.patch(resource, SHOP, name, body)


def take_over(shell: Shell) -> None:
    shell.inbox = shell.new_inbox()


def take_over_without_the_pods(shell: Shell) -> None:
    drop_the_pods(shell)
    take_over(shell)


BY_POD = {"pod": "<pod>", "container": "app"}
BY_NAME = {"deployment": "api"}
# Each row: what the alert names beside its namespace, and what happens between its beginning and its end.
MEANWHILE: dict[str, tuple[dict[str, str], Meanwhile]] = {
    "nothing": (BY_NAME, nothing),
    "its pod is gone": (BY_POD, drop_the_pods),
    "its workload is gone": (BY_NAME, drop(kube.DEPLOYMENTS, "api")),
    "its autoscaler is gone": ({"horizontalpodautoscaler": "api"}, drop(kube.AUTOSCALERS, "api")),
    "its workload is no target any more": (
        BY_NAME,
        patch(kube.DEPLOYMENTS, "api", {"metadata": {"labels": {"heal": "no"}}}),
    ),
    "its policy is gone": (BY_NAME, drop(kube.POLICIES)),
    "its policy is about other alerts": (
        BY_NAME,
        patch(kube.POLICIES, "heal", {"spec": {"triggers": [on_alert("Another")]}}),
    ),
    "its policy is not ready": (BY_NAME, drop(kube.RUNBOOKS)),
    "its policy acts": (BY_NAME, patch(kube.POLICIES, "heal", {"spec": {"mode": "Enforce"}})),
    "another process leads": (BY_NAME, take_over),
    "its pod is gone, and another process leads": (BY_POD, take_over_without_the_pods),
}


async def a_shell(**more: Any) -> Shell:
    made = Shell(**more)
    made.world.autoscale("api", 2, 4)
    await made.book.refresh()
    await made.policy_statuses.tell(made.book.judgements)
    return made


def alerts(shell: Shell, labels: dict[str, str]) -> tuple[Alert, Alert]:
    """As it fires, and as it ends."""
    pod = shell.world.pods("api")[0]["metadata"]["name"]
    named = {"namespace": SHOP, **{key: value.replace("<pod>", pod) for key, value in labels.items()}}
    firing = shell.an_alert(labels=named)
    return firing, replace(firing, status="resolved", ends_at=shell.clock.now())


async def look_at(shell: Shell, **spec: Any) -> None:
    """The first look of the reconciler: the evidence is in the status from now on."""
    for remediation in shell.remediations():
        seen = replace(remediation, spec=replace(remediation.spec, **spec))
        status = RemediationStatus(opened_at=shell.clock.now(), evidence=(remediation.spec.signal,))
        await store_status(shell.api, seen, Update(remediation=seen, status=status))


def still_fires(remediation: Remediation) -> bool:
    facts = remediation.status.evidence or (remediation.spec.signal,)
    return any(fact.resolved_at is None for fact in facts)


@pytest.mark.parametrize("looked", [False, True], ids=["before its first look", "after it"])
@pytest.mark.parametrize("mode", ["Observe", "Enforce"])
@pytest.mark.parametrize(("labels", "meanwhile"), MEANWHILE.values(), ids=MEANWHILE)
async def test_its_evidence_ends(labels: dict[str, str], meanwhile: Meanwhile, mode: str, *, looked: bool) -> None:
    shell = await a_shell(mode=mode)
    firing, resolved = alerts(shell, labels)
    await shell.inbox.store([firing], 0)
    if looked:
        await look_at(shell)
    meanwhile(shell)
    await shell.book.refresh()
    await shell.inbox.store([resolved], 0)
    (only,) = shell.remediations()
    assert not still_fires(only)
    assert [fact.resolved_at for fact in only.status.evidence] == [resolved.ends_at]
    assert not shell.people.events
    revision = shell.world.store.revision
    await shell.inbox.store([resolved], 0)
    assert shell.world.store.revision == revision, "told twice, written twice"


async def test_it_ends_in_every_open_remediation_that_holds_it() -> None:
    """One that acts, and one that observes beside it."""
    shell = await a_shell()
    shell.apply(kube.POLICIES, policy("watch", triggers=[on_alert(ALERT)], mode="Observe"))
    await shell.book.refresh()
    firing, resolved = alerts(shell, BY_POD)
    await shell.inbox.store([firing], 0)
    await look_at(shell)
    drop_the_pods(shell)
    await shell.inbox.store([resolved], 0)
    assert [still_fires(remediation) for remediation in shell.remediations()] == [False, False]


async def test_it_ends_in_one_that_people_have_asked_for() -> None:
    """A runbook by hand holds the evidence of whatever fires meanwhile."""
    shell = await a_shell()
    firing, resolved = alerts(shell, BY_POD)
    spec = {
        "targetRef": {"kind": "Deployment", "name": "api"},
        "policyRef": {"name": "heal"},
        "runbookRef": {"name": "heal"},
        "mode": "Enforce",
        "requestedBy": "ann",
    }
    shell.apply(kube.REMEDIATIONS, {"metadata": {"name": "by-hand"}, "spec": spec})
    await shell.inbox.store([firing], 0)
    (only,) = shell.remediations()
    assert only.spec.by_hand
    assert [fact.fingerprint for fact in only.status.evidence] == [firing.episode]
    drop_the_pods(shell)
    await shell.inbox.store([resolved], 0)
    assert [fact.resolved_at for fact in shell.remediations()[0].status.evidence] == [resolved.ends_at]


async def test_it_writes_nothing_on_what_is_closed_or_holds_another_alert() -> None:
    shell = await a_shell()
    firing, resolved = alerts(shell, BY_NAME)
    await shell.inbox.store([firing], 0)
    (only,) = shell.remediations()
    closed = RemediationStatus(state="Closed", evidence=(only.spec.signal,))
    await store_status(shell.api, only, Update(remediation=only, status=closed))
    await shell.inbox.store([replace(firing, fingerprint="000000000000000f", starts_at=shell.clock.now())], 0)
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    await shell.book.refresh()
    revision = shell.world.store.revision
    await shell.inbox.store([resolved], 0)
    assert shell.world.store.revision == revision
    assert [still_fires(remediation) for remediation in shell.remediations()] == [True, True]


# Each row: how a Remediation was closed while its alert fired, and whether a later one may take that over.
CLOSED: dict[str, tuple[dict[str, Any], bool]] = {
    "its target was deleted": ({"reason": reasons.TARGET_GONE}, True),
    "people had it": ({"reason": reasons.RESOLVED_BY_ITSELF, "escalation": "told"}, True),
    "its policy was deleted": ({"reason": reasons.CANCELLED}, False),
}


@pytest.mark.parametrize(("closed", "ends"), CLOSED.values(), ids=CLOSED)
async def test_it_ends_where_a_later_remediation_would_take_it_over(closed: dict[str, Any], *, ends: bool) -> None:
    """A target that is deleted and made anew: its alert has ended in between."""
    shell = await a_shell()
    firing, resolved = alerts(shell, BY_NAME)
    await shell.inbox.store([firing], 0)
    (only,) = shell.remediations()
    escalation = (
        EscalationRecord(reason="NoStepLeft", message="", at=shell.clock.now()) if "escalation" in closed else None
    )
    now = shell.clock.now()
    status = RemediationStatus(
        state="Closed",
        opened_at=now,
        closed_at=now,
        reason=closed["reason"],
        escalation=escalation,
        evidence=(only.spec.signal,),
    )
    await store_status(shell.api, only, Update(remediation=only, status=status))
    shell.world.store.delete(kube.DEPLOYMENTS, SHOP, "api")
    await shell.inbox.store([firing], 0)
    assert [event.reason for event in shell.people.events] == [reasons.NO_TARGET], "closed, it is nobody's who acts"
    await shell.inbox.store([resolved], 0)
    (only,) = shell.remediations()
    assert still_fires(only) != ends
    assert only.status.state == "Closed"


async def test_an_end_that_cannot_be_stored_is_sent_again_and_costs_no_other() -> None:
    shell = await a_shell()
    shell.world.deploy("web", "app:good-1", labels={"heal": "yes"})
    both = [shell.an_alert(1), shell.an_alert(2, labels={"namespace": SHOP, "deployment": "web"})]
    await shell.inbox.store(both, 0)
    await look_at(shell)
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    await shell.book.refresh()
    ends = [replace(firing, status="resolved", ends_at=shell.clock.now()) for firing in both]
    shell.world.server.faults.at[shell.world.server.index + 1] = "refused"
    with pytest.raises(NotStoredError):
        await shell.inbox.store(ends, 0)
    assert [still_fires(remediation) for remediation in shell.remediations()] == [True, False]
    await shell.inbox.store(ends, 0)
    assert [still_fires(remediation) for remediation in shell.remediations()] == [False, False]


@pytest.mark.parametrize("fault", ["unanswered", "answer lost", "refused", "conflict"])
async def test_every_call_that_fails_is_an_end_that_is_sent_again(fault: Any) -> None:
    """I10, I19: 200 means stored, or there is nobody who would want to know."""
    for index in range(30):
        shell = await a_shell()
        firing, resolved = alerts(shell, BY_POD)
        await shell.inbox.store([firing], 0)
        await look_at(shell)
        drop_the_pods(shell)
        first = shell.world.server.index
        shell.world.server.faults.at[first + index] = fault
        try:
            await shell.inbox.store([resolved], 0)
        except NotStoredError:
            await shell.inbox.store([resolved], 0)
        assert not still_fires(shell.remediations()[0]), f"call {index}"
        if shell.world.server.index <= first + index:
            return
    raise AssertionError("more calls than expected")


async def test_a_firing_of_what_is_held_is_not_astray_when_its_pod_is_gone() -> None:
    """Alertmanager tells a group again whenever one alert in it changes; the poller looks every minute."""
    shell = await a_shell()
    firing, _ = alerts(shell, BY_POD)
    await shell.inbox.store([firing], 0)
    drop_the_pods(shell)
    await shell.inbox.store([firing], 0)
    await shell.new_inbox().store_present([firing])
    assert not shell.people.events
    assert shell.fates == ["stored", "stored"]
    (only,) = shell.remediations()
    assert still_fires(only)


async def test_the_end_of_an_alert_that_a_better_policy_matches_cancels_nothing() -> None:
    """Only what fires is a reason to choose anew who acts."""
    shell = await a_shell()
    firing, resolved = alerts(shell, BY_NAME)
    await shell.inbox.store([firing], 0)
    await look_at(shell)
    shell.apply(kube.POLICIES, policy("better", triggers=[on_alert(ALERT)], priority=5))
    await shell.book.refresh()
    await shell.inbox.store([replace(resolved, fingerprint="000000000000000f")], 0)
    (only,) = shell.remediations()
    assert (only.status.state, still_fires(only)) == ("Waiting", True)


# Each row: minutes after the end was heard when it is told again as firing under the same start, and how many fire.
AGAIN = {"at once": (0, 0), "within ten minutes": (9, 0), "clearly later": (11, 1), "hours later": (180, 1)}


@pytest.mark.parametrize("closed", [False, True], ids=["it is open", "it was closed"])
@pytest.mark.parametrize("restarted", [False, True], ids=["the same process", "another process"])
@pytest.mark.parametrize(("later", "firing"), AGAIN.values(), ids=AGAIN)
async def test_a_firing_clearly_after_the_end_is_a_new_bout_whoever_tells(
    later: int, firing: int, *, restarted: bool, closed: bool
) -> None:
    """A sender that repeats or reorders does so within minutes; whoever is told 200 is not forgotten."""
    shell = await a_shell()
    alert, end = alerts(shell, BY_NAME)
    await shell.inbox.store([alert], 0)
    await look_at(shell)
    await shell.inbox.store([end], 0)
    if closed:
        (only,) = shell.remediations()
        status = replace(only.status, state="Closed", closed_at=shell.clock.now())
        await store_status(shell.api, only, Update(remediation=only, status=status))
    shell.world.advance(later * MINUTE)
    inbox = shell.new_inbox() if restarted else shell.inbox
    for _ in range(2):
        await inbox.store([alert], 0)
    living = [remediation for remediation in shell.remediations() if remediation.status.state != "Closed"]
    assert sum(still_fires(remediation) for remediation in living) == firing
    for remediation in living:
        new = remediation.status.evidence or (remediation.spec.signal,)
        assert not firing or new[0].first_seen == shell.clock.now(), "it counts from its own beginning"


async def listed(shell: Shell) -> list[bool]:
    """Of the alerts without a target: which fire."""
    await shell.book.refresh()
    untargeted = shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"].get("untargetedAlerts", [])
    return ["resolvedAt" not in alert for alert in untargeted]


@pytest.mark.parametrize("restarted", [False, True], ids=["the same process", "another process"])
async def test_one_without_a_target_ends_on_the_policys_list_although_it_has_one_now(*, restarted: bool) -> None:
    shell = await a_shell()
    firing, end = alerts(shell, {"deployment": "late"})
    await shell.inbox.store([firing], 0)
    assert await listed(shell) == [True]
    shell.world.deploy("late", "app:good-1", labels={"heal": "yes"})
    if restarted:
        shell.untargeted = shell.new_untargeted()
        take_over(shell)
    await shell.inbox.store([end], 0)
    assert await listed(shell) == [False]


async def test_one_without_a_target_that_fires_again_is_told_again() -> None:
    shell = await a_shell()
    firing, end = alerts(shell, {"deployment": "gone"})
    for alert in (firing, end, firing):
        await shell.inbox.store([alert], 0)
    assert ([event.reason for event in shell.people.events], await listed(shell)) == (["NoTarget", "Resolved"], [False])
    shell.world.advance(11 * MINUTE)
    for _ in range(2):
        await shell.inbox.store([firing], 0)
    assert ([event.reason for event in shell.people.events][2:], await listed(shell)) == (["NoTarget"], [True])


async def test_one_without_a_target_that_starts_anew_at_each_evaluation_is_told_once() -> None:
    shell = await a_shell()
    firing, _ = alerts(shell, {"deployment": "gone"})
    for minute in range(5):
        await shell.inbox.store([replace(firing, starts_at=firing.starts_at + minute * MINUTE)], 0)
    assert (len(shell.people.events), await listed(shell)) == (1, [True])
