"""What setEnv plans, what must be on record before, and each reason for which it refuses."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from platelet.actions import set_env
from platelet.actions.set_env import SetEnv
from platelet.model import reasons, templates
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import NOW, a_situation, a_stateful_set, a_workload, minutes

SECRET, OLD = "hunter2-and-more", "old-and-secret"
WRITTEN: dict[str, Any] = {"env": [{"name": "RATE_LIMIT", "value": SECRET}, {"name": "MODE", "value": "strict"}]}
NAMES = ("app.env.RATE_LIMIT", "app.env.MODE")


def a_template(*env: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One container with these variables, and more beside it."""
    return {"spec": {"containers": [{"name": "app", "env": list(env)}], **more}}


def seen(template: dict[str, Any] | None = None, *, kept: KeptValues | None = None, **changes: Any) -> Situation:
    template = template or a_template({"name": "RATE_LIMIT", "value": OLD})
    live = a_workload(template=template, template_hash=templates.hash_template(template))
    situation = a_situation(**{"workload": live, **changes})
    if kept is None:
        return situation
    stored = {"metadata": {"uid": kept.uid}, "data": {"values": {"before": kept.before, "meant": kept.meant}}}
    return a_situation(**{"workload": live, "objects": {CONTROLLER_REVISIONS.named(kept.name): stored}, **changes})


def plan(situation: Situation, **more: Any) -> Plan | Refusal:
    settings: SetEnv = TypeAdapter(SetEnv).validate_python({**WRITTEN, **more})
    return set_env.plan(settings, situation, NOW)


def planned(outcome: Plan | Refusal) -> Plan:
    assert isinstance(outcome, Plan), outcome
    return outcome


def test_what_there_was_and_what_will_be_is_on_record_before_anything_is_pinned() -> None:
    first = planned(plan(seen()))
    assert first.changes == ()
    assert first.keeps is not None
    assert dict(first.keeps.before) == {NAMES[0]: OLD}
    assert dict(first.keeps.meant) == {NAMES[0]: SECRET, NAMES[1]: "strict"}
    kept = KeptValues(name=first.keeps.name, uid="uid-kept", before=first.keeps.before, meant=first.keeps.meant)
    second = planned(plan(seen(kept=kept)))
    (change,) = second.changes
    assert {name: value for name, value in change.meant.items() if name in NAMES} == kept.conceal(kept.meant)
    assert change.record == kept.name
    for outcome in (first, second):
        assert outcome.summary == "set RATE_LIMIT, MODE of container app"
    assert SECRET not in str(second)
    assert OLD not in str(second)


def test_a_record_of_other_values_is_replaced() -> None:
    first = planned(plan(seen()))
    assert first.keeps is not None
    other = KeptValues(name=first.keeps.name, uid="uid-kept", before={}, meant=first.keeps.meant)
    again = planned(plan(seen(kept=other)))
    assert again.keeps is not None
    assert again.keeps.uid == "uid-kept"
    assert again.changes == ()


def test_its_plan_is_made_by_the_record_that_it_would_name() -> None:
    first = planned(plan(seen()))
    assert first.keeps is not None
    settings: SetEnv = TypeAdapter(SetEnv).validate_python(WRITTEN)
    assert set_env.objects(settings, seen()) == ((CONTROLLER_REVISIONS, first.keeps.name),)


TWO = {"spec": {"containers": [{"name": "app"}, {"name": "proxy"}]}}
BORROWED = {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "api", "key": "mode"}}}
AS_WANTED = ({"name": "RATE_LIMIT", "value": SECRET}, {"name": "MODE", "value": "strict"})
REFUSED: dict[str, tuple[Situation, dict[str, Any], str, str]] = {
    "it is gone": (seen(workload=None), {}, reasons.TARGET_GONE, "gone"),
    "it is switched off": (seen(workload=a_workload(replicas=0)), {}, reasons.SCALED_TO_ZERO, "0 replicas"),
    "no rollout would reach its pods": (
        seen(workload=a_stateful_set(on_delete=True)), {}, reasons.ROLLOUT_HELD, "OnDelete"
    ),
    "it could be several": (seen(TWO), {}, reasons.NO_SUCH_CONTAINER, "(app, proxy): name it"),
    "there is none of that name": (seen(), {"container": "web"}, reasons.NO_SUCH_CONTAINER, "has no container web"),
    "its value is another object's": (
        seen(a_template(BORROWED)), {}, reasons.VALUE_FROM_ELSEWHERE, "app.env.MODE: its value is another object's"
    ),
    "it is there twice": (
        seen(a_template(AS_WANTED[0], AS_WANTED[0])), {}, reasons.VALUE_FROM_ELSEWHERE, "app.env.RATE_LIMIT"
    ),
    "it is as wanted": (seen(a_template(*AS_WANTED)), {}, reasons.ALREADY_THERE, "RATE_LIMIT, MODE as wanted already"),
}  # fmt: skip


@pytest.mark.parametrize(("situation", "more", "reason", "text"), REFUSED.values(), ids=REFUSED)
def test_refuses(situation: Situation, more: dict[str, Any], reason: str, text: str) -> None:
    refused = plan(situation, **more)
    assert isinstance(refused, Refusal), refused
    assert refused.reason == reason
    assert text in refused.message
    assert SECRET not in refused.message


def test_an_init_container_is_set_where_it_is_named() -> None:
    template = a_template(initContainers=[{"name": "init"}])
    named = planned(plan(seen(template), container="init"))
    assert named.summary == "set RATE_LIMIT, MODE of container init"
    assert planned(plan(seen(template))).summary == "set RATE_LIMIT, MODE of container app"


def test_it_is_given_back_when_the_step_says_so() -> None:
    first = planned(plan(seen(), revertAfter="10m"))
    assert first.summary == "set RATE_LIMIT, MODE of container app (10m)"
    assert first.keeps is not None
    kept = KeptValues(name=first.keeps.name, uid="uid-kept", before=first.keeps.before, meant=first.keeps.meant)
    lent = planned(plan(seen(kept=kept), revertAfter="10m"))
    assert lent.revert is not None
    assert lent.revert.due_at == NOW + minutes(10)
