"""More of one resource for one container: what a step asks for, and what becomes of a limit and a request.

The limit is what moves, or the request of a container without one; the request moves by the same factor, so that it is
never above its limit, and what a container does not have it is not given. Nothing is ever lowered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model import constraint, quantity, reasons
from platelet.model.constraint import Rule
from platelet.model.quantity import Form, Quantity

_UNITS: Final[Mapping[str, tuple[Decimal, Form]]] = {
    "memory": (Decimal(2**20), "binary"),
    "cpu": (Decimal("0.001"), "decimal"),
}
"""Of which a computed amount is a whole number, and how it is written."""
_RULES = (
    constraint.exactly_one("to", "by_percent"),
    Rule(
        # Text that is no quantity is left to the rule on the text.
        cel="!has(self.to) || !isQuantity(string(self.to)) || !isQuantity(string(self.max)) || "
        "quantity(string(self.to)).compareTo(quantity(string(self.max))) <= 0",
        broken=lambda amount: amount.to is not None and amount.to.amount > amount.max.amount,
        message="max must not be below to",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much more of one resource. It is never lowered."""

    to: Annotated[
        quantity.Written | None,
        Field(
            description="At least this limit, or this request where the container has no limit. A request beside a "
            "limit is raised by the same factor."
        ),
    ] = None
    by_percent: Annotated[
        int | None, Field(ge=1, le=900, description="More than now by so many percent, limit and request alike.")
    ] = None
    max: Annotated[quantity.Written, Field(description="The step never sets more than this.")]

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What is written of one resource, and what stays; or only why nothing is."""

    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # `limits` -> as it is, as it will be
    stays: str = ""  # for people
    why_not: str = ""  # a reason; empty where something is raised


def raised(resource: str, amount: Amount, limit: str | None, request: str | None) -> Raised:
    """What becomes of a limit and a request, of which None or 0 is none."""
    limited, requested = _read(limit), _read(request)
    bound = limited or requested
    if bound is None:
        return Raised(why_not=reasons.NOTHING_TO_ADJUST, stays=f"it has neither a limit nor a request of {resource}")
    wanted = _wanted(resource, amount, bound)
    if wanted.amount <= bound.amount:
        return _stays(resource, amount, bound)
    values = {"limits" if limited is not None else "requests": (str(bound), str(wanted))}
    if limited is not None and requested is not None:
        alike = _in_units(resource, Fraction(requested.amount) * Fraction(wanted.amount) / Fraction(limited.amount))
        values["requests"] = (str(requested), str(_least(alike, wanted)))
    missing = "limit" if limited is None else "request" if requested is None else ""
    return Raised(values=values, stays=f"it has no {resource} {missing}, and gets none" if missing else "")


def _stays(resource: str, amount: Amount, bound: Quantity) -> Raised:
    if amount.to is not None and amount.to.amount <= bound.amount:
        why_not, limit = reasons.ALREADY_THERE, f"at least {amount.to} wanted"
    else:
        why_not, limit = reasons.AT_MAXIMUM, f"and the step may not go above {amount.max}"
    return Raised(why_not=why_not, stays=f"it has {bound} of {resource}, {limit}")


def _wanted(resource: str, amount: Amount, bound: Quantity) -> Quantity:
    if amount.to is not None:
        return amount.to
    more = Fraction(bound.amount) * (100 + (amount.by_percent or 0)) / 100
    return _least(_in_units(resource, more), amount.max)


def _in_units(resource: str, amount: Fraction) -> Quantity:
    unit, form = _UNITS[resource]
    return Quantity(quantity.round_up(amount, unit), form)


def _least(one: Quantity, other: Quantity) -> Quantity:
    return one if one.amount < other.amount else other


def _read(text: str | None) -> Quantity | None:
    try:
        known = quantity.parse(text) if text is not None else None
    except ValueError:
        return None
    return known if known is not None and known.amount > 0 else None
