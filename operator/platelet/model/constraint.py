"""A rule on what people write, said once for both: in CEL for the API server, and here for what it has not seen."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from platelet.model.durations import CAMEL

RULES = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of an object."""

    cel: str
    broken: Callable[[Any], bool]
    message: str  # tells the fix
    say: Callable[[Any], str] | None = None  # a message that also has the value, where it is known

    @property
    def schema(self) -> dict[str, Any]:
        """As the CRD has it."""
        return {"rule": self.cel, "message": self.message}


def ruled(*rules: Rule) -> ConfigDict:
    """The config of a dataclass with these rules; its `__post_init__` calls `hold` with the same."""
    return ConfigDict(**CAMEL, json_schema_extra={RULES: [rule.schema for rule in rules]})


def hold(value: Any, *rules: Rule) -> None:
    """Hold the rules where no API server has. Raises ValueError with the message of the first that is broken."""
    broken = next((rule for rule in rules if rule.broken(value)), None)
    if broken is not None:
        raise ValueError(broken.say(value) if broken.say is not None else broken.message)


def exactly_one(first: str, second: str) -> Rule:
    """The rule that one of two fields is set, and not both."""
    one, other = to_camel(first), to_camel(second)
    return Rule(
        cel=f"has(self.{one}) != has(self.{other})",
        broken=lambda value: (getattr(value, first) is None) == (getattr(value, second) is None),
        message=f"set exactly one of {one} and {other}",
    )


def one_set(fields: Sequence[str], *, none: str, several: str) -> tuple[Rule, ...]:
    """The rules of a union: one of these fields is set, or (where `several` is empty) one at least.

    Their names must be the same in the API and here.
    """
    present = f"[{', '.join(f'has(self.{name})' for name in fields)}]"

    def count(value: Any) -> int:
        return sum(getattr(value, name) is not None for name in fields)

    least = Rule(cel=f"{present}.exists(set, set)", broken=lambda value: not count(value), message=none)
    most = Rule(cel=f"{present}.filter(set, set).size() <= 1", broken=lambda value: count(value) > 1, message=several)
    return (least, most) if several else (least,)


@dataclass(frozen=True, slots=True)
class Matches:
    """A pattern of a text, in an Annotated: both hold, and say the same."""

    pattern: str
    message: str
    goes_on: bool = False  # the message goes on after the value: 'ftp:x' is "not a URL that can be called"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check the text after its length."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        """Add the rule, whose message says more than a pattern's would."""
        written = handler(schema)
        rule = {"rule": f"self.matches('{self.pattern}')", "message": self.message}
        return {**written, RULES: [*written.get(RULES, ()), rule]}

    def _check(self, text: str) -> str:
        if not re.search(re.sub(r"\$$", r"\\Z", self.pattern), text):  # there `$` is the end, also after a line break
            raise ValueError(f"{text!r} is {self.message}" if self.goes_on else self.message)
        return text
