"""Each effect is one call with its preconditions; what the answer means for whoever decides next."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api import records
from platelet.model import effects
from platelet.model.autoscaler import Bounds
from platelet.model.intent import PostState
from platelet.shell import kube
from tests.scenarios import admission
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.shell.in_memory import API, Shell

ID = "rem-1/0/1"
STAMP = "2026-11-21T08:00:00Z"


def a_write(shell: Shell, post: PostState, **changes: Any) -> effects.Write:
    meta = shell.world.deployment("api")["metadata"]
    known = {"attempt": ID, "target": API, "uid": meta["uid"], "resource_version": meta["resourceVersion"]}
    return effects.Write(**{**known, "post": post, **changes})


def the_last_write(shell: Shell) -> Any:
    return [each for each in shell.world.server.audit if each.resource == "deployments" and each.verb == "patch"][-1]


def remember(shell: Shell, template: Any, template_hash: str) -> effects.RememberRevision:
    return effects.RememberRevision(
        target=API, template_hash=template_hash, template=template, first_seen=shell.clock.now()
    )


WRITES = {
    "a restart": (PostState(restart_stamp=STAMP), ""),
    "a scale": (PostState(replicas=5), "scale"),
}


@pytest.mark.parametrize(("post", "subresource"), WRITES.values(), ids=WRITES)
async def test_a_write_carries_its_id_and_its_preconditions(post: PostState, subresource: str) -> None:
    shell = Shell()
    shell.hands.intended(ID)
    write = a_write(shell, post)
    assert await shell.hands.run(write)
    call = the_last_write(shell)
    assert (call.agent, call.subresource, call.code) == (ID, subresource, 200)
    assert call.body["metadata"] == {"uid": write.uid, "resourceVersion": write.resource_version}
    assert ID not in shell.hands.never_sent


async def test_a_scale_touches_replicas_only() -> None:
    shell = Shell()
    before = shell.world.deployment("api")["spec"]
    await shell.hands.run(a_write(shell, PostState(replicas=5)))
    assert shell.world.deployment("api")["spec"] == {**before, "replicas": 5}


async def test_raised_bounds_touch_the_autoscaler_and_nothing_else_of_it() -> None:
    """With its own uid and version; the workload is not written."""
    shell = Shell()
    shell.world.autoscale("api", 1, 2)
    stored = shell.world.store.get(kube.AUTOSCALERS, SHOP, "api")
    meta = stored["metadata"]
    raised = Bounds(kind="HorizontalPodAutoscaler", name="api", uid=meta["uid"], min=5, max=5)
    changes = {"uid": meta["uid"], "resource_version": meta["resourceVersion"]}
    assert await shell.hands.run(a_write(shell, PostState(autoscaler=raised), **changes))
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
    assert await shell.hands.run(effect)
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    stored = records.read_record(record)
    shell.world.release("api", "app:crash")
    shell.world.annotate("api", {"people": "were here"})
    assert await shell.hands.run(a_write(shell, PostState(template_hash=stored.template_hash, record=stored.name)))
    after = shell.world.deployment("api")
    assert after["spec"]["template"] == good
    assert after["metadata"]["annotations"]["people"] == "were here"


CANNOT_BE_RESTORED = {
    "the record is gone": PostState(template_hash="x", record="gone"),
    "the record holds another template": PostState(template_hash="x", record=""),
}


@pytest.mark.parametrize("post", CANNOT_BE_RESTORED.values(), ids=CANNOT_BE_RESTORED)
async def test_an_undo_that_cannot_be_made_is_a_refusal_not_a_loop(post: PostState) -> None:
    shell = Shell()
    await shell.hands.run(remember(shell, shell.world.deployment("api")["spec"]["template"], "h"))
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    wanted = PostState(template_hash="x", record=post.record or record["metadata"]["name"])
    before = shell.world.deployment("api")
    await shell.hands.run(a_write(shell, wanted))
    assert shell.hands.failure(ID) is not None
    assert shell.world.deployment("api") == before


STALE = {
    "the workload has changed": {"resource_version": "1"},
    "the workload was re-created": {"uid": "uid-another"},
}


@pytest.mark.parametrize("changes", STALE.values(), ids=STALE)
async def test_a_stale_write_does_nothing_and_is_as_good_as_never_sent(changes: dict[str, str]) -> None:
    """A conflict is a definite no: look again."""
    shell = Shell()
    shell.hands.intended(ID)
    before = shell.world.deployment("api")
    assert await shell.hands.run(a_write(shell, PostState(replicas=5), **changes))
    assert shell.world.deployment("api") == before
    assert ID in shell.hands.never_sent
    assert shell.hands.failure(ID) is None


@pytest.mark.parametrize("path", ["/metadata/uid", "/metadata/resourceVersion"])
@pytest.mark.parametrize("changes", STALE.values(), ids=STALE)
async def test_a_stale_undo_does_nothing(changes: dict[str, str], path: str) -> None:
    """Its preconditions are tests of the same JSON Patch as the change."""
    shell = Shell()
    shell.hands.intended(ID)
    await shell.hands.run(remember(shell, shell.world.deployment("api")["spec"]["template"], ""))
    stored = records.read_record(shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)[0])
    shell.world.release("api", "app:crash")
    post = PostState(template_hash=stored.template_hash, record=stored.name)
    await shell.hands.run(a_write(shell, post, **changes))
    assert shell.world.image("api") == "app:crash"
    assert ID in shell.hands.never_sent
    assert path in {each["path"] for each in the_last_write(shell).body if each["op"] == "test"}


async def test_a_conflict_after_a_lost_answer_proves_nothing() -> None:
    """The conflict may be with our own first write."""
    shell = Shell()
    shell.hands.intended(ID)
    write = a_write(shell, PostState(replicas=5))
    shell.world.server.faults.at[shell.world.server.index] = "answer lost"
    await shell.hands.run(write)
    await shell.hands.run(write)
    assert ID not in shell.hands.never_sent
    assert shell.world.replicas("api") == 5


async def test_a_refusal_is_remembered_for_its_attempt() -> None:
    shell = Shell()
    shell.world.server.faults.at[shell.world.server.index] = "refused"
    await shell.hands.run(a_write(shell, PostState(replicas=5)))
    failure = shell.hands.failure(ID)
    assert failure is not None
    assert (failure.attempt, failure.code) == (ID, 403)
    assert shell.hands.failure("rem-2/0/1") is None


async def test_a_lost_answer_is_neither_a_refusal_nor_never_sent() -> None:
    shell = Shell()
    shell.hands.intended(ID)
    shell.world.server.faults.at[shell.world.server.index] = "answer lost"
    assert not await shell.hands.run(a_write(shell, PostState(replicas=5)))
    assert (shell.hands.failure(ID), shell.hands.never_sent) == (None, frozenset())


async def test_without_lease_time_nothing_is_sent() -> None:
    """Asked right before the call: a paused leader comes back to nothing."""
    shell = Shell()
    shell.hands.intended(ID)
    shell.lease_left = 0.0
    calls = shell.world.server.index
    assert not await shell.hands.run(a_write(shell, PostState(replicas=5)))
    assert shell.world.server.index == calls
    assert ID in shell.hands.never_sent


async def test_an_intent_of_another_process_counts_as_sent() -> None:
    assert Shell().hands.never_sent == frozenset()


async def test_a_mark_on_a_record_that_has_changed_is_lost() -> None:
    shell = Shell()
    await shell.hands.run(remember(shell, shell.world.deployment("api")["spec"]["template"], "h"))
    (record,) = shell.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    name, now = record["metadata"]["name"], shell.clock.now()
    stale = effects.MarkRevision(namespace=SHOP, record=name, resource_version="1", health="Healthy", at=now)
    await shell.hands.run(stale)
    assert shell.world.store.get(kube.CONTROLLER_REVISIONS, SHOP, name) == record


async def test_a_delivery_is_told_once() -> None:
    shell = Shell()
    await shell.hands.run(effects.Deliver(id="x", policy=(SHOP, "heal"), remediation=(SHOP, "r"), event={}))
    result = shell.hands.take_delivery((SHOP, "r"))
    assert result is not None
    assert result.delivered
    assert shell.hands.take_delivery((SHOP, "r")) is None


def deletions(shell: Shell) -> list[tuple[str, str, int]]:
    calls = [each for each in shell.world.server.audit if (each.verb, each.resource) == ("delete", "pods")]
    return [(each.name, each.agent, each.code) for each in calls]


def deletion(meta: dict[str, Any]) -> effects.DeletePod:
    """Of this pod as it is now."""
    version = meta["resourceVersion"]
    return effects.DeletePod(attempt=ID, namespace=SHOP, name=meta["name"], uid=meta["uid"], resource_version=version)


async def test_a_pod_is_deleted_under_the_attempts_id_and_only_if_it_is_the_one_that_was_meant() -> None:
    """Whoever has its name later is another pod."""
    shell = Shell()
    meta = shell.world.pods("api")[0]["metadata"]
    this = deletion(meta)
    assert await shell.hands.run(replace(this, uid="another"))
    assert await shell.hands.run(replace(this, resource_version="1"))  # it has changed since: it may be well
    assert len(shell.world.pods("api")) == 2
    assert await shell.hands.run(this)
    assert [each["metadata"]["uid"] for each in shell.world.pods("api")].count(meta["uid"]) == 0
    assert deletions(shell) == [(meta["name"], ID, 409), (meta["name"], ID, 409), (meta["name"], ID, 200)]


async def test_no_pod_is_deleted_without_lease_time() -> None:
    shell = Shell()
    meta = shell.world.pods("api")[0]["metadata"]
    shell.lease_left = 0.0
    assert not await shell.hands.run(deletion(meta))
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
    assert await shell.hands.run(remember(shell, template, "abc")) is remembers
    assert len(shell.world.store.find(kube.CONTROLLER_REVISIONS)) == remembers
    assert await shell.hands.run(mark) is tells
    assert ("platelet.dev/escalated" in shell.world.deployment("api")["metadata"].get("annotations", {})) is tells


ANSWERS = {
    "a restart": (PostState(restart_stamp=STAMP), {"restart_stamp": STAMP}),
    "a scale": (PostState(replicas=5), {"replicas": 5}),
    "a scale to nothing": (PostState(replicas=0), {"replicas": 0}),  # which a Scale does not say
}


@pytest.mark.parametrize(("post", "fields"), ANSWERS.values(), ids=ANSWERS)
async def test_the_answer_of_a_write_is_what_was_stored(post: PostState, fields: dict[str, Any]) -> None:
    shell = Shell()
    await shell.hands.run(a_write(shell, post))
    stored = shell.hands.stored(ID)
    assert stored is not None
    assert {name: getattr(stored.state, name) for name in fields} == fields
    assert shell.hands.failure(ID) is None


async def test_what_an_admission_made_of_a_write_is_in_its_answer() -> None:
    shell = Shell()
    shell.world.store.admissions.append(admission.caps_replicas(3))
    await shell.hands.run(a_write(shell, PostState(replicas=5)))
    stored = shell.hands.stored(ID)
    assert stored is not None
    assert stored.state == PostState(replicas=3)


async def test_a_refusal_is_no_stored_write() -> None:
    shell = Shell()
    shell.world.store.admissions.append(admission.refuses(kube.DEPLOYMENTS, "scale"))
    await shell.hands.run(a_write(shell, PostState(replicas=5)))
    failure = shell.hands.failure(ID)
    assert failure is not None
    assert failure.code == 403
    assert shell.hands.stored(ID) is None


async def test_a_write_in_conflict_is_sent_twice_at_once_and_then_waits() -> None:
    """It is a definite no: nothing was sent under this id."""
    shell = Shell()
    shell.hands.intended(ID)
    stale = a_write(shell, PostState(replicas=5), resource_version="1")
    assert [await shell.hands.run(stale) for _ in range(4)] == [True, True, False, False]
    assert ID in shell.hands.never_sent


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
    )
    assert not await shell.hands.run(mark)
    assert shell.hands.answered_marks("rem-1") == {"{}"}
    assert shell.hands.answered_marks("rem-2") == frozenset()


async def test_a_health_that_is_not_kept_came_to_nothing() -> None:
    """Whoever looks again at once would write it again at once."""
    shell = Shell()
    template = shell.world.deployment("api")["spec"]["template"]
    await shell.hands.run(remember(shell, template, "abc"))
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
    assert not await shell.hands.run(mark)


def test_what_was_never_sent_is_not_known_after_a_lost_leadership() -> None:
    """Whoever led meanwhile may have sent it."""
    shell = Shell()
    shell.hands.intended(ID)
    assert ID in shell.hands.never_sent
    shell.hands.forget()
    assert shell.hands.never_sent == frozenset()
