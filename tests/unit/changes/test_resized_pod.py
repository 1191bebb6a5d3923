"""A pod that is resized: what is sent, to this very pod only, and what proves it."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.changes import resized_pod
from platelet.model import reasons
from platelet.model.change import Answer, Patch
from platelet.model.intent import PinnedChange
from platelet.model.resource import PODS
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from tests.unit.situations import NOW, a_situation, minutes

OLD = {"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}}
NEW = {"limits": {"memory": "768Mi"}, "requests": {"memory": "384Mi"}}
WANTED = {"app.resources.limits.memory": "768Mi", "app.resources.requests.memory": "384Mi"}
BEFORE = {"app.resources.limits.memory": "512Mi", "app.resources.requests.memory": "256Mi"}


def a_pod(resources: dict[str, Any], has: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """A pod that asks for so much, and that has as much as its node says."""
    status = {"name": "app", "resources": has or OLD, "allocatedResources": (has or OLD)["requests"]}
    metadata = {"name": "api-1", "uid": "uid-1", "resourceVersion": "41", "generation": 3, **meta}
    containers = [{"name": "proxy"}, {"name": "app", "resources": resources}]
    return {
        "metadata": metadata,
        "spec": {"containers": containers},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def among(pod: dict[str, Any] | None) -> Situation:
    return a_situation(objects={PODS.named("api-1"): pod} if pod is not None else {})


PINNED = replace(resized_pod.to(a_pod(OLD), WANTED), version="3", before=BEFORE)


def patch_of(situation: Situation, pinned: PinnedChange = PINNED) -> Patch | Refusal:
    live = resized_pod.CHANGE.live(pinned, situation)
    assert live is not None
    patch = resized_pod.CHANGE.patch(pinned, live, situation)
    assert isinstance(patch, Patch | Refusal)
    return patch


def test_it_is_a_patch_of_this_very_pod_as_it_was_read_and_of_nothing_else() -> None:
    patch = patch_of(among(a_pod(OLD)))
    assert isinstance(patch, Patch)
    assert (patch.resource, patch.name, patch.subresource, patch.creates) == (PODS, "api-1", "resize", False)
    assert patch.body == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "41"},
        {"op": "test", "path": "/spec/containers/1/name", "value": "app"},
        {"op": "replace", "path": "/spec/containers/1/resources/limits/memory", "value": "768Mi"},
        {"op": "test", "path": "/spec/containers/1/name", "value": "app"},
        {"op": "replace", "path": "/spec/containers/1/resources/requests/memory", "value": "384Mi"},
    ]


def test_a_container_that_is_not_there_is_not_resized() -> None:
    pod = a_pod(OLD)
    pod["spec"]["containers"].pop()
    assert isinstance(patch_of(among(pod)), Refusal)


GONE = {"it is gone": None, "another one has its name": a_pod(OLD, uid="uid-of-the-next")}


@pytest.mark.parametrize("pod", GONE.values(), ids=GONE)
def test_where_the_pod_is_gone_nothing_is_written_made_changed_back_or_reverted(pod: dict[str, Any] | None) -> None:
    situation = among(pod)
    assert resized_pod.CHANGE.live(PINNED, situation) is None
    assert not changes.is_made(PINNED, situation)
    assert not resized_pod.CHANGE.has_arrived(PINNED, situation)
    assert resized_pod.CHANGE.how_changed_back(PINNED, situation) == ""
    refused = resized_pod.CHANGE.revert(PINNED, situation)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.NOT_OURS_ANYMORE


def test_one_that_goes_is_not_written() -> None:
    live = resized_pod.CHANGE.live(PINNED, among(a_pod(OLD, deletionTimestamp="2026-01-01T00:00:00Z")))
    assert live is not None
    assert "is going" in live.blocked


def test_its_version_is_that_of_its_spec_or_of_anything_where_that_is_not_told() -> None:
    """A pod's resourceVersion moves with each word of its kubelet."""
    untold: dict[str, Any] = {"generation": 0}
    live = [resized_pod.CHANGE.live(PINNED, among(pod)) for pod in (a_pod(OLD), a_pod(OLD, **untold))]
    assert [known.version for known in live if known is not None] == ["3", "41"]


