"""Variables that an undo keeps: found, pinned by digest, put into the template that comes back, and never shown."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.actions import rollout_undo
from platelet.actions.rollout_undo import RolloutUndo
from platelet.changes import adjustments, restored_template
from platelet.model import resource, templates
from platelet.model.change import Live, Patch
from platelet.model.intent import RECORD, TEMPLATE, VALUES, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import NOW, RELEASED, a_record, a_situation, a_workload

RATE, MODE = "app.env.RATE_LIMIT", "app.env.MODE"
SECRET = "hunter-2"


def a_template(image: str = "app:1", *env: dict[str, Any], name: str = "app", **more: Any) -> dict[str, Any]:
    variables = {"env": list(env)} if env else {}
    return {"spec": {"containers": [{"name": name, "image": image, **variables, **more}]}}


def one(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


FROM_ELSEWHERE = {"name": "MODE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
OLD = a_template("app:1", one("RATE_LIMIT", "10"))
SET = a_template("app:1", one("RATE_LIMIT", SECRET), one("MODE", "strict"))
LIVE = a_template("app:2", one("RATE_LIMIT", SECRET), one("MODE", "strict"))


def record_of(template: dict[str, Any], **changed: Any) -> Any:
    name = templates.hash_template(template)
    return a_record(name, template=template, **changed)


RECORDS = (
    record_of(OLD),
    record_of(SET, made_from=templates.hash_template(OLD), health="Unknown", ever_healthy=False),
)
KEPT: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "one that is there, and one that is not": (OLD, LIVE, {RATE: SECRET, MODE: "strict"}),
    "not what people have set since": (OLD, a_template("app:2", one("RATE_LIMIT", "3")), {}),
    "not over what is another object's": (
        a_template("app:0", FROM_ELSEWHERE), a_template("app:2", one("MODE", "strict")), {},
    ),
    "not without its container": (a_template("app:0", name="web"), LIVE, {}),
    "nothing that is there anyway": (SET, LIVE, {}),
}  # fmt: skip


@pytest.mark.parametrize(("goal", "live", "variables"), KEPT.values(), ids=KEPT)
def test_what_an_undo_can_keep(goal: dict[str, Any], live: dict[str, Any], variables: dict[str, str]) -> None:
    assert adjustments.kept_variables(goal, live, RECORDS) == variables
    assert adjustments.kept(goal, live, RECORDS) == {}


def test_variables_and_fields_are_four_together_at_most() -> None:
    """The name of the record of values takes the place of a fifth."""
    before = a_template("app:1", resources={"limits": {"memory": "1Gi", "cpu": "1"}, "requests": {"cpu": "1"}})
    amounts = {"limits": {"memory": "2Gi", "cpu": "2"}, "requests": {"cpu": "2"}}
    env = [one("A", "1"), one("B", "2")]
    after, live = (a_template(image, *env, resources=amounts) for image in ("app:1", "app:2"))
    records = (record_of(before), record_of(after, made_from=templates.hash_template(before)))
    fields, variables = (keep(before, live, records) for keep in (adjustments.kept, adjustments.kept_variables))
    assert (len(fields), list(variables)) == (3, ["app.env.A"])
    assert adjustments.say_dropped(before, live, records, besides={*fields, *variables}) == "app.env.B as set -> unset"


VALUES_KEPT = KeptValues(name="platelet-values-1", uid="u-1", meant={RATE: SECRET, MODE: "strict"})
PINNED = restored_template.from_record(RECORDS[0], abandons="bad", variables=VALUES_KEPT)
BACK = a_template("app:1", one("RATE_LIMIT", SECRET), one("MODE", "strict"))


def stored(kept: KeptValues) -> dict[str, Any]:
    values = {"before": dict(kept.before), "meant": dict(kept.meant)}
    return {"metadata": {"name": kept.name, "uid": kept.uid}, "data": {"values": values}}


def seen(*kept: KeptValues, **changed: Any) -> Situation:
    """A young release that fails, of which two variables are ours, and such records of values."""
    live = record_of(LIVE, first_seen=RELEASED, health="Unknown", ever_healthy=False)
    objects = {resource.CONTROLLER_REVISIONS.named(values.name): stored(values) for values in kept}
    known: dict[str, Any] = {
        "workload": a_workload(template=LIVE, template_hash=live.template_hash),
        "records": (*RECORDS, live),
        "revisions": (),
        "objects": objects,
    }
    return a_situation(**{**known, **changed})


def patched(*kept: KeptValues, pinned: PinnedChange = PINNED) -> Any:
    live = Live(uid="uid-api", resource_version="100", version="2", values={})
    return changes.of(pinned).patch(pinned, live, seen(*kept))


def test_they_are_put_into_the_template_that_comes_back() -> None:
    patch = patched(VALUES_KEPT)
    assert isinstance(patch, Patch)
    assert isinstance(patch.body, list)
    assert patch.body[-1] == {"op": "replace", "path": "/spec/template", "value": BACK}
    assert PINNED.meant == {TEMPLATE: templates.hash_template(BACK)}
    assert PINNED.made_from == templates.hash_template(OLD)


LOST: dict[str, tuple[KeptValues, ...]] = {
    "is gone": (),
    "was made anew": (replace(VALUES_KEPT, uid="u-2"),),
    "holds other values": (replace(VALUES_KEPT, meant={RATE: "99", MODE: "strict"}),),
    "holds others beside them": (replace(VALUES_KEPT, meant={**VALUES_KEPT.meant, "app.env.MORE": "1"}),),
}


@pytest.mark.parametrize("kept", LOST.values(), ids=LOST)
def test_nothing_is_written_where_the_record_of_values(kept: tuple[KeptValues, ...]) -> None:
    refusal = patched(*kept)
    assert isinstance(refusal, Refusal)
    assert "platelet-values-1 does not hold what was pinned" in refusal.message


def test_no_value_is_pinned_or_said() -> None:
    assert SECRET not in str(PINNED)
    assert changes.say(PINNED).endswith(f", with {RATE} as set, with {MODE} as set")


def test_both_records_are_needed() -> None:
    assert PINNED.records == (PINNED.how[RECORD], PINNED.how[VALUES])
    assert changes.of(PINNED).objects(PINNED) == ((resource.CONTROLLER_REVISIONS, VALUES_KEPT.name),)
    plain = restored_template.from_record(RECORDS[0], abandons="bad")
    assert changes.of(plain).objects(plain) == ()


KEEP = RolloutUndo(keep_adjustments=True)


def planned(situation: Situation, settings: RolloutUndo = KEEP) -> Plan:
    plan = rollout_undo.plan(settings, situation, NOW)
    assert isinstance(plan, Plan), plan
    return plan


def test_an_undo_is_planned_once_their_values_are_on_record_and_names_them() -> None:
    first = planned(seen())
    assert (first.changes, first.keeps is not None) == ((), True)
    assert first.keeps is not None
    assert (dict(first.keeps.before), dict(first.keeps.meant)) == ({}, dict(VALUES_KEPT.meant))
    then = planned(seen(replace(first.keeps, uid="u-9")))
    (change,) = then.changes
    assert (change.meant, then.keeps) == (PINNED.meant, None)
    assert then.summary == first.summary
    assert then.summary.endswith(f"; it keeps what platelet has adjusted: {RATE} as set, {MODE} as set")
    assert SECRET not in str(then)


def test_what_is_read_for_the_plan_is_that_record_and_only_where_something_is_kept() -> None:
    first = planned(seen())
    assert first.keeps is not None
    assert rollout_undo.ACTION.objects(KEEP, seen()) == ((resource.CONTROLLER_REVISIONS, first.keeps.name),)
    assert rollout_undo.ACTION.objects(RolloutUndo(), seen()) == ()
    assert rollout_undo.ACTION.objects(KEEP, seen(workload=None)) == ()
    people_set = a_template("app:2", one("RATE_LIMIT", "3"))
    other = a_workload(template=people_set, template_hash=templates.hash_template(people_set))
    assert rollout_undo.ACTION.objects(KEEP, seen(workload=other)) == ()


def test_without_the_setting_they_come_back_as_they_were() -> None:
    plan = planned(seen(), RolloutUndo())
    assert (
        f"it drops what platelet has adjusted: {RATE} as set -> another value, {MODE} as set -> unset" in plan.summary
    )
    assert plan.keeps is None
