"""Each effect is one call with its preconditions; what the answer means for whoever decides next."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.api.readers import records
from platelet.model import effects, templates
from platelet.model.autoscaler import Bounds
from platelet.model.change import Live, Patch
from platelet.model.intent import REPLICAS, RESTART_STAMP
from platelet.model.request import Request
from platelet.replay import admission
from platelet.shell import kube
from platelet.shell.act.revisions import RecordKeeper
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.pins import Changes, bounds_set, precondition, restarted, restored, scaled
from tests.unit.shell.in_memory import API, Shell
from tests.unit.situations import a_remediation, a_situation

ID = "rem-1/0/1"
STAMP = "2026-11-21T08:00:00Z"


def a_write(shell: Shell, planned: Changes, **seen: str) -> effects.Write:
    """What the core would send on the workload as it is, or as it was seen."""
    (change,) = planned
    meta = shell.world.deployment("api")["metadata"]
    known = {"uid": meta["uid"], "resource_version": meta["resourceVersion"], **seen}
    stored = [records.read_record(record) for record in shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)]
    live = Live(version="", values={}, **known)
    patch = changes.of(change).patch(change, live, a_situation(records=tuple(stored)))
    assert isinstance(patch, Patch)
    return effects.Write(id=ID, target=API, change=change, patch=patch)


def the_last_write(shell: Shell) -> Any:
    return [call for call in shell.world.server.audit if call.resource == "deployments" and call.verb == "patch"][-1]


def remember(shell: Shell, template: Any, template_hash: str) -> effects.RememberRevision:
    return effects.RememberRevision(
        target=API, template_hash=template_hash, template=template, first_seen=shell.clock.now()
    )


@pytest.mark.parametrize("again", [False, True], ids=["never seen before", "whose record was deleted"])
async def test_a_live_template_is_recorded_and_attested_without_a_read(again: bool) -> None:  # noqa: FBT001 - a table's column
    """Unless something is attested of a record of this name that is gone: that is read, and changed."""
    shell = Shell()
    template = shell.world.deployment("api")["spec"]["template"]
    effect = remember(shell, template, templates.hash_template(template))
    effect = replace(effect, live_since=shell.clock.now())
    if again:
        await shell.runner.run(effect)
        (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
        shell.world.store.delete(kube.CONTROLLER_REVISIONS, SHOP, record["metadata"]["name"])
    first = shell.world.server.index
    assert await shell.runner.run(effect)
    calls = [call for call in shell.world.server.audit[first:] if call.resource == kube.CONTROLLER_REVISIONS.plural]
    asked = [(call.verb, call.code) for call in calls]
    assert asked == (
        [("create", 200), ("create", 409), ("get", 200), ("patch", 200)] if again else [("create", 200)] * 2
    )


WRITES = {
    "a restart": (restarted(STAMP), ""),
    "a scale": (scaled(5), "scale"),
}


@pytest.mark.parametrize(("planned", "subresource"), WRITES.values(), ids=WRITES)
async def test_a_write_carries_its_id_and_its_preconditions(planned: Changes, subresource: str) -> None:
    shell = Shell()
    shell.runner.intended(ID)
    write = a_write(shell, planned)
    assert await shell.runner.run(write)
    call = the_last_write(shell)
    assert (call.agent, call.subresource, call.code) == (ID, subresource, 200)
    assert call.body["metadata"] == dict(zip(("uid", "resourceVersion"), precondition(write), strict=True))
    assert ID not in shell.runner.never_sent


async def test_a_scale_touches_replicas_only() -> None:
    shell = Shell()
    before = shell.world.deployment("api")["spec"]
    await shell.runner.run(a_write(shell, scaled(5)))
    assert shell.world.deployment("api")["spec"] == {**before, "replicas": 5}


async def test_raised_bounds_touch_the_autoscaler_and_nothing_else_of_it() -> None:
    """With its own uid and version; the workload is not written."""
    shell = Shell()
    shell.world.autoscale("api", 1, 2)
    stored = shell.world.store.get(kube.AUTOSCALERS, SHOP, "api")
    meta = stored["metadata"]
    raised = Bounds(kind="HorizontalPodAutoscaler", name="api", uid=meta["uid"], min=5, max=5)
    seen = {"uid": meta["uid"], "resource_version": meta["resourceVersion"]}
    assert await shell.runner.run(a_write(shell, bounds_set(raised, raised), **seen))
    call = shell.world.server.audit[-1]
    assert (call.verb, call.resource, call.subresource, call.agent) == ("patch", "horizontalpodautoscalers", "", ID)
    assert call.body == {
        "metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
        "spec": {"minReplicas": 5, "maxReplicas": 5},
    }


async def test_an_undo_restores_the_template_and_keeps_everything_else() -> None:
    """TRAPS 4: no annotation of the Deployment is touched."""
    shell = Shell()
    good = shell.world.deployment("api")["spec"]["template"]
    effect = remember(shell, good, "")
    assert await shell.runner.run(effect)
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    stored = records.read_record(record)
    shell.world.release("api", "app:crash")
    shell.world.annotate("api", {"people": "were here"})
    assert await shell.runner.run(a_write(shell, restored(stored.template_hash, stored.name)))
    after = shell.world.deployment("api")
    assert after["spec"]["template"] == good
    assert after["metadata"]["annotations"]["people"] == "were here"


STALE = {
    "the workload has changed": {"resource_version": "1"},
    "the workload was re-created": {"uid": "uid-another"},
}


@pytest.mark.parametrize("stale", STALE.values(), ids=STALE)
async def test_a_stale_write_does_nothing_and_is_as_good_as_never_sent(stale: dict[str, str]) -> None:
    """A conflict is a definite no: look again."""
    shell = Shell()
    shell.runner.intended(ID)
    before = shell.world.deployment("api")
    assert await shell.runner.run(a_write(shell, scaled(5), **stale))
    assert shell.world.deployment("api") == before
    assert ID in shell.runner.never_sent
    assert shell.runner.failure(ID) is None


@pytest.mark.parametrize("path", ["/metadata/uid", "/metadata/resourceVersion"])
@pytest.mark.parametrize("stale", STALE.values(), ids=STALE)
async def test_a_stale_undo_does_nothing(stale: dict[str, str], path: str) -> None:
    """Its preconditions are tests of the same JSON Patch as the change."""
    shell = Shell()
    shell.runner.intended(ID)
    await shell.runner.run(remember(shell, shell.world.deployment("api")["spec"]["template"], ""))
    stored = records.read_record(shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)[0])
    shell.world.release("api", "app:crash")
    planned = restored(stored.template_hash, stored.name)
    await shell.runner.run(a_write(shell, planned, **stale))
    assert shell.world.image("api") == "app:crash"
    assert ID in shell.runner.never_sent
    assert path in {item["path"] for item in the_last_write(shell).body if item["op"] == "test"}


async def test_a_conflict_after_a_lost_answer_proves_nothing() -> None:
    """The conflict may be with our own first write."""
    shell = Shell()
    shell.runner.intended(ID)
    write = a_write(shell, scaled(5))
    shell.world.server.faults.at[shell.world.server.index] = "answer lost"
    await shell.runner.run(write)
    await shell.runner.run(write)
    assert ID not in shell.runner.never_sent
    assert shell.world.replicas("api") == 5


async def test_a_refusal_is_remembered_for_its_attempt() -> None:
    shell = Shell()
    shell.world.server.faults.at[shell.world.server.index] = "refused"
    await shell.runner.run(a_write(shell, scaled(5)))
    failure = shell.runner.failure(ID)
    assert failure is not None
    assert (failure.attempt, failure.code) == (ID, 403)
    assert shell.runner.failure("rem-2/0/1") is None


async def test_a_lost_answer_is_neither_a_refusal_nor_never_sent() -> None:
    shell = Shell()
    shell.runner.intended(ID)
    shell.world.server.faults.at[shell.world.server.index] = "answer lost"
    assert not await shell.runner.run(a_write(shell, scaled(5)))
    assert (shell.runner.failure(ID), shell.runner.never_sent) == (None, frozenset())


async def test_without_lease_time_nothing_is_sent() -> None:
    """Asked right before the call: a paused leader comes back to nothing."""
    shell = Shell()
    shell.runner.intended(ID)
    shell.lease_left = 0.0
    calls = shell.world.server.index
    assert not await shell.runner.run(a_write(shell, scaled(5)))
    assert shell.world.server.index == calls
    assert ID in shell.runner.never_sent


async def test_an_intent_of_another_process_counts_as_sent() -> None:
    assert Shell().runner.never_sent == frozenset()


async def test_a_mark_on_a_record_that_has_changed_is_lost() -> None:
    shell = Shell()
    await shell.runner.run(remember(shell, shell.world.deployment("api")["spec"]["template"], "h"))
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    name, now = record["metadata"]["name"], shell.clock.now()
    stale = effects.MarkRevision(namespace=SHOP, record=name, resource_version="1", health="Healthy", at=now)
    await shell.runner.run(stale)
    assert shell.world.store.get(kube.CONTROLLER_REVISIONS, SHOP, name) == record


def a_mark(shell: Shell) -> effects.MarkRevision:
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    name, version = record["metadata"]["name"], record["metadata"]["resourceVersion"]
    now = shell.clock.now()
    return effects.MarkRevision(namespace=SHOP, record=name, resource_version=version, health="Healthy", at=now)


async def a_record(shell: Shell) -> None:
    template = dict(shell.world.deployment("api")["spec"]["template"])
    await shell.runner.run(remember(shell, template, templates.hash_template(template)))


async def test_who_may_not_lead_any_more_writes_nothing() -> None:
    shell = Shell()
    await a_record(shell)
    calls, shell.lease_left = shell.world.server.index, 0.0
    assert not await shell.runner.run(a_mark(shell))
    assert not await shell.runner.run(effects.Settle(attempt=ID, at=shell.clock.now()))
    assert shell.world.server.index == calls


async def test_a_leader_that_freezes_after_a_mark_attests_nothing_when_it_wakes_up() -> None:
    """The attestation is what counts, and its successor has seen more."""
    shell = Shell()
    await a_record(shell)
    left = iter([10.0, 0.0])
    keeper = RecordKeeper(shell.api, OPERATOR, lease_left=lambda: next(left))
    assert await keeper.keep(a_mark(shell))
    (attestation,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, OPERATOR)
    assert not await keeper.keep(replace(a_mark(shell), health="Bad"))
    assert shell.world.store.find(kube.CONTROLLER_REVISIONS, OPERATOR) == [attestation]


async def test_a_delivery_only_goes_out_and_its_result_is_known_for_as_long_as_it_is_asked_for() -> None:
    shell, remediation = Shell(), a_remediation(namespace=SHOP, name="r")
    correlation = effects.Correlation(holder=remediation.holder, id="x/escalated", sink="webhook")
    request = Request(url="https://hooks.example.com", body={})
    assert not await shell.runner.run(effects.Deliver(request=request, correlation=correlation))
    assert shell.runner.in_flight(remediation) == {("x/escalated", "webhook")}
    assert shell.people.tries == 0
    await shell.let_out()
    assert shell.runner.in_flight(remediation) == frozenset()
    for _ in range(2):
        (result,) = shell.runner.results(remediation)
        assert (result.id, result.sink, result.number, result.delivered) == ("x/escalated", "webhook", 1, True)
    assert shell.runner.results(replace(remediation, name="another")) == ()


def deletions(shell: Shell) -> list[tuple[str, str, int]]:
    calls = [call for call in shell.world.server.audit if (call.verb, call.resource) == ("delete", "pods")]
    return [(call.name, call.agent, call.code) for call in calls]


def deletion(meta: dict[str, Any]) -> effects.DeletePod:
    """Of this pod as it is now."""
    version = meta["resourceVersion"]
    return effects.DeletePod(attempt=ID, namespace=SHOP, name=meta["name"], uid=meta["uid"], resource_version=version)


async def test_a_pod_is_deleted_under_the_attempts_id_and_only_if_it_is_the_one_that_was_meant() -> None:
    """Whoever has its name later is another pod."""
    shell = Shell()
    meta = shell.world.pods("api")[0]["metadata"]
    this = deletion(meta)
    assert await shell.runner.run(replace(this, uid="another"))
    assert await shell.runner.run(replace(this, resource_version="1"))  # it has changed since: it may be well
    assert len(shell.world.pods("api")) == 2
    assert await shell.runner.run(this)
    assert [pod["metadata"]["uid"] for pod in shell.world.pods("api")].count(meta["uid"]) == 0
    assert deletions(shell) == [(meta["name"], ID, 409), (meta["name"], ID, 409), (meta["name"], ID, 200)]


async def test_no_pod_is_deleted_without_lease_time() -> None:
    shell = Shell()
    meta = shell.world.pods("api")[0]["metadata"]
    shell.lease_left = 0.0
    assert not await shell.runner.run(deletion(meta))
    assert deletions(shell) == []


REMOVALS = {
    "it is here to stay": ({}, True, True),
    "it is paused": ({"suspended": {"reason": "freeze"}}, True, True),
    "it is about to be removed": ({"suspended": {"leaving": "Drop"}}, False, False),
    "its budget is gone, so it may be removed already": (None, False, True),
}


@pytest.mark.parametrize(("spec", "remembers", "tells"), REMOVALS.values(), ids=REMOVALS)
async def test_nothing_is_left_behind_by_an_operator_that_is_about_to_be_removed(
    spec: dict[str, Any] | None, *, remembers: bool, tells: bool
) -> None:
    """A record that is written after the last sweep would stay for ever; people must be told as long as it is known."""
    shell = Shell()
    if spec is None:
        shell.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    else:
        shell.world.store.patch(kube.BUDGETS, OPERATOR, "platelet", {"spec": spec})
    meta = shell.world.deployment("api")["metadata"]
    mark = effects.Annotate(
        target=API,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        key="platelet.dev/escalated",
        value="{}",
        agent="rem-1/escalated",
    )
    template = shell.world.deployment("api")["spec"]["template"]
    assert await shell.runner.run(remember(shell, template, "abc")) is remembers
    assert len(shell.world.store.find(kube.CONTROLLER_REVISIONS)) == remembers
    assert await shell.runner.run(mark) is tells
    assert ("platelet.dev/escalated" in shell.world.deployment("api")["metadata"].get("annotations", {})) is tells


ANSWERS = {
    "a restart": (restarted(STAMP), {RESTART_STAMP: STAMP}),
    "a scale": (scaled(5), {REPLICAS: "5"}),
    "a scale to nothing": (scaled(0), {REPLICAS: "0"}),  # which a Scale does not say
}


@pytest.mark.parametrize(("planned", "values"), ANSWERS.values(), ids=ANSWERS)
async def test_the_answer_of_a_write_is_what_was_stored(planned: Changes, values: dict[str, str]) -> None:
    shell = Shell()
    await shell.runner.run(a_write(shell, planned))
    stored = shell.runner.stored(ID)
    assert stored is not None
    assert stored.values == values
    assert shell.runner.failure(ID) is None


async def test_what_an_admission_made_of_a_write_is_in_its_answer() -> None:
    shell = Shell()
    shell.world.store.admissions.append(admission.caps_replicas(3))
    await shell.runner.run(a_write(shell, scaled(5)))
    stored = shell.runner.stored(ID)
    assert stored is not None
    assert stored.values == {REPLICAS: "3"}


async def test_a_refusal_is_no_stored_write() -> None:
    shell = Shell()
    shell.world.store.admissions.append(admission.refuses(kube.DEPLOYMENTS, "scale"))
    await shell.runner.run(a_write(shell, scaled(5)))
    failure = shell.runner.failure(ID)
    assert failure is not None
    assert failure.code == 403
    assert shell.runner.stored(ID) is None


async def test_a_write_in_conflict_is_sent_twice_at_once_and_then_waits() -> None:
    """It is a definite no: nothing was sent under this id."""
    shell = Shell()
    shell.runner.intended(ID)
    stale = a_write(shell, scaled(5), resource_version="1")
    assert [await shell.runner.run(stale) for _ in range(4)] == [True, True, False, False]
    assert ID in shell.runner.never_sent


async def test_a_mark_that_an_admission_takes_off_came_to_nothing_and_is_known_as_answered() -> None:
    shell = Shell()
    shell.world.store.admissions.append(admission.strips_annotations("platelet.dev/"))
    meta = shell.world.deployment("api")["metadata"]
    mark = effects.Annotate(
        target=API,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        key="platelet.dev/escalated",
        value="{}",
        agent="rem-1/escalated",
        correlation=effects.Correlation(holder=a_remediation().holder, id="rem-1/escalated", sink="annotation"),
    )
    assert not await shell.runner.run(mark)
    (result,) = shell.runner.results(a_remediation())
    assert (result.id, result.sink, result.delivered) == ("rem-1/escalated", "annotation", True)


async def test_a_mark_that_is_refused_says_why() -> None:
    """A conflict is no refusal: it is looked at again."""
    shell = Shell()
    meta = shell.world.deployment("api")["metadata"]
    mark = effects.Annotate(
        target=API,
        uid=meta["uid"],
        resource_version="1",
        key="platelet.dev/escalated",
        value="{}",
        agent="rem-1/escalated",
        correlation=effects.Correlation(holder=a_remediation().holder, id="rem-1/escalated", sink="annotation"),
    )
    assert await shell.runner.run(mark)
    assert shell.runner.results(a_remediation()) == ()
    shell.world.store.admissions.append(admission.refuses(kube.DEPLOYMENTS))
    assert not await shell.runner.run(replace(mark, resource_version=meta["resourceVersion"]))
    (result,) = shell.runner.results(a_remediation())
    assert not result.delivered
    assert result.message


async def test_a_health_that_is_not_kept_came_to_nothing() -> None:
    """Whoever looks again at once would write it again at once."""
    shell = Shell()
    template = shell.world.deployment("api")["spec"]["template"]
    await shell.runner.run(remember(shell, template, "abc"))
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)

    def keep(review: admission.Review) -> None:
        if review.old is not None and review.resource is kube.CONTROLLER_REVISIONS:
            review.new["metadata"] = dict(review.old["metadata"])

    shell.world.store.admissions.append(keep)
    meta = record["metadata"]
    mark = effects.MarkRevision(
        namespace=SHOP,
        record=meta["name"],
        resource_version=meta["resourceVersion"],
        health="Bad",
        at=shell.clock.now(),
    )
    assert not await shell.runner.run(mark)


def test_what_was_never_sent_is_not_known_after_a_lost_leadership() -> None:
    """Whoever led meanwhile may have sent it."""
    shell = Shell()
    shell.runner.intended(ID)
    assert ID in shell.runner.never_sent
    shell.runner.forget()
    assert shell.runner.never_sent == frozenset()
