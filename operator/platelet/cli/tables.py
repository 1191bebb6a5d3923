"""Objects of ours as rows: the same columns that `kubectl get` shows, taken from the CRDs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.api import crds, lenient
from platelet.cli import lines

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
    chosen = [each for each in kind.columns if wide or not each[0].startswith("(")]
    header = ("Namespace",) * namespaces + ("Name",) + tuple(name.strip("()") for name, _, _ in chosen)
    ordered = sorted(objects, key=_order)
    rows = tuple(row(kind, each, now, wide=wide, namespaces=namespaces) for each in ordered)
    return Table(title=f"{kind.plural} {where}", header=header, rows=rows)


def row(kind: crds.Kind, stored: Mapping[str, Any], now: datetime, *, wide: bool, namespaces: bool) -> tuple[str, ...]:
    """One object's cells; `-` where there is nothing."""
    metadata = lenient.mapping(stored.get("metadata"))
    shown = [_cell(stored, each, now) for each in kind.columns if wide or not each[0].startswith("(")]
    names = [lenient.text(metadata.get("namespace"))] * namespaces + [lenient.text(metadata.get("name"))]
    return tuple(lines.clean(each) or "-" for each in (*names, *shown))


def text(tables: Sequence[Table]) -> list[str]:
    """All tables for a pipe or a plain terminal."""
    said: list[str] = []
    for table in tables:
        said += [""] if said else []
        body = lines.columns([tuple(each.upper() for each in table.header), *table.rows])
        said += [table.title, *(lines.INDENT + each for each in (body if table.rows else ["none"]))]
    return said


def _order(stored: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = lenient.mapping(stored.get("metadata"))
    return tuple(lenient.text(metadata.get(key)) for key in ("namespace", "creationTimestamp", "name"))


def _cell(stored: Mapping[str, Any], column: tuple[str, str, str], now: datetime) -> str:
    _, kind, path = column
    found = find(stored, path)
    if kind == "date":
        at = lenient.moment(found)
        return "" if at is None else lines.lasting(max(now - at, now - now))
    return "" if found is None else str(found)


def find(stored: Mapping[str, Any], path: str) -> object:
    """What a printer column's JSONPath leads to; None where there is nothing."""
    found: object = stored
    for part in _PART.finditer(path):
        found = lenient.mapping(found).get(part["name"])
        if part["key"] is not None:
            matching = (each for each in lenient.mappings(found) if each.get(part["key"]) == part["value"])
            found = next(matching, None)
    return found
