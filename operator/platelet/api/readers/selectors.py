"""Label selectors with the meaning of Kubernetes, but that an empty one is an error: empty never means all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from platelet.model import constraint
from platelet.model.constraint import Rule

_KEY = "([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY_RULE = "not the key of a label: write it like tier or app.kubernetes.io/name"
_VALUE = "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_VALUE_RULE = "not the value of a label: write letters, digits, -, _ and . only, such as payments"


def _written_as(pattern: str, rule: str) -> AfterValidator:
    """Refuse what no object can have; the API server lets it pass."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is {rule}")
        return text

    return AfterValidator(check)


_LABEL_KEY = Annotated[str, Field(min_length=1, max_length=317), _written_as(_KEY, _KEY_RULE)]
_LABEL_VALUE = Annotated[str, Field(max_length=63), _written_as(_VALUE, _VALUE_RULE)]
_VALUES = Rule(
    cel="(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
    broken=lambda expression: (expression.operator in ("In", "NotIn")) != bool(expression.values),
    message="operators In and NotIn need values; Exists and DoesNotExist take none",
)
_NOT_EMPTY = Rule(
    cel="(has(self.matchLabels) && self.matchLabels.size() > 0) || "
    "(has(self.matchExpressions) && self.matchExpressions.size() > 0)",
    broken=lambda selector: not selector.match_labels and not selector.match_expressions,
    message="an empty selector chooses nothing: name at least one label",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchExpression:
    """One condition on one label."""

    key: _LABEL_KEY
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: Annotated[
        tuple[_LABEL_VALUE, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(_VALUES)

    def __post_init__(self) -> None:
        """Hold the rule where no API server has. Raises ValueError."""
        constraint.hold(self, _VALUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """All demands must be met."""

    match_labels: Annotated[
        Mapping[Annotated[str, _written_as(_KEY, _KEY_RULE)], _LABEL_VALUE], Field(max_length=32)
    ] = field(default_factory=dict)
    match_expressions: Annotated[
        tuple[MatchExpression, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(_NOT_EMPTY)

    def __post_init__(self) -> None:
        """Hold the rule where no API server has. Raises ValueError."""
        constraint.hold(self, _NOT_EMPTY)


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