def test_what_the_pod_asks_for_is_made_and_what_it_has_proves_it() -> None:
    asked, given = among(a_pod(NEW)), among(a_pod(NEW, NEW))
    assert changes.is_made(PINNED, asked)
    assert not resized_pod.CHANGE.has_arrived(PINNED, asked)
    assert resized_pod.CHANGE.has_arrived(PINNED, given)


def test_the_answer_is_what_the_pod_asks_for_from_then_on() -> None:
    assert resized_pod.CHANGE.stored(PINNED, Answer(body=a_pod(NEW))) == WANTED
    with pytest.raises(KeyError):
        resized_pod.CHANGE.stored(PINNED, Answer(body={"status": "Failure"}))


def test_it_is_reverted_exactly_while_it_is_ours() -> None:
    back = resized_pod.CHANGE.revert(PINNED, among(a_pod(NEW)))
    assert isinstance(back, PinnedChange)
    assert (back.uid, back.meant, back.before) == ("uid-1", BEFORE, WANTED)
    others = {**NEW, "limits": {"memory": "1Gi"}}
    assert isinstance(resized_pod.CHANGE.revert(PINNED, among(a_pod(others))), Refusal)
    assert "others changed it" in resized_pod.CHANGE.how_changed_back(PINNED, among(a_pod(OLD)))


def pending(reason: str) -> dict[str, Any]:
    pod = a_pod(NEW)
    words = {"type": "PodResizePending", "status": "True", "reason": reason, "message": "no room"}
    return {**pod, "status": {**pod["status"], "conditions": [words]}}


VERDICTS: dict[str, tuple[dict[str, Any] | None, float, str, str, bool]] = {
    "it has it": (a_pod(NEW, NEW), 0, "Recovered", reasons.RECOVERED, False),
    "not yet": (a_pod(NEW), 1.9, "Pending", reasons.RESIZE_PENDING, False),
    "not in time": (a_pod(NEW), 2, "Failed", reasons.RESIZE_PENDING, True),
    "put off": (pending("Deferred"), 1, "Pending", reasons.RESIZE_PENDING, False),
    "put off for too long": (pending("Deferred"), 3, "Failed", reasons.RESIZE_PENDING, True),
    "never, and at once": (pending("Infeasible"), 0, "Failed", reasons.RESIZE_INFEASIBLE, True),
    "replaced": (None, 0, "Failed", reasons.RESIZE_LOST, True),
}


@pytest.mark.parametrize(("pod", "after", "outcome", "reason", "reverted"), VERDICTS.values(), ids=VERDICTS)
def test_what_comes_of_it(
    pod: dict[str, Any] | None, after: float, outcome: str, reason: str, *, reverted: bool
) -> None:
    verdict = resized_pod.CHANGE.completion(PINNED, among(pod), NOW, NOW + minutes(after))
    assert (verdict.outcome, verdict.reason, verdict.may_still_happen) == (outcome, reason, reverted)
    assert (verdict.retry_at is None) == (outcome != "Pending")
    assert "api-1" in verdict.message


UNREADABLE = {
    "no pod": replace(PINNED, object=None),
    "no uid": replace(PINNED, uid=""),
    "other fields before": replace(PINNED, before={}),
    "no resources": replace(PINNED, meant={"app.image": "x"}, before={"app.image": "y"}),
}


@pytest.mark.parametrize("pinned", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_such_change_is_not_taken_for_one(pinned: PinnedChange) -> None:
    resized_pod.CHANGE.check(PINNED)
    with pytest.raises(ValueError, match=r"pod|pinned"):
        resized_pod.CHANGE.check(pinned)


def test_people_are_told_which_pod() -> None:
    words = resized_pod.CHANGE.say(PINNED, PINNED.meant)
    assert words == "pod api-1: app.resources.limits.memory 768Mi, app.resources.requests.memory 384Mi"
