"""A bound on a measurement: above or below. A check asks for what is beyond it, a query trigger looks for that."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import constraint
from platelet.model.constraint import Rule

_ONE_BOUND = Rule(
    cel="has(self.above) != has(self.below)",
    broken=lambda settings: (settings.above is None) == (settings.below is None),
    message="a bound is needed, and only one: set above or below",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """Settings that hold exactly one bound, among others of their own."""

    above: Annotated[float | None, Field(allow_inf_nan=False)] = None
    below: Annotated[float | None, Field(allow_inf_nan=False)] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(_ONE_BOUND)

    def __post_init__(self) -> None:
        """Hold the rule where no API server has. Raises ValueError."""
        constraint.hold(self, _ONE_BOUND)

    @property
    def bound(self) -> str:
        """The bound, for people."""
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"

    def admits(self, value: float) -> bool:
        """Whether a value is beyond the bound."""
        return value > self.above if self.above is not None else self.below is not None and value < self.below
