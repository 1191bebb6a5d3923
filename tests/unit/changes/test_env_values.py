"""Environment variables: what is sent, what is pinned and told of them, when they are still ours."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.changes import adjustments, env_values
from platelet.model import reasons, templates
from platelet.model.change import Answer, Live, Patch
from platelet.model.intent import TEMPLATE, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Workload
from tests.unit.situations import a_record, a_situation, a_workload

LIMIT, MODE = "app.env.RATE_LIMIT", "app.env.MODE"
LIVE = Live(uid="uid-api", resource_version="100", version="2", values={})
TOKEN = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}}
KEPT = KeptValues(name="platelet-values-1", uid="uid-1", before={LIMIT: "1000"}, meant={LIMIT: "10", MODE: "strict"})
PLACE = "/spec/template/spec/containers/1"


def a_template(*env: dict[str, Any], image: str = "app:1") -> dict[str, Any]:
    """Two containers, of which the second one has these variables."""
    app: dict[str, Any] = {"name": "app", "image": image, **({"env": list(env)} if env else {})}
    return {"spec": {"containers": [{"name": "proxy", "env": [{"name": "RATE_LIMIT", "value": "7"}]}, app]}}


def limited(limit: str, *more: dict[str, Any], image: str = "app:1") -> dict[str, Any]:
    """The second one has a limit, a token, and these."""
    return a_template({"name": "RATE_LIMIT", "value": limit}, TOKEN, *more, image=image)


STRICT = {"name": "MODE", "value": "strict"}
OLD, NEW = limited("1000"), limited("10", STRICT)


def of(template: dict[str, Any], **more: Any) -> Workload:
    return a_workload(template=template, template_hash=templates.hash_template(template), **more)


def seen(template: dict[str, Any], kept: KeptValues = KEPT, **more: Any) -> Situation:
    stored = {"metadata": {"uid": kept.uid}, "data": {"values": {"before": kept.before, "meant": kept.meant}}}
    return a_situation(workload=of(template, **more), objects={CONTROLLER_REVISIONS.named(kept.name): stored})


def pinned(kept: KeptValues = KEPT, template: dict[str, Any] = OLD) -> PinnedChange:
    """What an attempt would have pinned."""
    (change,) = changes.pin([env_values.to(kept, "app", of(template))], seen(template, kept)) or ()
    return change


OURS = pinned()


def test_values_are_pinned_by_digest_and_the_template_that_comes_of_them_by_its_hash() -> None:
    assert OURS.meant == {TEMPLATE: templates.hash_template(NEW), **KEPT.conceal(KEPT.meant)}
    assert OURS.before == {TEMPLATE: templates.hash_template(OLD), **KEPT.conceal(KEPT.before)}
    assert changes.is_made(OURS, seen(NEW))
    assert changes.is_as_before(OURS, seen(OLD))
    assert not changes.is_made(OURS, seen(limited("10", {"name": "MODE", "value": "lax"})))
    assert not changes.is_made(OURS, a_situation(workload=of(NEW)))


def sent(change: PinnedChange, situation: Situation) -> Any:
    patch = changes.of(change).patch(change, LIVE, situation)
    assert isinstance(patch, Patch)
    assert patch.body[:3] == [  # type: ignore[index]
        {"op": "test", "path": "/metadata/uid", "value": "uid-api"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "100"},
        {"op": "test", "path": f"{PLACE}/name", "value": "app"},
    ]
    return patch.body[3:]  # type: ignore[index]


def test_only_these_variables_are_sent() -> None:
    assert sent(OURS, seen(OLD)) == [
        {"op": "test", "path": f"{PLACE}/env/0/name", "value": "RATE_LIMIT"},
        {"op": "add", "path": f"{PLACE}/env/0/value", "value": "10"},
        {"op": "add", "path": f"{PLACE}/env/-", "value": STRICT},
    ]


def test_the_first_variable_of_a_container_brings_the_list_and_takes_it_along() -> None:
    kept = replace(KEPT, before={}, meant={LIMIT: "10"})
    bare, one = a_template(), a_template({"name": "RATE_LIMIT", "value": "10"})
    change = pinned(kept, bare)
    assert change.meant[TEMPLATE] == templates.hash_template(one)
    assert sent(change, seen(bare, kept)) == [
        {"op": "add", "path": f"{PLACE}/env", "value": [{"name": "RATE_LIMIT", "value": "10"}]}
    ]
    back = changes.of(change).revert(change, seen(one, kept))
    assert isinstance(back, PinnedChange)
    assert back.meant == {TEMPLATE: templates.hash_template(bare)}
    assert sent(back, seen(one, kept)) == [
        {"op": "test", "path": f"{PLACE}/env/0/name", "value": "RATE_LIMIT"},
        {"op": "remove", "path": f"{PLACE}/env"},
    ]


def test_an_empty_value_comes_back_as_the_api_server_stores_it() -> None:
    kept = replace(KEPT, before={LIMIT: ""}, meant={LIMIT: "10"})
    old, new = a_template({"name": "RATE_LIMIT"}), a_template({"name": "RATE_LIMIT", "value": "10"})
    change = pinned(kept, old)
    back = changes.of(change).revert(change, seen(new, kept))
    assert isinstance(back, PinnedChange)
    assert back.meant[TEMPLATE] == templates.hash_template(old)
    assert sent(back, seen(new, kept))[-1] == {"op": "remove", "path": f"{PLACE}/env/0/value"}


def test_the_reverse_is_exact_also_in_what_people_have_released_since() -> None:
    released = limited("10", STRICT, image="app:2")
    for template, expected in ((NEW, OLD), (released, limited("1000", image="app:2"))):
        back = changes.of(OURS).revert(OURS, seen(template))
        assert isinstance(back, PinnedChange)
        assert back.meant == {TEMPLATE: templates.hash_template(expected), **KEPT.conceal(KEPT.before)}
        assert sent(back, seen(template))[-1] == {"op": "remove", "path": f"{PLACE}/env/2"}


KEPT_AS_IT_IS: dict[str, Situation] = {
    "another value": seen(limited("11", STRICT)),
    "one of them is gone": seen(limited("10")),
    "one takes its value from elsewhere": seen(limited("10", {**TOKEN, "name": "MODE"})),
    "one is there twice": seen(limited("10", STRICT, STRICT)),
    "no container": seen({}),
    "another workload of its name": seen(NEW, uid="uid-new"),
}
LOST: dict[str, Situation] = {
    "no record": a_situation(workload=of(NEW)),
    "another record of its name": seen(NEW, replace(KEPT, uid="forged")),
}


@pytest.mark.parametrize("situation", KEPT_AS_IT_IS.values(), ids=KEPT_AS_IT_IS)
def test_what_others_have_changed_is_not_reverted(situation: Situation) -> None:
    refusal = changes.of(OURS).revert(OURS, situation)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reasons.NOT_OURS_ANYMORE
    assert "RATE_LIMIT, MODE of container app as set" in refusal.message


@pytest.mark.parametrize("situation", LOST.values(), ids=LOST)
def test_what_nobody_knows_any_more_is_not_reverted(situation: Situation) -> None:
    refusal = changes.of(OURS).revert(OURS, situation)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reasons.REFUSED


def test_a_record_that_does_not_hold_what_was_pinned_is_not_sent() -> None:
    forged = replace(KEPT, uid="forged", meant={LIMIT: "evil", MODE: "evil"})
    for situation in (a_situation(workload=of(OLD)), seen(OLD, forged)):
        refusal = changes.of(OURS).patch(OURS, LIVE, situation)
        assert isinstance(refusal, Refusal)
        assert "does not hold what was pinned" in refusal.message
    assert isinstance(changes.of(OURS).patch(OURS, LIVE, seen({})), Refusal)


BACK = {
    "as written": (NEW, ""),
    "as before": (OLD, "RATE_LIMIT, MODE of container app is as before: others changed it"),
    "one of them as before": (limited("10"), "MODE of container app is as before: others changed it"),
    "otherwise": (limited("11", STRICT), ""),
}


@pytest.mark.parametrize(("template", "words"), BACK.values(), ids=BACK)
def test_that_others_have_changed_it_back_is_seen(template: dict[str, Any], words: str) -> None:
    assert changes.of(OURS).how_changed_back(OURS, seen(template)) == words


def test_the_answer_says_what_is_stored() -> None:
    change = changes.of(OURS)
    assert change.stored(OURS, Answer(body={}, workload=of(NEW), kept=KEPT)) == OURS.meant
    capped = change.stored(OURS, Answer(body={}, workload=of(limited("10")), kept=KEPT))
    assert change.differs(OURS, capped) == (
        "it is RATE_LIMIT, MODE of container app otherwise, not RATE_LIMIT, MODE of container app as set"
    )


BROKEN: dict[str, dict[str, Any]] = {
    "no template": {"before": {LIMIT: "1"}},
    "no record": {"how": {"container": "app"}},
    "no container": {"how": {"record": "r"}},
    "variables of another container": {"how": {"container": "proxy", "record": "r"}},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_no_such_change_is_not_read(broken: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        changes.of(OURS).check(replace(OURS, **broken))


def test_what_an_undo_would_drop_is_said_by_name() -> None:
    records = [
        a_record(templates.hash_template(OLD), template=OLD),
        a_record(templates.hash_template(NEW), template=NEW, made_from=templates.hash_template(OLD)),
    ]
    dropped = adjustments.say_dropped(OLD, NEW, records)
    assert dropped == f"{LIMIT} as set -> another value, {MODE} as set -> unset"
    assert adjustments.say_dropped(NEW, NEW, records) == ""
