"""PromQL as people write it in checks: `$target.name` and `$target.namespace`, only as label-matcher values.

There a name is escaped, for the string and in `=~` and `!~` for the regular expression too, so it can mean nothing but
itself. Everywhere else a `$` is refused, but for label_replace's `$1`. Whether the rest is PromQL, the server says.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

_FIELDS = "$target.name and $target.namespace"
_TOKEN = re.compile(
    r"""(?P<skipped>\s+|\#[^\n$]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
      | (?P<operator>=~|!~|!=|==|=)
      | (?P<brace>[{}])
      | (?P<bracket>[()\[\]])
      | (?P<fault>[$"'`])
      | (?P<other>[^\s\#"'`={}()\[\]$!]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(
    r"""(?P<escape>\\(?:[abfnrtv\\"']|x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))
      | (?P<placeholder>\$target\.(?P<field>namespace|name)(?![A-Za-z0-9_]))
      | (?P<fault>[$\\])
      | (?P<text>[^\\$]+)""",
    re.VERBOSE,
)
_GROUP = re.compile(r"\$(?:[0-9]+|\{[0-9]+\})")  # label_replace's own
_RANGE = re.compile(r"\s*(?P<range>[0-9a-z]+)\s*(?P<subquery>:[^\]]*)?\]")  # what follows its bracket
_LENGTH = re.compile(r"([0-9]+)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_PAIRS = {")": "(", "]": "["}
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")  # what RE2 gives a meaning


class InvalidQueryError(ValueError):
    """A query cannot be used; the message says where and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A place for a name inside of a quoted label-matcher value."""

    field: Literal["name", "namespace"]
    quote: str
    expression: bool  # the value is a regular expression

    def fill(self, value: str) -> str:
        """Write the value so that the matcher means it and nothing else."""
        meant = "".join(f"\\{char}" if char in _SPECIAL else char for char in value) if self.expression else value
        return "".join(self._escape(char) for char in meant)

    def _escape(self, char: str) -> str:
        if char in ("\\", self.quote):
            return f"\\{char}"
        return char if char.isprintable() else f"\\U{ord(char):08x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A query whose placeholders are known."""

    parts: tuple[str | Placeholder, ...]

    @property
    def names_the_target(self) -> bool:
        """Whether it has a placeholder."""
        return any(isinstance(part, Placeholder) for part in self.parts)

    def render(self, namespace: str, name: str) -> str:
        """Fill in a target."""
        values = {"namespace": namespace, "name": name}
        return "".join(part if isinstance(part, str) else part.fill(values[part.field]) for part in self.parts)


def parse(text: str) -> Template:
    """Find the placeholders. Raises InvalidQueryError that says at which character what is wrong."""
    if not text.strip():
        raise InvalidQueryError("the query is empty")
    parts = tuple(_parts(text))
    _check_brackets(text)
    return Template(parts=parts)


def look_back(text: str) -> timedelta:
    """How far a query sees into the past: its longest range; subqueries add theirs, which may be more than is true.

    https://prometheus.io/docs/prometheus/latest/querying/basics/#range-vector-selectors
    """
    longest, subqueries = 0.0, 0.0
    for token in _TOKEN.finditer(text):
        written = _RANGE.match(text, token.end()) if token.group() == "[" else None
        if written is None:
            continue
        length = sum(float(number) * _SECONDS[unit] for number, unit in _LENGTH.findall(written["range"]))
        if written["subquery"]:
            subqueries += length
        else:
            longest = max(longest, length)
    return timedelta(seconds=min(longest + subqueries, _SECONDS["y"]))


def _parts(text: str) -> Iterator[str | Placeholder]:
    opened, operator = 0, ""  # where the matchers began, counted from 1; what stands right before a string
    for token in _TOKEN.finditer(text):
        kind, written = token.lastgroup, token.group()
        if kind == "fault":
            raise _misplaced(token) if written == "$" else _error(token.start(), "this quote is not closed")
        if kind == "brace":
            if (written == "{") == bool(opened):
                raise _error(token.start(), f"{written} does not belong here")
            opened = token.start() + 1 if written == "{" else 0
        if kind == "string" and opened and operator:
            yield from _value(token, expression=operator in ("=~", "!~"))
        else:
            if kind == "string":
                _check_other_string(token)
            yield written
        if kind != "skipped":
            operator = written if kind == "operator" else ""
    if opened:
        raise _error(opened - 1, "this brace is not closed")


def _check_brackets(text: str) -> None:
    """See that each bracket has its other half. Raises InvalidQueryError."""
    opened: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text):
        if token.lastgroup != "bracket":
            continue
        if token.group() in _PAIRS.values():
            opened.append(token)
        elif not opened or opened.pop().group() != _PAIRS[token.group()]:
            raise _error(token.start(), f"{token.group()} does not belong here")
    if opened:
        raise _error(opened[-1].start(), f"this {opened[-1].group()} is not closed")


def _value(token: re.Match[str], *, expression: bool) -> Iterator[str | Placeholder]:
    """The value of a label matcher, in its quotes."""
    written = token.group()
    quote, body = written[0], written[1:-1]
    if quote == "`":
        if "$" in body:
            raise _error(token.start() + 1 + body.index("$"), "use double quotes: in backquotes nothing can be escaped")
        yield written
        return
    yield quote
    before = ""
    for piece in _PIECE.finditer(body):
        at = token.start() + 1 + piece.start()
        if piece["fault"] == "\\":
            raise _error(at, "this is no escape of PromQL: in a regular expression a backslash is written twice")
        if piece["fault"]:
            raise _error(at, f"here a $ can only begin {_FIELDS}; matchers are anchored without one")
        if piece["placeholder"] and before == r"\\":
            raise _error(at, "the backslash before it would change the meaning of the name")
        before = piece["escape"] or ""
        if piece["placeholder"]:
            field: Literal["name", "namespace"] = "name" if piece["field"] == "name" else "namespace"
            yield Placeholder(field=field, quote=quote, expression=expression)
        else:
            yield piece.group()
    yield quote


def _check_other_string(token: re.Match[str]) -> None:
    blanked = _GROUP.sub(lambda match: " " * len(match.group()), token.group())
    if "$" in blanked:
        raise _error(token.start() + blanked.index("$"), _rule())


def _misplaced(token: re.Match[str]) -> InvalidQueryError:
    return _error(token.start(), _rule())


def _rule() -> str:
    return f'{_FIELDS} stand only in label matchers, in quotes, as in {{deployment="$target.name"}}'


def _error(position: int, fix: str) -> InvalidQueryError:
    return InvalidQueryError(f"at character {position + 1}: {fix}")
