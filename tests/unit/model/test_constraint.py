"""A rule that is said once holds in both places: in the CRD and where no API server has judged."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from platelet.model import constraint
from platelet.model.constraint import Matches, Rule

LEAST_FIRST = Rule(cel="self.least <= self.most", broken=lambda it: it.least > it.most, message="least is above most")
Word = Annotated[str, Matches("^[a-z]+$", "not a word: write it in lower case", goes_on=True), Field(max_length=9)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two numbers, and a word."""

    least: int
    most: int
    word: Word = "a"

    __pydantic_config__ = constraint.ruled(LEAST_FIRST)

    def __post_init__(self) -> None:
        """Hold the rule."""
        constraint.hold(self, LEAST_FIRST)


def test_the_schema_has_the_rules() -> None:
    schema = TypeAdapter(Pair).json_schema()
    assert schema["x-kubernetes-validations"] == [{"rule": LEAST_FIRST.cel, "message": LEAST_FIRST.message}]
    assert schema["properties"]["word"]["x-kubernetes-validations"] == [
        {"rule": "self.matches('^[a-z]+$')", "message": "not a word: write it in lower case"}
    ]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a rule of the object": ({"least": 2, "most": 1}, "least is above most"),
    "a pattern": ({"least": 1, "most": 1, "word": "A b"}, "'A b' is not a word: write it in lower case"),
    "a line break after what matches": ({"least": 1, "most": 1, "word": "ab\n"}, "is not a word"),
}


@pytest.mark.parametrize(("written", "message"), REFUSED.values(), ids=REFUSED)
def test_what_breaks_one_is_refused_here_too(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Pair).validate_python(written)


def test_what_breaks_none_is_read() -> None:
    assert TypeAdapter(Pair).validate_python({"least": 1, "most": 2, "word": "ab"}) == Pair(least=1, most=2, word="ab")
