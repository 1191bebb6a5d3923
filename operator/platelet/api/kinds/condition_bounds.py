"""What a `when` may hold. It is evaluated in the operator itself, so no value in it may grow, and its work is bounded.

Nothing in it makes a text or a list that is longer than what it was made of, and a loop stands in no other one. So it
takes at most as many steps as the expression is long, times the entries of a list or map; and no step takes more than
the texts that it may ask for. That product is held against a limit before each evaluation: not a timer, so that the
answer is the same each time and everywhere, also in a replay.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from platelet.model import pattern
from platelet.model.cel_tree import Node, Tree

_MOST: Final = 256 << 20  # characters to look through: some tenths of a second
_LEAST_TEXT: Final = 4 << 10  # characters that a step is counted for at least
_PATTERN: Final = "matches"
_PATTERN_STEPS: Final = 20  # since it is compiled each time
_SEARCH: Final = "contains"
_COMPARED_AT_ONCE: Final = 64  # characters of what is searched for, at each place of where it is searched
_JOIN: Final = "_+_"
_OPERATORS: Final = frozenset(
    ("_==_ _!=_ _<_ _<=_ _>_ _>=_ _&&_ _||_ !_ _?_:_ @in @not_strictly_false _[_] _-_ -_ _*_ _/_ _%_ " + _JOIN).split()
)
_FUNCTIONS: Final = (
    *("size", _SEARCH, "startsWith", "endsWith", _PATTERN),
    *("int", "uint", "double", "string", "bool", "duration", "timestamp"),
)


def check(tree: Tree, *own: str) -> None:
    """Raise ConditionError where it holds what it may not; `own` are further functions that it may call."""
    for node, in_loop in _walk(tree.root, in_loop=False):
        if node.kind == "loop" and in_loop:
            raise tree.fault(node, "a loop inside another is not allowed: say the second one after the first, with &&")
        if node.kind == "map":
            raise tree.fault(node, "{} is not allowed: compare with each value, or with a list")
        if node.kind == "call":
            _check_call(tree, node, own)


def find_excess(tree: Tree, data: Mapping[str, Any]) -> str:
    """Why it takes too much to evaluate it on these values, by variable; empty where it does not."""
    used = {node.name: data[node.name] for node in tree.root.walk() if node.kind == "variable" and node.name in data}
    lengths = {name: _length(value) for name, value in used.items()}
    text = max(_LEAST_TEXT, len(tree.source) + sum(lengths.values()))
    if _steps(tree.root, used, text) * text <= _MOST:
        return ""
    largest = max(lengths, key=lambda name: lengths[name], default="")
    return (
        f"it could take too much to evaluate: {largest} has {lengths.get(largest, 0)} characters, "
        "and is asked too often: remove what is large there, or loops and conditions here"
    )


def _check_call(tree: Tree, call: Node, own: tuple[str, ...]) -> None:
    if call.name == _JOIN and call.identity not in tree.of_fixed_size:
        raise tree.fault(
            call, "texts and lists cannot be joined here, + is for numbers; for map and filter write exists or all"
        )
    if call.name not in (*_OPERATORS, *_FUNCTIONS, *own):
        raise tree.fault(call, f"{call.name.strip('_')} is not allowed: there are {', '.join((*_FUNCTIONS, *own))}")
    if call.name == _PATTERN:
        wanted = call.parts[-1]
        if wanted.text is None:
            raise tree.fault(call, f"{_PATTERN} takes its pattern as a text in quotes")
        try:
            pattern.compiled(wanted.text)
        except pattern.InvalidPatternError as error:
            raise tree.fault(wanted, f"{wanted.text!r} is not an RE2 expression ({error})") from None


def _walk(node: Node, *, in_loop: bool) -> Iterator[tuple[Node, bool]]:
    """It and all below it, and whether they belong to a loop."""
    yield node, in_loop
    for part in node.parts:
        yield from _walk(part, in_loop=in_loop or node.kind == "loop")


def _steps(node: Node, values: Mapping[str, Any], text: int) -> int:
    """How often `text` characters are looked through at most."""
    if node.kind != "loop":
        return _own_steps(node, text) + sum(_steps(part, values, text) for part in node.parts)
    over, *body = node.parts
    return _steps(over, values, text) + _most_rounds(over, values) * sum(_steps(part, values, text) for part in body)


def _own_steps(node: Node, text: int) -> int:
    if node.kind == "call" and node.name == _PATTERN:
        return _PATTERN_STEPS
    if node.kind == "call" and node.name == _SEARCH:
        wanted = node.parts[-1].text
        return 1 + (text if wanted is None else len(wanted)) // _COMPARED_AT_ONCE
    return 1


def _most_rounds(over: Node, values: Mapping[str, Any]) -> int:
    """No list in the expression has more elements than it has nodes, and no value more entries than the largest."""
    nodes = list(over.walk())
    return max(len(nodes), *(len(values[node.name]) for node in nodes if isinstance(values.get(node.name), Mapping)), 0)


def _length(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(len(key) + _length(entry) for key, entry in value.items())
    return len(value) if isinstance(value, str) else 0
