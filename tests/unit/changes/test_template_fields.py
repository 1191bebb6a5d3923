"""Fields of containers: what is sent, what the answer says, when they are still ours, and what an undo would drop."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.changes import adjustments, restored_template, template_fields
from platelet.model import templates
from platelet.model.change import Answer, Live, Patch
from platelet.model.intent import TEMPLATE, PinnedChange
from platelet.model.revision import RevisionRecord
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Workload
from tests.unit.situations import a_record, a_situation, a_workload

LIMIT, REQUEST = "app.resources.limits.memory", "app.resources.requests.memory"
LIVE = Live(uid="uid-api", resource_version="100", version="2", values={})


def a_template(limit: str = "512Mi", request: str = "256Mi", image: str = "app:1") -> dict[str, Any]:
    """Two containers, of which the second one is limited."""
    resources = {"limits": {"memory": limit, "cpu": "1"}, "requests": {"memory": request}}
    return {"spec": {"containers": [{"name": "proxy"}, {"name": "app", "image": image, "resources": resources}]}}


def of(template: dict[str, Any], **more: Any) -> Workload:
    return a_workload(template=template, template_hash=templates.hash_template(template), **more)


OLD, NEW = a_template(), a_template("768Mi", "384Mi")
OURS = replace(
    template_fields.to({LIMIT: "768Mi", REQUEST: "384Mi"}, of(OLD)),
    uid="uid-api",
    before={TEMPLATE: templates.hash_template(OLD), LIMIT: "512Mi", REQUEST: "256Mi"},
)


def seen(template: dict[str, Any], **more: Any) -> Situation:
    return a_situation(workload=of(template, **more))


def test_the_template_that_comes_of_it_is_known_before() -> None:
    """As the API server will store it: so it is told from a release of people, also if the answer is lost."""
    assert OURS.meant[TEMPLATE] == templates.hash_template(NEW)
    pinned = changes.pin([OURS], seen(OLD))
    assert pinned is not None
    assert pinned[0].before == OURS.before
    assert changes.is_made(OURS, seen(NEW))
    assert changes.is_as_before(OURS, seen(OLD))


def test_only_the_fields_are_sent_under_preconditions() -> None:
    patch = changes.of(OURS).patch(OURS, LIVE, seen(OLD))
    assert isinstance(patch, Patch)
    place = "/spec/template/spec/containers/1"
    named = {"op": "test", "path": f"{place}/name", "value": "app"}
    assert patch.body == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-api"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "100"},
        named,
        {"op": "replace", "path": f"{place}/resources/limits/memory", "value": "768Mi"},
        named,
        {"op": "replace", "path": f"{place}/resources/requests/memory", "value": "384Mi"},
    ]


THRESHOLD = "app.livenessProbe.failureThreshold"


def a_probed_template(threshold: int) -> dict[str, Any]:
    """A container with a liveness probe."""
    return {"spec": {"containers": [{"name": "app", "livenessProbe": {"failureThreshold": threshold}}]}}


def test_a_number_of_a_probe_is_sent_as_a_number() -> None:
    """So the template that comes of it is known before, too."""
    longer = template_fields.to({THRESHOLD: "6"}, of(a_probed_template(3)))
    assert longer.meant[TEMPLATE] == templates.hash_template(a_probed_template(6))
    patch = changes.of(longer).patch(longer, LIVE, seen(a_probed_template(3)))
    assert isinstance(patch, Patch)
    place = "/spec/template/spec/containers/0/livenessProbe/failureThreshold"
    assert patch.body[-1] == {"op": "replace", "path": place, "value": 6}  # type: ignore[index]


GONE: dict[str, dict[str, Any]] = {
    "the container": {"spec": {"containers": [{"name": "proxy"}]}},
    "the field": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"cpu": "1"}}}]}},
    "everything": {},
}


@pytest.mark.parametrize("template", GONE.values(), ids=GONE)
def test_what_is_gone_is_not_written(template: dict[str, Any]) -> None:
    refusal = changes.of(OURS).patch(OURS, LIVE, seen(template))
    assert isinstance(refusal, Refusal)
    assert LIMIT in refusal.message


def test_a_container_is_found_wherever_it_stands_also_as_a_sidecar() -> None:
    container = OLD["spec"]["containers"][1]
    moved = {"spec": {"initContainers": [container], "containers": [{"name": "proxy"}]}}
    patch = changes.of(OURS).patch(OURS, LIVE, seen(moved))
    assert isinstance(patch, Patch)
    assert [step["path"] for step in patch.body[2:4]] == [  # type: ignore[index]
        "/spec/template/spec/initContainers/0/name",
        "/spec/template/spec/initContainers/0/resources/limits/memory",
    ]


def test_the_answer_says_what_is_stored() -> None:
    change = changes.of(OURS)
    assert change.stored(OURS, Answer(body={}, workload=of(NEW))) == OURS.meant
    capped = change.stored(OURS, Answer(body={}, workload=of(a_template("600Mi", "384Mi"))))
    assert "600Mi" in change.differs(OURS, capped)
    elsewhere = change.stored(OURS, Answer(body={}, workload=of(a_template("768Mi", "384Mi", "app:other"))))
    assert change.differs(OURS, elsewhere).startswith("the template is ")
    with pytest.raises(KeyError):
        change.stored(OURS, Answer(body={}))


def test_people_are_told_names_and_amounts() -> None:
    assert changes.say(OURS) == f"{LIMIT} 768Mi, {REQUEST} 384Mi"


def test_the_reverse_is_exact() -> None:
    back = changes.of(OURS).revert(OURS, seen(NEW))
    assert isinstance(back, PinnedChange)
    assert dict(back.meant) == dict(OURS.before)


def test_it_is_reverted_also_in_what_people_have_released_since() -> None:
    """The fields are still ours; the template that comes of it is another."""
    released = a_template("768Mi", "384Mi", "app:2")
    back = changes.of(OURS).revert(OURS, seen(released))
    assert isinstance(back, PinnedChange)
    assert back.meant[TEMPLATE] == templates.hash_template(a_template(image="app:2"))
    assert back.before[TEMPLATE] == templates.hash_template(released)


KEPT: dict[str, Situation] = {
    "another limit": seen(a_template("1Gi", "384Mi")),
    "another request": seen(a_template("768Mi", "512Mi")),
    "no container": seen({}),
    "another workload of its name": seen(NEW, uid="uid-new"),
}


@pytest.mark.parametrize("situation", KEPT.values(), ids=KEPT)
def test_what_others_have_changed_is_not_reverted(situation: Situation) -> None:
    refusal = changes.of(OURS).revert(OURS, situation)
    assert isinstance(refusal, Refusal)
    assert "not our" in refusal.message


BACK: dict[str, tuple[dict[str, Any], str]] = {
    "as written": (NEW, ""),
    "as before": (OLD, f"{LIMIT} 512Mi, {REQUEST} 256Mi again"),
    "half of it as before": (a_template("512Mi", "384Mi"), f"{LIMIT} 512Mi again"),
    "more than ours": (a_template("1Gi", "384Mi"), ""),
    "another image": (a_template("768Mi", "384Mi", "app:2"), ""),
}


@pytest.mark.parametrize(("template", "words"), BACK.values(), ids=BACK)
def test_that_others_have_changed_it_back_is_seen(template: dict[str, Any], words: str) -> None:
    way = changes.of(OURS).how_changed_back(OURS, seen(template))
    assert way == (f"it is {words}, as before: others changed it" if words else "")


def test_a_paused_workload_gets_none() -> None:
    live = changes.as_it_is(OURS, seen(OLD, paused=True))
    assert live is not None
    assert live.blocked


BROKEN = {
    "no template": {LIMIT: "1Gi"},
    "other fields": {TEMPLATE: "x", REQUEST: "1Gi"},
    "no field of a container": {TEMPLATE: "x", "app": "1Gi"},
}


@pytest.mark.parametrize("before", BROKEN.values(), ids=BROKEN)
def test_what_is_no_such_change_is_not_read(before: dict[str, str]) -> None:
    meant = before if "app" in before else {TEMPLATE: "y", LIMIT: "2Gi"}
    with pytest.raises(ValueError, match="pinned"):
        changes.of(OURS).check(replace(OURS, before=before, meant=meant))


ADJUSTED = [
    a_record(templates.hash_template(OLD), template=OLD),
    a_record(templates.hash_template(NEW), template=NEW, made_from=templates.hash_template(OLD)),
]
DROPPED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "back to what it was": (OLD, NEW, [f"{LIMIT} 768Mi -> 512Mi", f"{REQUEST} 384Mi -> 256Mi"]),
    "from a later release with the same amounts": (
        OLD,
        a_template("768Mi", "384Mi", "app:2"),
        [f"{LIMIT} 768Mi -> 512Mi", f"{REQUEST} 384Mi -> 256Mi"],
    ),
    "to one without any": (
        {"spec": {"containers": [{"name": "app"}]}},
        NEW,
        [f"{LIMIT} 768Mi -> unset", f"{REQUEST} 384Mi -> unset"],
    ),
    "to one that has as much": (NEW, a_template("768Mi", "384Mi", "app:2"), []),
    "from one that people have given other amounts": (OLD, a_template("1Gi", "512Mi"), []),
    "from one that people have given another limit": (OLD, a_template("1Gi", "384Mi"), [f"{REQUEST} 384Mi -> 256Mi"]),
    "from what was never adjusted": (a_template("256Mi"), OLD, []),
}


@pytest.mark.parametrize(("goal", "live", "words"), DROPPED.values(), ids=DROPPED)
def test_what_an_undo_would_drop_is_said(goal: dict[str, Any], live: dict[str, Any], words: list[str]) -> None:
    dropped = adjustments.say_dropped(goal, live, ADJUSTED)
    assert dropped == ", ".join(words)


def test_an_adjustment_whose_origin_is_not_on_record_is_not_told_from_people() -> None:
    assert adjustments.say_dropped(OLD, NEW, ADJUSTED[1:]) == ""


KEPT_FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "both of what we have raised": (OLD, a_template("768Mi", "384Mi", "app:2"), {LIMIT: "768Mi", REQUEST: "384Mi"}),
    "not what people have set since": (OLD, a_template("1Gi", "384Mi"), {REQUEST: "384Mi"}),
    "nothing that the other one has not": ({"spec": {"containers": [{"name": "app"}]}}, NEW, {}),
    "nothing that it has anyway": (NEW, a_template("768Mi", "384Mi", "app:2"), {}),
}


@pytest.mark.parametrize(("goal", "live", "fields"), KEPT_FIELDS.values(), ids=KEPT_FIELDS)
def test_what_an_undo_can_keep(goal: dict[str, Any], live: dict[str, Any], fields: dict[str, str]) -> None:
    kept = adjustments.kept(goal, live, ADJUSTED)
    assert kept == fields
    assert not any(name in adjustments.say_dropped(goal, live, ADJUSTED, besides=kept) for name in kept)


def restored(*, fields: dict[str, str] | None = None, stored: dict[str, Any] = OLD) -> Patch | Refusal:
    """What is sent to put OLD back with these fields, when such a record is there."""
    kept = {LIMIT: "768Mi"} if fields is None else fields
    pinned = restored_template.from_record(ADJUSTED[0], abandons="bad", keeps=kept)
    record = a_record(templates.hash_template(stored), name=ADJUSTED[0].name, template=stored)
    outcome = changes.of(pinned).patch(pinned, LIVE, with_records(seen(NEW), record))
    assert isinstance(outcome, (Patch, Refusal))
    return outcome


def with_records(situation: Situation, *records: RevisionRecord) -> Situation:
    return replace(situation, snapshot=replace(situation.snapshot, records=records))


def test_what_is_kept_is_put_into_the_template_that_comes_back() -> None:
    patch = restored()
    assert isinstance(patch, Patch)
    assert isinstance(patch.body, list)
    assert patch.body[-1] == {"op": "replace", "path": "/spec/template", "value": a_template("768Mi")}


def test_its_hash_is_known_before_and_of_which_it_is_made() -> None:
    pinned = restored_template.from_record(ADJUSTED[0], abandons="bad", keeps={LIMIT: "768Mi"})
    assert pinned.meant == {TEMPLATE: templates.hash_template(a_template("768Mi"))}
    assert pinned.made_from == templates.hash_template(OLD)
    assert changes.say(pinned).endswith(f"of record {ADJUSTED[0].name}, with {LIMIT} 768Mi")


def test_a_record_that_holds_another_template_by_now_is_not_restored() -> None:
    assert isinstance(restored(stored=a_template(image="app:9")), Refusal)


def test_without_anything_to_keep_the_template_comes_back_as_it_was() -> None:
    pinned = restored_template.from_record(ADJUSTED[0], abandons="bad", keeps={})
    assert (pinned.meant, pinned.made_from) == ({TEMPLATE: templates.hash_template(OLD)}, "")
