"""A pod that is evicted: what is sent, that only this very pod goes, and how its outcome is seen."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.changes import evicted_pod
from platelet.model.change import Answer, Patch
from platelet.model.intent import PinnedChange
from platelet.model.resource import PODS
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Owner, Pod
from tests.unit.situations import a_pod, a_sick_pod, a_situation

OWNER = Owner(api_version="apps/v1", kind="ReplicaSet", name="api-2", uid="uid-rs-2")
SICK = a_sick_pod(owner=OWNER)
PINNED = evicted_pod.of(SICK)


def among(*pods: Pod) -> Situation:
    return a_situation(pods=pods)


def patch_of(situation: Situation, pinned: PinnedChange = PINNED) -> Patch | Refusal:
    return evicted_pod.CHANGE.patch(pinned, evicted_pod.CHANGE.live(pinned, situation), situation)


def test_it_is_an_eviction_of_this_very_pod_as_it_was_read() -> None:
    patch = patch_of(among(SICK))
    assert isinstance(patch, Patch)
    assert (patch.resource, patch.name, patch.subresource, patch.creates) == (PODS, "api-2-a", "eviction", True)
    assert isinstance(patch.body, dict)
    assert (patch.body["apiVersion"], patch.body["kind"]) == ("policy/v1", "Eviction")
    assert patch.body["metadata"] == {"name": "api-2-a", "namespace": "shop"}
    assert patch.body["deleteOptions"]["preconditions"] == {"uid": SICK.uid, "resourceVersion": "41"}


def test_without_a_uid_nothing_is_sent() -> None:
    """It would mean whatever has that name."""
    assert isinstance(patch_of(among(SICK), replace(PINNED, uid="")), Refusal)


GONE = {
    "no pod has its uid": among(a_pod("api-2-b")),
    "another one has its name": among(replace(SICK, uid="uid-of-the-next")),
    "it is being deleted": among(replace(SICK, deleting=True)),
}


@pytest.mark.parametrize("situation", GONE.values(), ids=GONE)
def test_it_has_gone(situation: Situation) -> None:
    """Whoever has brought it about: this is how a lost answer is settled."""
    assert changes.is_made(PINNED, situation)


def test_it_has_not_gone_while_its_uid_is_there() -> None:
    assert not changes.is_made(PINNED, among(SICK))
    assert evicted_pod.CHANGE.shows_its_outcome


STAYS = {
    "it is ready again": (replace(SICK, ready=True), "ready again"),
    "it belongs to nobody": (replace(SICK, owner=None), "no controller"),
}


@pytest.mark.parametrize(("pod", "why"), STAYS.values(), ids=STAYS)
def test_it_stays(pod: Pod, why: str) -> None:
    assert why in evicted_pod.CHANGE.live(PINNED, among(pod)).blocked


def test_one_that_is_over_goes_whatever_its_last_word_on_readiness() -> None:
    assert evicted_pod.CHANGE.live(PINNED, among(replace(SICK, phase="Failed", ready=True))).blocked == ""


def test_it_has_arrived_once_the_pod_is_gone_for_good() -> None:
    assert not evicted_pod.CHANGE.has_arrived(PINNED, among(replace(SICK, deleting=True)))
    assert evicted_pod.CHANGE.has_arrived(PINNED, among(a_pod("api-2-b")))


ANSWERS: dict[str, Any] = {"a failure": {"status": "Failure"}, "an object": {"metadata": {}, "status": {"phase": "x"}}}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_success_says_nothing(body: Any) -> None:
    with pytest.raises(KeyError):
        evicted_pod.CHANGE.stored(PINNED, Answer(body=body))


def test_a_success_says_that_it_goes() -> None:
    stored = evicted_pod.CHANGE.stored(PINNED, Answer(body={"kind": "Status", "status": "Success"}))
    assert stored == PINNED.meant
    assert evicted_pod.CHANGE.say(PINNED, stored) == "pod api-2-a evicted"


def test_there_is_no_way_back() -> None:
    assert isinstance(evicted_pod.CHANGE.revert(PINNED, among(a_pod("api-2-b"))), Refusal)
    assert evicted_pod.CHANGE.how_changed_back(PINNED, among(SICK)) == ""


@pytest.mark.parametrize("broken", [{"uid": ""}, {"object": None}, {"meant": {}}], ids=str)
def test_what_names_no_pod_is_no_such_change(broken: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        evicted_pod.CHANGE.check(replace(PINNED, **broken))
