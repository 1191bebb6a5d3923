"""Message templates: what people write to say a notice in their own words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import constraint
from platelet.model.constraint import Rule

MOST_TITLE, MOST_BODY = 500, 4000  # characters of a template
MOST_WRITTEN = 8000  # characters of what it comes to


def _is_empty(value: "NoticeTemplate") -> bool:
    return not (value.title or value.body)


_RULES = (
    Rule(
        cel="has(self.title) && self.title != '' || has(self.body) && self.body != ''",
        broken=_is_empty,
        message="a template without words: write a title or a body, or take `template` away",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTemplate:
    """The words of a sink's notices, as templates (docs/escalation.md)."""

    title: Annotated[str, Field(max_length=MOST_TITLE, description="One line. Empty: as without a template.")] = ""
    body: Annotated[str, Field(max_length=MOST_BODY, description="Empty: as without a template.")] = ""

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rule where no API server has. Raises ValueError."""
        constraint.hold(self, *_RULES)


class BadTemplateError(Exception):
    """A template cannot be used, or comes to nothing; the message says where and why."""


def check(text: str) -> None:
    """Raise BadTemplateError where a template cannot be used with any notice."""
    from platelet.model import template_language  # noqa: PLC0415 - Jinja2 is loaded where there is a template

    template_language.check(text)


def write(text: str, values: Mapping[str, Any], escape: Callable[[str], str]) -> str:
    """What a template comes to; `escape` is applied to each value of the notice. Raises BadTemplateError."""
    from platelet.model import template_language  # noqa: PLC0415 - Jinja2 is loaded where there is a template

    return template_language.write(text, values, escape)
