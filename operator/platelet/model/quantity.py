"""Quantities of containers' resources, read and written as Kubernetes does (apimachinery, pkg/api/resource).

What the API server stores is the canonical form: `1024Mi` is stored as `1Gi`, `0.5` as `500m`. Whoever wants to know
what it will store must write that.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_UP, Context, Decimal
from fractions import Fraction
from math import ceil
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

PATTERN: Final = "^([0-9]+[.]?[0-9]*|[.][0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$"
"""Of a quantity as people write one in a Runbook."""
_FIX: Final = "not a quantity above 0: write it like 512Mi, 1Gi, 250m or 2"
_MAX_LENGTH: Final = 20
_NUMBER: Final = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_STEP: Final = 1024  # between two binary units; what is less is written as a decimal
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SUFFIXES: Final = {power: suffix for suffix, power in _DECIMAL.items()}
_FINEST: Final = Decimal("1e-3")  # finer ones are rounded up (SetDefaults_ResourceList of core/v1)
_LONGEST: Final = 100  # characters and powers of ten: beyond all that a container can have
_EXACT: Final = Context(prec=400)
Form = Literal["decimal", "binary", "exponent"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount, and in which form it is written."""

    amount: Decimal  # cores, bytes
    form: Form = "decimal"

    def __str__(self) -> str:
        if self.form == "binary" and abs(self.amount) >= _STEP and _is_whole(self.amount):
            return _in_binary(int(self.amount))
        return _in_decimal(self.amount, exponent=self.form == "exponent")


def parse(text: str) -> Quantity:
    """Read a quantity by the rules of the API server. Raises ValueError."""
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{text!r} is no quantity of Kubernetes")
    number, suffix = Decimal(match[1]), match[2] or ""
    if suffix in _DECIMAL:
        return Quantity(_rounded(_EXACT.scaleb(number, _DECIMAL[suffix])))
    if suffix in _BINARY:
        return Quantity(_rounded(_EXACT.multiply(number, Decimal(_STEP ** _BINARY.index(suffix)))), "binary")
    power = max(-_LONGEST, min(int(suffix[1:]), _LONGEST))
    return Quantity(_rounded(_EXACT.scaleb(number, power)), "exponent")


def round_up(amount: Fraction, unit: Decimal) -> Decimal:
    """The next whole multiple of a unit."""
    return ceil(amount / Fraction(unit)) * unit


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_FINEST, ROUND_UP, _EXACT).normalize(_EXACT)


def _in_binary(amount: int) -> str:
    power = 0
    while amount % _STEP == 0 and power + 1 < len(_BINARY):
        amount, power = amount // _STEP, power + 1
    return f"{amount}{_BINARY[power]}"


def _in_decimal(amount: Decimal, *, exponent: bool) -> str:
    """As a whole number of the largest of the units, a thousand apart, of which it is one."""
    if not amount:
        return "0"
    power = max(power for power in _SUFFIXES if _is_whole(_EXACT.scaleb(amount, -power)))
    number = int(_EXACT.scaleb(amount, -power))
    if exponent:
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_SUFFIXES[power]}"


def _is_whole(amount: Decimal) -> bool:
    return amount == amount.to_integral_value(context=_EXACT)


def _read(value: Any) -> Any:
    if isinstance(value, Quantity):
        return value
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if len(text) > _MAX_LENGTH or not re.fullmatch(PATTERN, text) or not parse(text).amount:
        raise ValueError(f"{value!r} is {_FIX}")
    return parse(str(parse(text)))  # as it is read back once it was stored


Written = Annotated[
    Quantity,
    BeforeValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": _MAX_LENGTH,
            "x-kubernetes-validations": [
                {
                    "rule": f"type(self) == int ? self > 0 : self.matches('{PATTERN}') && "
                    "quantity(self).isGreaterThan(quantity('0'))",
                    "message": _FIX,
                }
            ],
        }
    ),
]
"""A quantity at the edge: text in the API, or a number, which YAML reads `2` as."""
