r"""Matchers in Alertmanager's syntax: `alertname="ApiDown"`, `{severity=~"critical|page", team!=""}`.

As in Alertmanager: quotes are optional around plain values, a label that is missing equals the empty string, regular
expressions are RE2 and fully anchored. In quotes `\"`, `\\` and `\n` are escapes and any other backslash stands for
itself, so `"a\.b"` and `"a\\.b"` are the same expression. Stricter than Alertmanager where its own two parsers differ:
values with braces, quotes or operators must be quoted.
"""

import functools
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from platelet.model import pattern

Operator = Literal["=", "!=", "=~", "!~"]
OPERATORS: tuple[Operator, ...] = ("=~", "!~", "!=", "=")  # the longer ones first
MAX_MATCHERS = 64
_RESERVED = frozenset("{}!=~,\\\"'`")
_NOBODYS = tuple(f"{first}qzx{last}" for first in string.ascii_letters + string.digits for last in ("", "7", "_ K"))
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


class InvalidMatcherError(ValueError):
    """A matcher cannot be used; the message names it and says how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on one label."""

    name: str
    operator: Operator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the label, or the empty string in its place, fits."""
        text = labels.get(self.name, "")
        if self.operator in {"=", "!="}:
            return (text == self.value) == (self.operator == "=")
        return (pattern.compiled(self.value).fullmatch(text) is not None) == (self.operator == "=~")


def parse_matchers(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Parse all matchers of a trigger. Raises InvalidMatcherError; also where they would match any alert (TRAPS 29)."""
    matchers = tuple(matcher for text in texts for matcher in _parse(text))
    if len(matchers) > MAX_MATCHERS:
        raise InvalidMatcherError(f"{len(matchers)} matchers are too many: use at most {MAX_MATCHERS}")
    if matches(matchers, {}):
        shown = ", ".join(texts)[:200]
        raise InvalidMatcherError(
            f"{shown!r} also matches an alert without any label: add a matcher that says what it must have, "
            'such as alertname="ApiDown"'
        )
    return matchers


def name_the_alert(matchers: Sequence[Matcher], alertname: str) -> bool:
    """Whether one of them says which alerts are meant, and this is one: `=`, or `=~` that does not match any name."""
    named = (matcher for matcher in matchers if matcher.name == "alertname" and matcher.operator in {"=", "=~"})
    return any(
        matcher.value and matcher.matches({"alertname": alertname}) and not _matches_any(matcher) for matcher in named
    )


@functools.lru_cache(maxsize=1024)
def _matches_any(matcher: Matcher) -> bool:
    """Whether it also matches names that nobody gives to an alert: `.+`, `[A-Z].*`, `Api|.*`."""
    return any(matcher.matches({"alertname": name}) for name in _NOBODYS)


def matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all matchers fit these labels."""
    return all(matcher.matches(labels) for matcher in matchers)


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Matcher, ...]:
    """Parse once what every alert is compared with."""
    return tuple(_Reader(text).matchers())


class _Reader:
    """Reads one string from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def matchers(self) -> Iterator[Matcher]:
        """Read `name op value` separated by commas; a pair of braces around and a comma at the end are allowed."""
        closing = "}" if self._take("{") else ""
        while not self._done(closing):
            yield self._matcher()
            if not self._take(",") and not self._done(closing):
                raise self._error("expected a comma or the end; put the value in double quotes")
        if closing and not self._take(closing):
            raise self._error("the closing brace is missing")
        if not self._done(""):
            raise self._error("nothing may follow the closing brace")

    def _matcher(self) -> Matcher:
        name = self._quoted() if self._peek() == '"' else self._bare()
        if not name:
            raise self._error('it must start with a label name, as in alertname="ApiDown"')
        operator = next((operator for operator in OPERATORS if self._take(operator)), None)
        if operator is None:
            raise self._error("after the label name comes one of = != =~ !~")
        value = self._quoted() if self._peek() == '"' else self._bare_value()
        if operator in {"=~", "!~"}:
            self._check_pattern(value)
        return Matcher(name=name, operator=operator, value=value)

    def _check_pattern(self, value: str) -> None:
        try:
            pattern.compiled(value)
        except pattern.InvalidPatternError as error:
            raise self._error(f"{value!r} is not an RE2 expression ({error})") from None

    def _quoted(self) -> str:
        self._at += 1
        read: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == '"':
                return "".join(read)
            if char == "\\" and self._at < len(self._text):
                following = self._text[self._at]
                self._at += 1
                char = _ESCAPES.get(following, "\\" + following)
            read.append(char)
        raise self._error("the closing double quote is missing")

    def _bare(self) -> str:
        start = self._at
        while self._at < len(self._text) and not (self._text[self._at].isspace() or self._text[self._at] in _RESERVED):
            self._at += 1
        return self._text[start : self._at]

    def _bare_value(self) -> str:
        """Read up to a comma, a brace or the end; it may be empty."""
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in ',{}"':
            self._at += 1
        value = self._text[start : self._at].rstrip()
        if any(char in value for char in "!=~'`") or "\\" in value:
            raise self._error("put the value in double quotes")
        return value

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _take(self, token: str) -> bool:
        self._peek()
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _done(self, closing: str) -> bool:
        return self._peek() == closing

    def _error(self, fix: str) -> InvalidMatcherError:
        return InvalidMatcherError(f"matcher {self._text[:200]!r}: {fix} (at character {self._at + 1})")
