"""For which plan nodes are weighed: the one that the next decision would carry out, and no other."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.actions.adjust_resources import SCALERS, AdjustResources
from platelet.actions.rollout_undo import RolloutUndo
from platelet.core import plan_in_sight
from platelet.model import quantity, templates
from platelet.model.amount import Amount
from platelet.model.situation import Situation
from tests.unit.situations import (
    NOW,
    a_budget,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    a_step,
    a_workload,
    an_attempt,
)

TEMPLATE = {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "512Mi"}}}]}}
MORE = AdjustResources(memory=Amount(by_percent=50, max=quantity.parse("2Gi")))
ADJUST, UNDO = a_step("adjustResources", MORE), a_step("rolloutUndo", RolloutUndo())


def seen(status: dict[str, Any] | None = None, **changes: Any) -> Situation:
    live = a_workload(template=TEMPLATE, template_hash=templates.hash_template(TEMPLATE))
    known: dict[str, Any] = {
        "workload": live,
        "revisions": (),
        "steps": (ADJUST,),
        "lists": {SCALERS.plural: ()},
    }
    remediation = a_remediation(status=a_status(**(status or {})))
    return a_situation(remediation=remediation, **{**known, **changes})


def test_more_memory_that_would_be_given_now() -> None:
    placement = plan_in_sight.find_placement(seen(), NOW)
    assert placement is not None
    (container,) = placement.template["spec"]["containers"]
    assert container["resources"] == {"limits": {"memory": "768Mi"}}


def test_one_that_was_made_a_moment_ago_begins_where_its_spec_says() -> None:
    unopened = seen({"opened_at": None, "evidence": ()}, steps=(UNDO, ADJUST))
    spec = replace(unopened.remediation.spec, first_step=1)
    later = replace(unopened, remediation=replace(unopened.remediation, spec=spec))
    assert plan_in_sight.find_placement(later, NOW) is not None
    assert plan_in_sight.find_placement(unopened, NOW) is None


NOT_ASKED = {
    "a brake says no": seen(budget=None),
    "its write is under way": seen({"state": "Acting", "attempts": (an_attempt(phase="Intended"),)}),
    "it is verified": seen({"state": "Verifying"}),
    "another step comes first": seen(steps=(UNDO, ADJUST)),
    "no step asks for it": seen(steps=(UNDO,)),
    "the step is refused for another reason": seen(lists={}),
    "the workload is gone": seen(workload=None),
    "the policy is gone": seen(policy=None),
    "no signal holds yet": seen(signals=()),
    "an operator that is paused": seen(policy=a_policy(suspended="people look"), budget=a_budget()),
}


@pytest.mark.parametrize("situation", NOT_ASKED.values(), ids=NOT_ASKED)
def test_else_nothing_is_asked(situation: Situation) -> None:
    assert plan_in_sight.find_placement(situation, NOW) is None
