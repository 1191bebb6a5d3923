"""The tree of an expression in CEL, read from what the library serializes: cel.expr.ParsedExpr or CheckedExpr.

What a condition may hold is judged by its tree, so that nothing that is unbounded is ever evaluated, nor type-checked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from cel_expr_python import cel

from platelet.model import condition_fault
from platelet.model.condition_fault import ConditionError

Kind = Literal["constant", "variable", "field", "call", "list", "map", "entry", "loop"]
_CHECKED: Final = "CheckedExpr"
_ID: Final = 2
_SHAPES: Final[Mapping[int, tuple[Kind, int, tuple[int, ...]]]] = {
    3: ("constant", 0, ()),
    4: ("variable", 1, ()),
    5: ("field", 2, (1,)),
    6: ("call", 2, (1, 3)),
    7: ("list", 0, (1,)),
    8: ("map", 1, (2,)),
    9: ("loop", 0, (2, 4, 5, 6, 7)),
}
"""By the field of cel.expr.Expr: what it is, and which fields in it are its name and its parts."""
_ENTRY: Final = (3, 4)  # a key and its value
_TEXT: Final = 6  # the field of a constant that is a text
_OF_FIXED_SIZE: Final = frozenset({(3, 1), (3, 2), (3, 3), (3, 4), (5, 2), (5, 3)})  # bool, numbers, time, duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node. `name` is of a variable, a field, a function or a message; of a loop the first part is its range."""

    identity: int
    kind: Kind
    name: str = ""
    text: str | None = None  # of a constant that is one
    parts: tuple["Node", ...] = ()

    def walk(self) -> Iterator["Node"]:
        """It and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The whole of it. Of what was only parsed no types are known."""

    source: str
    root: Node
    of_fixed_size: frozenset[int] = frozenset()  # nodes whose values are as large as any other of their type
    positions: Mapping[int, int] = field(default_factory=dict)

    def fault(self, node: Node, message: str) -> ConditionError:
        """What is wrong with a node, with its place."""
        return ConditionError(*condition_fault.place(self.source, self.positions.get(node.identity, 0)), message)


def compile_bounded(environment: cel.Env, text: str) -> cel.Expression:
    """Compile and type-check. Raises ConditionError, or what the library raises.

    A computed key of a map is refused before types are known: each loop around one doubles the type.
    """
    parsed = read(text, environment.compile(text, disable_check=True))
    for node in parsed.root.walk():
        if node.kind == "entry" and node.parts[0].kind != "constant":
            raise parsed.fault(node.parts[0], "the key of a map must be a constant: write it as a text or a number")
    return environment.compile(text)


def read(text: str, expression: cel.Expression) -> Tree:
    """Read the tree of a compiled expression. Raises ValueError where the library's form is another one."""
    wrapped = dict(_fields(expression.serialize()))
    is_checked = _bytes(wrapped[1]).decode().endswith(_CHECKED)
    types, root, info = (3, 4, 5) if is_checked else (0, 2, 3)
    content = list(_fields(_bytes(wrapped[2])))
    positions = [_bytes(value) for source in _all(content, info) for value in _all(list(_fields(source)), 4)]
    return Tree(
        source=text,
        root=_node(_all(content, root)[0]),
        of_fixed_size=frozenset(_pairs_of_fixed_size(_all(content, types))),
        positions={_int(pair.get(1, 0)): _int(pair.get(2, 0)) for pair in map(dict, map(_fields, positions))},
    )


def _pairs_of_fixed_size(types: list[bytes]) -> Iterator[int]:
    for entry in types:
        pair = dict(_fields(entry))
        kind = next(iter(_fields(_bytes(pair[2]))), (0, 0))
        if kind in _OF_FIXED_SIZE:
            yield _int(pair[1])


def _node(data: bytes) -> Node:
    fields = list(_fields(data))
    identity = next((_int(value) for number, value in fields if number == _ID), 0)
    for number, value in fields:
        if number in _SHAPES:
            kind, name, parts = _SHAPES[number]
            content = list(_fields(_bytes(value)))
            return Node(
                identity=identity,
                kind=kind,
                name=next((one.decode() for one in _all(content, name)), ""),
                text=next((one.decode() for one in _all(content, _TEXT)), None) if kind == "constant" else None,
                parts=tuple(
                    _entry(_bytes(part)) if kind == "map" else _node(_bytes(part))
                    for field_number, part in content
                    if field_number in parts
                ),
            )
    raise ValueError("it holds something that has no form here")


def _entry(data: bytes) -> Node:
    return Node(
        identity=0,
        kind="entry",
        parts=tuple(_node(_bytes(value)) for number, value in _fields(data) if number in _ENTRY),
    )


def _all(fields: list[tuple[int, int | bytes]], wanted: int) -> list[bytes]:
    return [_bytes(value) for number, value in fields if number == wanted]


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in Protocol Buffers' wire format, in their order."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
            continue
        length = 8
        if wire == 2:  # noqa: PLR2004 - of the format: 2 is a length and that many bytes, 1 is 8 bytes
            length, at = _varint(data, at)
        elif wire != 1:
            raise ValueError("it is serialized in another way")
        yield tag >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - of the format: its last byte
            return number, at


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("it is serialized in another way")


def _int(value: int | bytes) -> int:
    if isinstance(value, int):
        return value
    raise ValueError("it is serialized in another way")
