"""Each kind of change: what it sends, what the answer says, and how others are seen to have reverted it."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.model import reasons
from platelet.model.autoscaler import AutoscalerKind
from platelet.model.change import Answer, Live, Patch
from platelet.model.intent import REPLICAS, PinnedChange
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from tests.unit.pins import bounds_set, restarted, restored, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    a_record,
    a_situation,
    a_workload,
    an_autoscaler,
    bounds,
)

LIVE = Live(uid="uid-api", resource_version="100", version="2", values={})
IDENTITY = {"uid": "uid-api", "resourceVersion": "100"}
(UNDO,), (RESTART,), (SCALE,) = restored(GOOD, "api-good"), restarted("2026-11-21T12:00:00Z"), scaled(5)
(RAISE,) = bounds_set(bounds(5, 8), bounds(2, 8))
TEMPLATE_HELD = a_situation(records=(a_record(template={"spec": {"containers": []}}),))


def sent(change: PinnedChange, situation: Situation | None = None) -> Patch:
    """What goes to the API server."""
    patch = changes.of(change).patch(change, LIVE, situation or TEMPLATE_HELD)
    assert isinstance(patch, Patch)
    return patch


STAMPED = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T12:00:00Z"}}}
SENT: dict[str, tuple[PinnedChange, str, str, Any]] = {
    "a restart": (RESTART, "deployments", "", {"metadata": IDENTITY, "spec": {"template": STAMPED}}),
    "a number": (SCALE, "deployments", "scale", {"metadata": IDENTITY, "spec": {"replicas": 5}}),
    "bounds": (
        RAISE,
        "horizontalpodautoscalers",
        "",
        {"metadata": IDENTITY, "spec": {"minReplicas": 5, "maxReplicas": 8}},
    ),
    "a template": (
        UNDO,
        "deployments",
        "",
        [
            {"op": "test", "path": "/metadata/uid", "value": "uid-api"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "100"},
            {"op": "replace", "path": "/spec/template", "value": {"spec": {"containers": []}}},
        ],
    ),
}


@pytest.mark.parametrize(("change", "plural", "subresource", "body"), SENT.values(), ids=SENT)
def test_only_what_is_meant_is_sent_under_its_preconditions(
    change: PinnedChange, plural: str, subresource: str, body: Any
) -> None:
    patch = sent(change)
    assert (patch.resource.plural, patch.subresource, patch.body) == (plural, subresource, body)


KINDS: dict[AutoscalerKind, dict[str, int | None]] = {
    "HorizontalPodAutoscaler": {"minReplicas": 3, "maxReplicas": None},
    "ScaledObject": {"minReplicaCount": 3, "maxReplicaCount": None},
}


@pytest.mark.parametrize(("kind", "spec"), KINDS.items())
def test_bounds_that_were_absent_are_written_as_absent(kind: AutoscalerKind, spec: dict[str, int | None]) -> None:
    wanted = replace(bounds(3, 9), kind=kind, max=None)
    (change,) = bounds_set(wanted, wanted)
    body = sent(change).body
    assert isinstance(body, dict)
    assert body["spec"] == spec


CANNOT_BE_RESTORED = {
    "the record is gone": a_situation(records=()),
    "the record holds another template": a_situation(records=(a_record(BAD, name="api-good"),)),
}


@pytest.mark.parametrize("situation", CANNOT_BE_RESTORED.values(), ids=CANNOT_BE_RESTORED)
def test_an_undo_that_cannot_be_made_is_a_refusal(situation: Situation) -> None:
    answer = changes.of(UNDO).patch(UNDO, LIVE, situation)
    assert isinstance(answer, Refusal)
    assert "cannot be restored" in answer.message


BLOCKED = {
    "a template of a paused workload": (UNDO, a_situation(workload=a_workload(paused=True)), True),
    "a restart of a paused workload": (RESTART, a_situation(workload=a_workload(paused=True)), True),
    "a number of a paused workload": (SCALE, a_situation(workload=a_workload(paused=True)), False),
    "a number of an autoscaled workload": (SCALE, a_situation(autoscalers=(an_autoscaler(bounds(2, 8)),)), True),
    "bounds of an autoscaler": (RAISE, a_situation(autoscalers=(an_autoscaler(bounds(2, 8)),)), False),
    "bounds of one that goes": (RAISE, a_situation(autoscalers=(an_autoscaler(bounds(2, 8), deleting=True),)), True),
}


@pytest.mark.parametrize(("change", "situation", "blocked"), BLOCKED.values(), ids=BLOCKED)
def test_what_must_not_be_written_now_says_so(change: PinnedChange, situation: Situation, *, blocked: bool) -> None:
    live = changes.as_it_is(change, situation)
    assert live is not None
    assert bool(live.blocked) is blocked


def test_a_scale_to_nothing_is_absent_in_its_answer() -> None:
    assert changes.of(SCALE).stored(SCALE, Answer(body={"spec": {}})) == {REPLICAS: "0"}


def test_an_answer_that_is_not_its_object_is_none() -> None:
    for change in (UNDO, RESTART, RAISE):
        with pytest.raises(KeyError):
            changes.of(change).stored(change, Answer(body={}))


SAID = {
    "a template": (UNDO, "template good of record api-good", "template bad"),
    "a restart": (RESTART, "restarted at 2026-11-21T12:00:00Z", "not restarted"),
    "a number": (SCALE, "5 replicas", "2 replicas"),
    "bounds": (
        RAISE,
        "5-8 replicas of HorizontalPodAutoscaler api-hpa",
        "2-8 replicas of HorizontalPodAutoscaler api-hpa",
    ),
}


@pytest.mark.parametrize(("change", "meant", "before"), SAID.values(), ids=SAID)
def test_people_are_told_by_names_and_numbers(change: PinnedChange, meant: str, before: str) -> None:
    assert (changes.say_all([change]), changes.say_all([change], before=True)) == (meant, before)


def test_a_number_goes_back_only_if_it_is_still_ours() -> None:
    ours = a_situation(workload=a_workload(replicas=5))
    back = changes.of(SCALE).revert(SCALE, ours)
    assert isinstance(back, PinnedChange)
    assert (back.meant, back.before) == (SCALE.before, SCALE.meant)
    for others in (a_workload(replicas=7), a_workload(replicas=5, uid="uid-new"), None):
        answer = changes.of(SCALE).revert(SCALE, a_situation(workload=others))
        assert isinstance(answer, Refusal)
        assert answer.reason == reasons.NOT_OURS_ANYMORE


def test_only_an_undo_abandons_a_template_and_only_the_one_that_it_left() -> None:
    assert [change.abandons for change in (UNDO, RESTART, SCALE, RAISE)] == [BAD, "", "", ""]
