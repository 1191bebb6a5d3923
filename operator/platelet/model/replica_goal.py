"""To how many replicas a step scales: a number, or the one that was there before our own scaling."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, WithJsonSchema

MOST: Final = 10000  # replicas; what any scale may ask for
PREVIOUS: Final = "previous"
_FIX: Final = f"no number of replicas: write one from 0 to {MOST}, or {PREVIOUS}"


def _read(value: object) -> object:
    if value == PREVIOUS or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST):
        return value
    raise ValueError(f"{value!r} is {_FIX}")


Goal = Annotated[
    int | Literal["previous"],
    BeforeValidator(_read),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 20,  # room for what people write instead, so that the rule below answers
            "x-kubernetes-validations": [
                {
                    "rule": f"type(self) == int ? self >= 0 && self <= {MOST} : self == '{PREVIOUS}'",
                    "message": _FIX,
                }
            ],
        }
    ),
]
