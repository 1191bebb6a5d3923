"""The part of Jinja2's language that message templates may use, checked before anything of it runs.

That is: text, fields of the notice, conditions, loops over a list of the notice (none inside another) and the filters
below. No calls, so no `range`; no arithmetic, no assignments, no macros, no includes. So a run takes at most as many
steps as the template is long, times the length of a list, and each filter gives little more than it got: every run
ends by itself, at the same place each time. A timer could not promise that: a thread that computes cannot be stopped,
and where it stopped would depend on how busy the machine is. The sandbox is a second wall.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from platelet.model.message_template import MOST_WRITTEN, BadTemplateError
from platelet.model.notice_fields import FIELDS

_LOOP = {"index": int, "length": int, "first": int, "last": int}
_SINGLE = (str, int)  # what can be put into a text
_DEEPEST = 20  # nodes in each other
_HALF_AN_ENTITY = re.compile(r"&[a-z]{0,4}$")
Names = Mapping[str, Any]


def _first(values: Iterable[Any]) -> Any:
    return _nth(values, 0)


def _last(values: Iterable[Any]) -> Any:
    return _nth(values, -1)


def _nth(values: Iterable[Any], place: int) -> Any:
    known = tuple(values)
    if not known:
        raise BadTemplateError("there is no first and no last of an empty list: ask `if` before")
    return known[place]


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


_TEXTS: Mapping[str, tuple[Callable[..., Any], tuple[type, ...]]] = {
    "upper": (str.upper, ()),
    "lower": (str.lower, ()),
    "trim": (str.strip, ()),
    "truncate": (_truncate, (int,)),
    "default": (lambda text, other: text or other, (str,)),
}
"""Filters of a text, with the constants that they take."""
_LISTS: Mapping[str, Callable[..., Any]] = {"first": _first, "last": _last, "length": len}
_FILTERS = {**{name: function for name, (function, _) in _TEXTS.items()}, **_LISTS}


@lru_cache(maxsize=8)
def _environment(escape: Callable[[str], str]) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        optimized=False,  # nothing is computed before it is checked
        finalize=lambda value: escape(str(value)),
        cache_size=0,
    )
    environment.globals.clear()
    environment.tests.clear()
    environment.filters.clear()
    environment.filters.update(_FILTERS)
    return environment


def check(text: str) -> None:
    """Raise BadTemplateError where a template holds what it may not, or names what no notice has."""
    _compile(text, str)


def write(text: str, values: Mapping[str, Any], escape: Callable[[str], str]) -> str:
    """What it comes to, cut where it is too long. Raises BadTemplateError."""
    template, written = _compile(text, escape), ""
    try:
        for piece in template.generate(values):
            written += piece
            if len(written) > MOST_WRITTEN:
                return _HALF_AN_ENTITY.sub("", written[: MOST_WRITTEN - 1]) + "…"
    except BadTemplateError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: the notice must be told all the same
        raise BadTemplateError(f"{type(error).__name__}: {error}"[:200]) from None
    return written


@lru_cache(maxsize=64)
def _compile(text: str, escape: Callable[[str], str]) -> Template:
    environment = _environment(escape)
    try:
        _check_all(environment.parse(text).body, FIELDS, in_loop=False, depth=0)
        return environment.from_string(text)
    except TemplateSyntaxError as error:
        raise BadTemplateError(f"line {error.lineno}: {error.message}") from None
    except (TemplateError, SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise BadTemplateError(f"it cannot be read: {type(error).__name__}") from None


def _check_all(body: Iterable[nodes.Node], names: Names, *, in_loop: bool, depth: int) -> None:
    for node in body:
        _check(node, names, in_loop=in_loop, depth=depth + 1)


def _check(node: nodes.Node, names: Names, *, in_loop: bool, depth: int) -> None:
    """Check a statement."""
    if depth > _DEEPEST:
        raise _fault(node, "it is nested too deeply")
    match node:
        case nodes.Output():
            for part in node.nodes:
                if not isinstance(part, nodes.TemplateData):
                    _single(part, names, depth)
        case nodes.If():
            _type(node.test, names, depth)
            for body in (node.body, node.elif_, node.else_):
                _check_all(body, names, in_loop=in_loop, depth=depth)
        case nodes.For() if in_loop or node.recursive:
            raise _fault(node, "a loop inside another is not allowed: say the second one after the first")
        case nodes.For():
            _check_loop(node, names, depth)
        case _:
            raise _fault(node, f"{_say(node)} is not allowed: there are only if and for")


def _check_loop(node: nodes.For, names: Names, depth: int) -> None:
    items, target = _type(node.iter, names, depth), node.target
    if not isinstance(items, tuple) or not isinstance(target, nodes.Name) or target.name == "loop":
        raise _fault(node, "a loop is over a list of the notice: {% for fact in evidence %}")
    inner = {**names, target.name: items[0], "loop": _LOOP}
    if node.test is not None:
        _type(node.test, inner, depth)
    _check_all(node.body, inner, in_loop=True, depth=depth)
    _check_all(node.else_, names, in_loop=False, depth=depth)


def _type(node: nodes.Node, names: Names, depth: int) -> Any:
    """Check an expression; its type, as in FIELDS."""
    if depth > _DEEPEST:
        raise _fault(node, "it is nested too deeply")
    match node:
        case nodes.Name():
            return _field(node, node.name, names, f"there is no {node.name!r}")
        case nodes.Getattr():
            fields = _type(node.node, names, depth + 1)
            return _field(node, node.attr, fields if isinstance(fields, dict) else {}, f"there is no .{node.attr} here")
        case nodes.Const() if isinstance(node.value, _SINGLE):
            return str if isinstance(node.value, str) else int
        case nodes.Filter():
            return _filtered(node, names, depth)
        case nodes.Concat():
            for part in node.nodes:
                _single(part, names, depth + 1)
            return str
    return _judged(node, names, depth)


def _judged(node: nodes.Node, names: Names, depth: int) -> Any:
    """Check what decides between values."""
    match node:
        case nodes.Not():
            _type(node.node, names, depth + 1)
            return int
        case nodes.And() | nodes.Or():
            return _alike(node, (node.left, node.right), names, depth)
        case nodes.CondExpr() if node.expr2 is not None:
            _type(node.test, names, depth + 1)
            return _alike(node, (node.expr1, node.expr2), names, depth)
        case nodes.Compare():
            return _compared(node, names, depth)
    raise _fault(node, f"{_say(node)} is not allowed")


def _field(node: nodes.Node, name: str, fields: Names, fault: str) -> Any:
    if name not in fields:
        raise _fault(node, f"{fault}: it can say {', '.join(fields)}" if fields else fault)
    return fields[name]


def _single(node: nodes.Node, names: Names, depth: int) -> Any:
    kind = _type(node, names, depth + 1)
    if kind not in _SINGLE:
        what = "a list: say it in a loop" if isinstance(kind, tuple) else f"an object: say one of {', '.join(kind)}"
        raise _fault(node, f"this is {what}")
    return kind


def _alike(node: nodes.Node, parts: Iterable[nodes.Node], names: Names, depth: int) -> Any:
    one, other = (_type(part, names, depth + 1) for part in parts)
    if one != other:
        raise _fault(node, "both must be texts, or both numbers")
    return one


def _compared(node: nodes.Compare, names: Names, depth: int) -> type[int]:
    left = _single(node.expr, names, depth)
    for operand in node.ops:
        right = _single(operand.expr, names, depth)
        if left is not right or (operand.op in ("in", "notin") and right is not str):
            raise _fault(node, "both must be texts, or both numbers")
    return int


def _filtered(node: nodes.Filter, names: Names, depth: int) -> Any:
    if node.node is None or node.name not in _FILTERS:
        raise _fault(node, f"there is no filter {node.name!r}: there are {', '.join(_FILTERS)}")
    kind, given = _type(node.node, names, depth + 1), node.args
    wanted = _TEXTS[node.name][1] if node.name in _TEXTS else ()
    values = [arg.value if isinstance(arg, nodes.Const) else None for arg in given]
    if node.kwargs or node.dyn_args or node.dyn_kwargs or [type(value) for value in values] != list(wanted):
        raise _fault(node, f"{node.name} takes {', '.join(kind.__name__ for kind in wanted) or 'nothing'}")
    if node.name in _LISTS:
        if not isinstance(kind, tuple):
            raise _fault(node, f"{node.name} is of a list")
        return int if node.name == "length" else kind[0]
    if kind is not str:
        raise _fault(node, f"{node.name} is of a text")
    return str


def _fault(node: nodes.Node, why: str) -> BadTemplateError:
    return BadTemplateError(f"line {node.lineno}: {why}")


def _say(node: nodes.Node) -> str:
    return type(node).__name__.lower()
