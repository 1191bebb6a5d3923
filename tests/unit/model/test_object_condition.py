"""Conditions over a workload as it is stored: only a true one holds, and no value of the object is ever told."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.model import object_condition
from platelet.model.condition_fault import ConditionError
from platelet.model.object_condition import Answer

SECRET = "hunter2"
OBJECT: dict[str, Any] = {
    "metadata": {"name": "api", "labels": {"tier": "gold"}, "annotations": {"deploy/state": "done"}},
    "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "app", "password": SECRET}]}}},
    "status": {
        "availableReplicas": 3,
        "conditions": [{"type": "Available", "status": "True"}],
        "load": 0.5,
        "none": None,
    },
}
JUDGED = {
    "as many as wanted": ("object.status.availableReplicas == object.spec.replicas", True),
    "too few": ("object.status.availableReplicas > 3", False),
    "a condition": ("object.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')", True),
    "no such condition": ("object.status.conditions.exists(c, c.type == 'Progressing')", False),
    "an annotation": ("object.metadata.annotations['deploy/state'] == 'done'", True),
    "a field that may be absent": ("has(object.status.readyReplicas) && object.status.readyReplicas > 0", False),
    "a number that is none of its kind": ("object.status.load < 1", True),
    "null": ("object.status.none == null", True),
    "a value of another type": ("object.spec.replicas == '3'", False),
}


@pytest.mark.parametrize(("text", "holds"), JUDGED.values(), ids=JUDGED)
def test_what_it_says_of_an_object(text: str, holds: bool) -> None:  # noqa: FBT001 - the expected answer
    object_condition.check(text)
    assert object_condition.evaluate(text, OBJECT) == Answer(holds=holds)


LOOPS = "true"
for depth in range(5):
    LOOPS = f"[0,1,2,3,4,5,6,7,8,9].all(x{depth}, {LOOPS})"
UNKNOWN = {
    "a field that is not there": ("object.status.readyReplicas > 0", "no field readyReplicas: ask for it with has()"),
    "a field of no object": ("object.spec.replicas.count > 0", "a value that has no fields is asked for one"),
    "types that do not agree": ("object.spec.replicas + 'x' == 'y'", "+ cannot be applied to (int64, string)"),
    "a number": ("object.spec.replicas", "neither true nor false, but of type int"),
    "an object": ("object.spec", "neither true nor false, but of type map"),
    "a division by zero": ("object.spec.replicas / 0 == 1", "divides by zero"),
    "loops in loops": (LOOPS, "too many iterations"),
    "a key that is a value": ("object.metadata[object.spec.template.spec.containers[0].password] == ''", "not there"),
    "a pattern that is a value": (
        "object.metadata.name.matches('(' + object.spec.template.spec.containers[0].password)",
        "cannot be evaluated",
    ),
}


@pytest.mark.parametrize(("text", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_evaluated_is_not_known(text: str, why: str) -> None:
    answer = object_condition.evaluate(text, OBJECT)
    assert answer.holds is None
    assert why in answer.why
    assert SECRET not in answer.why


REFUSED = {
    "an end too early": ("object.status ==", "line 1, column 17: the expression ends too early"),
    "an assignment": ("object.spec.replicas = 3", "this is not CEL"),
    "a name that there is not": ("target.replicas > 0", "there is object, the workload as it is stored"),
    "a text": ("'yes'", "must be true or false, and this is of type string"),
    "a function that there is not": ("object.spec.lines()", "undeclared reference to 'lines'"),
    "more than it may have": ("!" * 1024 + "true", "at most 1024 characters"),
    "a type that doubles with each loop": (
        "[1].exists(a, [{a: a}].exists(b, [{b: b}].exists(c, c.size() > 0)))",
        "line 1, column 17: the key of a map must be a constant",
    ),
    "brackets without end": ("(" * 500 + "true" + ")" * 500, "recursion limit"),
    "fields without end": ("object" + ".a" * 400, "line 1, column 1: Exceeded max recursion depth"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_can_never_be_asked_is_refused_and_never_holds(text: str, why: str) -> None:
    with pytest.raises(ConditionError) as refused:
        object_condition.check(text)
    assert why in str(refused.value)
    assert object_condition.evaluate(text, OBJECT).holds is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PARTS = (
    "object",
    ".a",
    "['b']",
    "[0]",
    " == ",
    " && ",
    " || ",
    "!",
    "(",
    ")",
    "true",
    "1",
    "'x'",
    ".exists(e, ",
    " + ",
    "has(",
)


@given(
    text=st.text(max_size=40) | st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    stored=st.dictionaries(st.sampled_from(("a", "b", "metadata")), JSON, max_size=3),
)
def test_whatever_is_written_it_is_judged_or_not_known(text: str, stored: dict[str, Any]) -> None:
    """No exception; and what was refused never holds."""
    answer = object_condition.evaluate(text, stored)
    assert answer.holds in (True, False, None)
    assert bool(answer.why) == (answer.holds is None)
    with contextlib.suppress(ConditionError):
        object_condition.check(text)
        return
    assert answer.holds is None


@given(stored=JSON)
def test_what_is_not_there_or_no_boolean_never_holds(stored: Any) -> None:
    assert object_condition.evaluate("object.metadata.flag", {"metadata": {"flag": stored}}).holds in (
        stored if isinstance(stored, bool) else None,
        None,
    )
    assert object_condition.evaluate("object.metadata.flag", {"metadata": stored}).holds is None or (
        isinstance(stored, dict) and isinstance(stored.get("flag"), bool)
    )
