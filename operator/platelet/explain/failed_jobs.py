"""The Jobs that have failed, as rows: what, when, why, who was told, and whether it is over."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from platelet.api.kinds.status_lists import FAILED_JOBS, NOTIFICATIONS
from platelet.api.readers import lenient
from platelet.explain import calls, lines
from platelet.explain.tables import Table, age
from platelet.model.failed_job import FailedJob, Subject
from platelet.model.notification import Notification

FAILING: Final = "Failed"
_OVER: Final = "Over"
_HEADER = ("Namespace", "Name", "CronJob", "State", "Reason", "Count", *calls.HEADER, "Policy", "Failed")
_MESSAGE = len(_HEADER) - 2  # the place of the column that only `-o wide` has


def tabulate(
    policies: Iterable[Mapping[str, Any]], where: str, now: datetime, *, wide: bool, within: str = ""
) -> Table | None:
    """Make a table of what these policies have on record, the last failure at the end; None where that is nothing.

    `within` is the namespace whose Jobs are meant; empty: all.
    """
    listed = list(policies)
    pairs = [pair for stored in listed for pair in _entries(stored, now, wide=wide, within=within)]
    if not pairs:
        return None
    ordered = sorted(pairs, key=lambda pair: (pair[0].namespace, pair[0].failed_at, pair[0].name))
    unlisted = sum(lenient.number(lenient.mapping(stored.get("status")).get("failedJobsUnlisted")) for stored in listed)
    more = f", without {unlisted} that wait for a place" if unlisted and not within else ""
    return Table(
        title=f"failed jobs {f'in namespace {within} ' if within else ''}of policies {where}{more}",
        header=(*_HEADER[:_MESSAGE], "Message", *_HEADER[_MESSAGE:]) if wide else _HEADER,
        rows=tuple(row for _, row in ordered),
    )


def rows(stored: Mapping[str, Any], now: datetime, *, wide: bool, within: str = "") -> dict[Subject, tuple[str, ...]]:
    """One policy's cells, without the age, by what has failed."""
    return {entry.subject: row[:-1] for entry, row in _entries(stored, now, wide=wide, within=within)}


def _entries(
    stored: Mapping[str, Any], now: datetime, *, wide: bool, within: str
) -> list[tuple[FailedJob, tuple[str, ...]]]:
    status, metadata = lenient.mapping(stored.get("status")), lenient.mapping(stored.get("metadata"))
    notifications, policy = NOTIFICATIONS.read(status), lenient.text(metadata.get("name"))
    listed = [entry for entry in FAILED_JOBS.read(status) if not within or entry.namespace == within]
    return [(entry, _row(entry, notifications, policy, now, wide=wide)) for entry in listed]


def _row(
    entry: FailedJob, notifications: Sequence[Notification], policy: str, now: datetime, *, wide: bool
) -> tuple[str, ...]:
    cells = (
        entry.namespace,
        entry.name,
        entry.cron_job,
        FAILING if entry.is_open else _OVER,
        entry.reason,
        str(entry.count),
        *calls.cells(entry, notifications),
        *([entry.message if entry.is_open else entry.resolution] if wide else []),
        policy,
        age(entry.failed_at, now),
    )
    return tuple(lines.clean(cell) or "-" for cell in cells)
