"""Label selectors with the meaning of Kubernetes, but that an empty one is an error: empty never means all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL

_LABEL_KEY = Annotated[str, Field(min_length=1, max_length=317)]
_LABEL_VALUE = Annotated[str, Field(max_length=63)]
_VALUES_RULE = "operators In and NotIn need values; Exists and DoesNotExist take none"
EMPTY_RULE = "an empty selector chooses nothing: name at least one label"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchExpression:
    """One condition on one label."""

    key: _LABEL_KEY
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: Annotated[
        tuple[_LABEL_VALUE, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL,
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
                    "message": _VALUES_RULE,
                }
            ]
        },
    )

    def __post_init__(self) -> None:
        """Hold the same rule where no API server has. Raises ValueError."""
        if (self.operator in ("In", "NotIn")) != bool(self.values):
            raise ValueError(_VALUES_RULE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """All demands must be met."""

    match_labels: Annotated[Mapping[str, _LABEL_VALUE], Field(max_length=32)] = field(default_factory=dict)
    match_expressions: Annotated[
        tuple[MatchExpression, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL,
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "(has(self.matchLabels) && self.matchLabels.size() > 0) || "
                    "(has(self.matchExpressions) && self.matchExpressions.size() > 0)",
                    "message": EMPTY_RULE,
                }
            ]
        },
    )

    def __post_init__(self) -> None:
        """Hold the same rule where no API server has. Raises ValueError."""
        if not self.match_labels and not self.match_expressions:
            raise ValueError(EMPTY_RULE)


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether these labels meet all demands."""
    exact = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return exact and all(_meets(labels, expression) for expression in selector.match_expressions)


def _meets(labels: Mapping[str, str], demand: MatchExpression) -> bool:
    if demand.operator == "In":
        return labels.get(demand.key) in demand.values
    if demand.operator == "NotIn":  # met where the label is absent, as in Kubernetes
        return labels.get(demand.key) not in demand.values
    return (demand.key in labels) == (demand.operator == "Exists")
