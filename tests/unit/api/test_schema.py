"""The converter: what pydantic writes becomes what a CRD takes, or an error that names the field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Optional, Union

import pytest
from pydantic import ConfigDict, Field, WithJsonSchema

from platelet.api.generation import schema
from platelet.model.durations import CAMEL, TIME_PATTERN, Between, Duration, Timestamp

Short = Annotated[str, Field(max_length=8)]


@dataclass(frozen=True, kw_only=True)
class Inner:
    """What is inside."""

    max_size: Annotated[int, Field(ge=1, lt=10)] = 3  # how large it may become

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Every kind of field that the converter takes."""

    name: Short  # the `max_sizes` of it (TRAPS 1)
    flag: Literal["On", "Off"] = "On"
    fixed: Literal[True] | None = None
    maybe: Optional[Inner] = None  # noqa: UP045 - both ways of writing it
    always: Inner = field(default_factory=Inner)
    several: Annotated[tuple[Inner, ...], Field(max_length=4)] = (Inner(max_size=5),)
    labels: Annotated[Mapping[str, Short], Field(max_length=4)] = field(default_factory=dict)
    wait: Annotated[Duration, Between("1s", "1h")] = timedelta(minutes=90)
    at: Timestamp | None = None
    free: Annotated[Mapping[str, Any], WithJsonSchema({"type": "object", schema.PRESERVE: True})]
    share: Annotated[Union[int, str], Field(max_length=5)] = 3  # noqa: UP007 - both ways of writing it
    max_sizes: Annotated[int, Field(description="How many.")] = 0

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def test_a_model_becomes_a_structural_schema() -> None:
    """Inlined, without nulls and titles; descriptions from the source; defaults as users write them."""
    structure = schema.structural(Sample)
    inner = {
        "type": "object",
        "description": "What is inside.",
        "properties": {
            "maxSize": {
                "type": "integer",
                "description": "How large it may become. Default: 3.",
                "default": 3,
                "minimum": 1,
                "maximum": 10,
                "exclusiveMaximum": True,
            }
        },
    }
    wait = structure["properties"].pop("wait")
    assert [rule["message"] for rule in wait.pop("x-kubernetes-validations")] == [
        "not a duration: write it like 90s, 5m or 1h30m; a day is 24h",
        "must be at least 1s and at most 1h",
    ]
    assert wait == {"type": "string", "maxLength": 20, "default": "1h30m", "description": "Default: 1h30m."}
    assert structure == {
        "type": "object",
        "description": "Every kind of field that the converter takes.",
        "required": ["name", "free"],
        "properties": {
            "name": {"type": "string", "maxLength": 8, "description": "The `maxSizes` of it."},
            "flag": {"type": "string", "enum": ["On", "Off"], "default": "On", "description": "Default: On."},
            "fixed": {"type": "boolean", "enum": [True]},
            "maybe": inner,
            "always": {**inner, "default": {"maxSize": 3}},
            "several": {
                "type": "array",
                "maxItems": 4,
                "items": inner,
                "default": [{"maxSize": 5}],
                "description": 'Default: [{"maxSize": 5}].',
            },
            "labels": {
                "type": "object",
                "maxProperties": 4,
                "additionalProperties": {"type": "string", "maxLength": 8},
            },
            "at": {"type": "string", "format": "date-time", "maxLength": 40, "pattern": TIME_PATTERN},
            "free": {"type": "object", schema.PRESERVE: True},
            "share": {"x-kubernetes-int-or-string": True, "maxLength": 5, "default": 3, "description": "Default: 3."},
            "maxSizes": {"type": "integer", "description": "How many. Default: 0.", "default": 0},
        },
    }


def test_a_status_has_no_defaults() -> None:
    """Only people's part is filled in."""
    assert "default" not in str(schema.structural(Sample, defaults=False))


@dataclass(frozen=True)
class Recursive:
    """Contains itself."""

    inside: "Recursive | None" = None


@dataclass(frozen=True)
class TwoKinds:
    """A union of structs."""

    either: Inner | Sample | None = None


def one_field(kind: Any) -> type[Any]:
    """A model with one field of this type."""

    @dataclass(frozen=True)
    class Model:
        """One field."""

        value: kind

    return Model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (one_field(str), "Model.value: an unbounded string, add max_length"),
        (one_field(tuple[Short, ...]), "Model.value: an unbounded list, add max_length"),
        (one_field(Annotated[tuple[str, ...], Field(max_length=3)]), "Model.value[]: an unbounded string"),
        (one_field(Mapping[str, Short]), "Model.value: an unbounded map, add max_length"),
        (one_field(Annotated[Mapping[str, str], Field(max_length=3)]), "Model.value{}: an unbounded string"),
        (one_field(Mapping[str, Any]), "Model.value: anything goes here"),
        (one_field(Any), "Model.value: has no type"),
        (one_field(Annotated[tuple[int, str], Field(max_length=2)]), "Model.value: a list has one type of items"),
        (
            one_field(Annotated[frozenset[int], Field(max_length=2)]),
            "Model.value: no structural schema has uniqueItems",
        ),
        (Recursive, "Recursive.inside: Recursive contains itself"),
        (TwoKinds, "TwoKinds.either: a union has one optional member per kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_crd_takes_is_found_here(model: type[Any], message: str) -> None:
    """And not by the user who applies it."""
    with pytest.raises(schema.UnstructuralError) as failed:
        schema.structural(model)
    assert message in str(failed.value)
