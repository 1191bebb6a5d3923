"""The alerts that lead to no workload, as rows: what, whether it is over, how grave, who was told, and since when."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from platelet.api.kinds.status_lists import ALERTS, NOTIFICATIONS
from platelet.api.readers import lenient
from platelet.explain import calls, lines
from platelet.explain.tables import Table, age
from platelet.model.untargeted_alert import UntargetedAlert

FIRING: Final = "Firing"
_SILENCED: Final = "Silenced"
_OVER: Final = "Over"
_HEADER = ("Namespace", "Name", "State", "Severity", *calls.HEADER, "Policy", "Since")
_MESSAGE = len(_HEADER) - 2  # the place of the column that only `-o wide` has


def tabulate(policies: Iterable[Mapping[str, Any]], where: str, now: datetime, *, wide: bool) -> Table | None:
    """Make a table of what these policies have on record, the newest at the end; None where that is nothing."""
    pairs = [pair for stored in policies for pair in _entries(stored, now, wide=wide)]
    if not pairs:
        return None
    ordered = sorted(pairs, key=lambda pair: (pair[1][0], pair[0].first_seen, pair[0].reason))
    return Table(
        title=f"alerts that lead to no workload of policies {where}",
        header=(*_HEADER[:_MESSAGE], "Message", *_HEADER[_MESSAGE:]) if wide else _HEADER,
        rows=tuple(row for _, row in ordered),
    )


def rows(stored: Mapping[str, Any], now: datetime, *, wide: bool) -> dict[str, tuple[str, ...]]:
    """One policy's cells, without the age, by what each is known as."""
    return {entry.known_as: row[:-1] for entry, row in _entries(stored, now, wide=wide)}


def _entries(stored: Mapping[str, Any], now: datetime, *, wide: bool) -> list[tuple[UntargetedAlert, tuple[str, ...]]]:
    """The alerts on record, without those of other clusters, which are not ours."""
    status, metadata = lenient.mapping(stored.get("status")), lenient.mapping(stored.get("metadata"))
    notifications = NOTIFICATIONS.read(status)
    listed = [entry for entry in ALERTS.read(status) if not entry.is_of_another_cluster]
    shown = []
    for entry in listed:
        cells = (
            lenient.text(metadata.get("namespace")),
            entry.reason,
            _OVER if not entry.is_open else _SILENCED if entry.is_silenced else FIRING,
            entry.grade,
            *calls.cells(entry, notifications),
            *([entry.message if entry.is_open else entry.resolution] if wide else []),
            lenient.text(metadata.get("name")),
            age(entry.first_seen, now),
        )
        shown.append((entry, tuple(lines.clean(cell) or "-" for cell in cells)))
    return shown
