"""What a condition may ask is what the core answers: no fact is declared and never supplied, nor the reverse."""

from pathlib import Path

from platelet.api.kinds import expressions
from platelet.core import conditions
from tests.unit import situations


def test_every_declared_fact_is_supplied_and_no_other() -> None:
    """A fact that is declared only would make its condition an error, in the middle of an incident."""
    situation = situations.a_situation()
    values = conditions.values(situation, situation.remediation.status, situations.NOW)
    supplied = {f"{root}.{name}" for root, facts in values.items() for name in facts}
    assert supplied == {*expressions.FIELDS, f"target.{expressions.TEMPLATE_AGE}"}


def test_every_declared_fact_has_its_type() -> None:
    """Each can be asked for, on the facts of a real situation."""
    situation = situations.a_situation()
    values = conditions.values(situation, situation.remediation.status, situations.NOW)
    for field in expressions.FIELDS:
        answer = expressions.compile_condition(f"{field} == {field}").evaluate(values)
        assert answer.holds, f"{field}: {answer.note}"


def test_every_declared_fact_is_documented() -> None:
    """What is not in the table is found by nobody."""
    text = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text()
    assert [field for field in expressions.FIELDS if f"`{field}`" not in text] == []
