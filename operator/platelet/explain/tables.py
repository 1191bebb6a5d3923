"""Objects of ours as rows: the same columns that `kubectl get` shows, taken from the CRDs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.api.generation import crds
from platelet.api.readers import lenient
from platelet.explain import lines
from platelet.model.durations import say_length

_PART = re.compile(r'\.(?P<name>\w+)(?:\[\?\(@\.(?P<key>\w+)=="(?P<value>\w+)"\)\])?')
_WORDS = {"policies": "RemediationPolicy", "budgets": "ActionBudget"}
_ORDER = ("ActionBudget", "RemediationPolicy", "Runbook", "Remediation")  # then others: what changes most comes last


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All objects of one kind, one row each."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def kind_of(word: str) -> crds.Kind | None:
    """The kind by any name that kubectl takes, by `policies` or `budgets` too."""
    for kind in crds.KINDS:
        if word.lower() in crds.names_of(kind) or _WORDS.get(word.lower()) == kind.name:
            return kind
    return None


def all_kinds() -> tuple[crds.Kind, ...]:
    """All kinds, in the order in which they are shown."""
    places = {name: place for place, name in enumerate(_ORDER)}
    return tuple(sorted(crds.KINDS, key=lambda kind: places.get(kind.name, len(places))))


def tabulate(  # noqa: PLR0913 - a table has these parts
    kind: crds.Kind, objects: Iterable[Mapping[str, Any]], where: str, now: datetime, *, wide: bool, namespaces: bool
) -> Table:
    """Make a table. `where` says in its title which namespace was asked for."""
    chosen = [column for column in kind.columns if wide or not column[0].startswith("(")]
    header = ("Namespace",) * namespaces + ("Name",) + tuple(name.strip("()") for name, _, _ in chosen)
    ordered = sorted(objects, key=_order)
    rows = tuple(row(kind, stored, now, wide=wide, namespaces=namespaces) for stored in ordered)
    return Table(title=f"{kind.plural} {where}", header=header, rows=rows)


def row(kind: crds.Kind, stored: Mapping[str, Any], now: datetime, *, wide: bool, namespaces: bool) -> tuple[str, ...]:
    """One object's cells; `-` where there is nothing."""
    metadata = lenient.mapping(stored.get("metadata"))
    shown = [_cell(stored, column, now) for column in kind.columns if wide or not column[0].startswith("(")]
    names = [lenient.text(metadata.get("namespace"))] * namespaces + [lenient.text(metadata.get("name"))]
    return tuple(lines.clean(name) or "-" for name in (*names, *shown))


def text(tables: Sequence[Table]) -> list[str]:
    """All tables for a pipe or a plain terminal."""
    answer: list[str] = []
    for table in tables:
        answer += [""] if answer else []
        body = lines.columns([tuple(cell.upper() for cell in table.header), *table.rows])
        answer += [table.title, *(lines.INDENT + line for line in (body if table.rows else ["none"]))]
    return answer


def age(at: datetime, now: datetime) -> str:
    """How long ago something was, as kubectl says it."""
    return say_length(max(now - at, now - now))


def _order(stored: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = lenient.mapping(stored.get("metadata"))
    return tuple(lenient.text(metadata.get(key)) for key in ("namespace", "creationTimestamp", "name"))


def _cell(stored: Mapping[str, Any], column: tuple[str, str, str], now: datetime) -> str:
    _, kind, path = column
    value = find(stored, path)
    if kind == "date":
        at = lenient.moment(value)
        return "" if at is None else age(at, now)
    return "" if value is None else str(value)


def find(stored: Mapping[str, Any], path: str) -> object:
    """What a printer column's JSONPath leads to; None where there is nothing."""
    value: object = stored
    for part in _PART.finditer(path):
        value = lenient.mapping(value).get(part["name"])
        if part["key"] is not None:
            matching = (entry for entry in lenient.mappings(value) if entry.get(part["key"]) == part["value"])
            value = next(matching, None)
    return value
