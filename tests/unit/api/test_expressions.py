"""Conditions of steps: wrong ones are found at load, with their place; none is ever true by error."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.api.kinds import expressions
from platelet.api.kinds.expressions import Answer, compile_condition

FACTS: dict[str, dict[str, Any]] = {
    "target": {
        "name": "api",
        "namespace": "shop",
        "kind": "Deployment",
        "replicas": 3,
        "availableReplicas": 1,
        "labels": {"tier": "api"},
        "annotations": {},
        "templateAgeSeconds": 600.0,
    },
    "signal": {"source": "pod", "reason": "OOMKilled", "severity": "", "message": "out of memory", "count": 4},
    "remediation": {"step": 1, "attempts": 2, "ageSeconds": 90.5},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("true", True),
        ('target.name == "api" && target.namespace == "shop"', True),
        ("target.replicas > 2", True),
        ("target.availableReplicas == 0", False),
        ('"tier" in target.labels && target.labels.tier == "api"', True),
        ('has(target.labels.team) && target.labels.team == "x"', False),
        ('signal.reason in ["OOMKilled", "Unready"]', True),
        ('signal.message.contains("memory")', True),
        ("signal.count >= 5", False),
        ("remediation.step == 1 && remediation.attempts < 3 && remediation.ageSeconds >= 90", True),
        ('target.changedWithin("10m")', True),
        ('target.changedWithin("9m59s")', False),
        ('!target.changedWithin("1h")', False),
    ],
)
def test_a_condition_is_asked_about_the_facts(text: str, holds: bool) -> None:  # noqa: FBT001 - a table
    """Every variable, and the function."""
    assert compile_condition(text).evaluate(FACTS) == Answer(holds=holds)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("target.replicaz > 3", 1, 7, "target has no field replicaz; it has name, namespace, kind, replicas"),
        ("true &&\n signal.cuont > 1", 2, 8, "signal has no field cuont; it has source, reason, severity"),
        ("taget.name", 1, 6, "undeclared reference to 'taget.name': there are target, signal, remediation"),
        ("target.replicas >", 1, 18, "the expression ends too early: complete it"),
        ("", 1, 1, "the expression ends too early: complete it"),
        ("target.replicas = 3", 1, 17, "this is not CEL"),
        ("target.replicas > 3 and true", 1, 21, "use ==, &&, || and ! as in C"),
        ('target.name == "a" && target.replicas == "3"', 1, 39, "== cannot be applied to (int, string)"),
        ("target.replicas", 1, 1, "a condition must be true or false, and this is of type int: compare it"),
        ("target.changedWithin(30)", 1, 21, 'takes one duration as text: target.changedWithin("30m")'),
        (
            'true || target.changedWithin("soon")',
            1,
            30,
            "'soon' is not a duration: write it like 90s, 5m or 1h30m; a day is 24h",
        ),
        ('target.labels.tier.x == "a"', 1, 19, "a value of type string has no fields"),
        ('target.chnagedWithin("1m")', 1, 21, "undeclared reference to 'chnagedWithin'"),
    ],
)
def test_a_wrong_condition_is_found_at_load(text: str, line: int, column: int, message: str) -> None:
    """With line and column, and a sentence to act on."""
    with pytest.raises(expressions.ConditionError) as failed:
        compile_condition(text)
    assert (failed.value.line, failed.value.column) == (line, column)
    assert message in failed.value.message
    assert "\n" not in failed.value.message
    assert str(failed.value) == f"line {line}, column {column}: {failed.value.message}"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('target.labels.team == "x"', 'Key not found in map : "team"'),
        ("target.replicas / 0 == 1", "divide by zero"),
        ("target.changedWithin(target.name)", "'api' is not a duration"),
    ],
)
def test_an_error_at_run_time_is_no_answer(text: str, note: str) -> None:
    """Neither true nor false: unknown, with the reason."""
    answer = compile_condition(text).evaluate(FACTS)
    assert answer.holds is None
    assert note in answer.note


@given(field=st.sampled_from(list(expressions.FIELDS)), junk=st.none() | st.lists(st.integers()) | st.just("\ud800"))
def test_a_fact_of_the_wrong_kind_is_never_true(field: str, junk: Any) -> None:
    """What the caller got wrong is an error result, not an exception and not a yes."""
    root, _, name = field.partition(".")
    facts = {**FACTS, root: {**FACTS[root], name: junk}}
    assert compile_condition(f"{field} == {field}").evaluate(facts).holds is None


@pytest.mark.parametrize("field", expressions.FIELDS)
def test_a_missing_fact_is_never_true(field: str) -> None:
    """A fact that the caller left out is an error where it is asked for."""
    answer = compile_condition(f"{field} == {field}").evaluate({})
    assert answer.holds is None


def test_an_unknown_age_is_false_and_says_so() -> None:
    """DESIGN 3.5: unknown is false. It is a note and not an error."""
    facts = {**FACTS, "target": {**FACTS["target"], "templateAgeSeconds": None}}
    answer = compile_condition('target.changedWithin("30m") || target.changedWithin("1h")').evaluate(facts)
    assert answer == Answer(
        holds=False, note="changedWithin is false because it is not known since when the template is in place"
    )


def test_notes_do_not_leak_from_one_evaluation_into_the_next() -> None:
    """A compiled condition may be kept."""
    condition = compile_condition('target.changedWithin("30m")')
    unknown = {**FACTS, "target": {**FACTS["target"], "templateAgeSeconds": None}}
    assert condition.evaluate(unknown).note != ""
    assert condition.evaluate(FACTS) == Answer(holds=True)


@given(text=st.text(max_size=40) | st.just("\ud800"))
def test_any_text_compiles_or_is_explained(text: str) -> None:
    """No input ends in another exception."""
    with contextlib.suppress(expressions.ConditionError):
        compile_condition(text)
