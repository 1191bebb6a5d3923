"""What changes, as it changes: a view on a terminal (rich heeds NO_COLOR), lines elsewhere."""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from platelet.api.generation import crds
from platelet.cli import terminal
from platelet.explain import failed_jobs, tables, untargeted_alerts
from platelet.model.durations import say_time
from platelet.shell import kube
from platelet.shell.watch.stream import Key, Seen, TypedStream

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_REFRESH = 1.0  # seconds between two pictures: ages grow
_STALE = 90.0  # seconds without a word from the API server
_GAP = "  "
_STYLES = {
    "Escalated": "red",
    failed_jobs.FAILING: "red",
    untargeted_alerts.FIRING: "red",
    "Acting": "yellow",
    "Verifying": "yellow",
    "False": "red",
    "Monitoring": "green",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind in one namespace (empty: in all)."""

    kind: crds.Kind
    resource: kube.Resource
    namespace: str
    wide: bool = False
    jobs_in: str = ""  # only the failed Jobs of this namespace that its objects have on record are shown; empty: all

    @property
    def where(self) -> str:
        """Where its objects are."""
        return f"in namespace {self.namespace}" if self.namespace else "in all namespaces"

    @property
    def has_records(self) -> bool:
        """Whether its objects are those on which failed Jobs are on record, and alerts that lead to no workload."""
        return self.kind.name == kube.POLICIES.kind

    def table(self, objects: Iterable[Mapping[str, Any]], now: datetime) -> tables.Table:
        """All of them."""
        return tables.tabulate(self.kind, objects, self.where, now, wide=self.wide, namespaces=not self.namespace)


def all_tables(listed: Iterable[tuple[Part, Collection[Mapping[str, Any]]]], now: datetime) -> list[tables.Table]:
    """One for each kind, and at the end what policies have on record of failed Jobs and of alerts, if they have."""
    parts = list(listed)
    holders = [(part, objects) for part, objects in parts if part.has_records]
    records = [
        failed_jobs.tabulate(objects, part.where, now, wide=part.wide, within=part.jobs_in) for part, objects in holders
    ]
    records += [
        untargeted_alerts.tabulate(objects, part.where, now, wide=part.wide)
        for part, objects in holders
        if not part.jobs_in
    ]
    shown = [part.table(objects, now) for part, objects in parts if not part.jobs_in]
    return shown + [table for table in records if table is not None]


class Teller:
    """Writes a line for each visible change; ages, and fields that only machines read, do not count."""

    def __init__(self, form: str, stream: TextIO) -> None:
        """`form` is `json`, or anything else for people."""
        self._form, self._stream = form, stream
        self._cells: dict[tuple[str, Key], tuple[str, ...]] = {}
        self._records: dict[Key, dict[tuple[str, ...], tuple[str, ...]]] = {}  # on policies, by what they are

    def tell(self, part: Part, key: Key, stored: kube.Json | None, now: datetime) -> None:
        """Write a line if there is something new. None: it was deleted."""
        if part.jobs_in:
            self._tell_records(part, key, stored or {}, now)
            return
        place = (part.kind.plural, key)
        before = self._cells.get(place)
        if stored is None:
            self._cells.pop(place, None)
            if part.has_records:
                self._records.pop(key, None)
            self._say(part, key, "DELETED", None, now)
            return
        cells = tables.row(part.kind, stored, now, wide=part.wide, namespaces=True)
        cells = cells[:-1] if part.kind.columns[-1][1] == "date" else cells  # an age grows by itself
        if self._form == "json" or cells != before:
            self._cells[place] = cells
            self._say(part, key, "ADDED" if before is None else "MODIFIED", stored, now, cells[2:])
        if part.has_records and self._form != "json":
            self._tell_records(part, key, stored, now)

    def _tell_records(self, part: Part, key: Key, policy: kube.Json, now: datetime) -> None:
        """What has changed of the Jobs and alerts that a policy has on record."""
        before = self._records.get(key, {})
        records: dict[tuple[str, ...], tuple[str, ...]] = {
            ("job", *subject): cells
            for subject, cells in failed_jobs.rows(policy, now, wide=part.wide, within=part.jobs_in).items()
        }
        if not part.jobs_in:
            alerts = untargeted_alerts.rows(policy, now, wide=part.wide)
            records |= {("alert", known_as): cells for known_as, cells in alerts.items()}
        self._records[key] = records
        for (kind, *known_as), cells in records.items():
            if cells != before.get((kind, *known_as)):
                namespace, name, *state = cells
                terminal.write([f"{say_time(now)}  {namespace}  {kind}/{name}  {' '.join(state)}"], self._stream)
        self._stream.flush()

    def _say(  # noqa: PLR0913 - a line has these parts
        self,
        part: Part,
        key: Key,
        event: str,
        stored: kube.Json | None,
        now: datetime,
        cells: tuple[str, ...] = (),
    ) -> None:
        if self._form == "json":
            named = {"kind": part.kind.name, "metadata": {"namespace": key[0], "name": key[1]}}
            self._stream.write(json.dumps({"type": event, "object": stored or named}) + "\n")
        else:
            what = f"{part.kind.name.lower()}/{key[1]}"
            state = " ".join(cells) if stored is not None else "deleted"
            terminal.write([f"{say_time(now)}  {key[0]}  {what}  {state}"], self._stream)
        self._stream.flush()


async def follow(client: "ClusterClient", parts: Iterable[Part], form: str, stream: TextIO) -> NoReturn:
    """Follow the parts until cancelled: as a view if people look at a terminal, else as lines."""
    on_terminal = stream.isatty() and form != "json"
    teller = Teller(form, stream)
    followed_parts = [part for part in parts if not (part.jobs_in and form == "json")]  # JSON has objects alone
    streams = {part: _stream(client, part, None if on_terminal else teller) for part in followed_parts}
    async with asyncio.TaskGroup() as tasks:
        for followed in streams.values():
            tasks.create_task(followed.run())
        if on_terminal:
            tasks.create_task(_paint(client, streams, Console(file=stream)))
    raise AssertionError("streams never end")


def _stream(client: "ClusterClient", part: Part, teller: Teller | None) -> TypedStream[kube.Json]:
    def on_change(key: Key, stored: kube.Json | None) -> None:
        if teller is not None:
            teller.tell(part, key, stored, client.clock.now())

    return TypedStream(client, part.resource, _read, on_change, namespace=part.namespace)


def _read(raw: bytes) -> Seen[kube.Json]:
    stored: kube.Json = json.loads(raw)
    metadata = stored["metadata"]
    return Seen((metadata["namespace"], metadata["name"]), metadata["resourceVersion"], stored)


async def _paint(client: "ClusterClient", streams: Mapping[Part, TypedStream[kube.Json]], console: Console) -> NoReturn:
    with Live(console=console, auto_refresh=False, screen=True, vertical_overflow="ellipsis") as view:
        while True:
            now = client.clock.now()
            shown = all_tables([(part, stream.records.values()) for part, stream in streams.items()], now)
            stale = any(stream.silent(_STALE) for stream in streams.values())
            view.update(picture(shown, now, console.width, stale=stale), refresh=True)
            await asyncio.sleep(_REFRESH)


def picture(shown: Iterable[tables.Table], now: datetime, width: int, *, stale: bool = False) -> Group:
    """The view: grids where they fit, else a paragraph for each object, so that no word is cut into letters."""
    title = f"platelet, {say_time(now)}"
    if stale:
        title += f"; the API server has been silent for {_STALE:.0f}s: what is shown may be old"
    parts: list[Text | Grid] = [Text(title, style="red" if stale else "dim")]
    for table in shown:
        parts += [Text(f"\n{table.title}", style="bold")]
        parts += [_grid(table)] if _width(table) <= width else _paragraphs(table)
        parts += [] if table.rows else [Text("none")]
    return Group(*parts)


def _width(table: tables.Table) -> int:
    columns = zip(table.header, *table.rows, strict=True)
    return sum(max(map(cell_len, cells)) + len(_GAP) for cells in columns)


def _grid(table: tables.Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), show_header=bool(table.rows))
    for name in table.header:
        grid.add_column(name.upper(), no_wrap=True)
    for cells in table.rows:
        grid.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    return grid


def _paragraphs(table: tables.Table) -> list[Text | Grid]:
    """Name and fields, one object after the other; what is empty is left out."""
    paragraphs: list[Text | Grid] = []
    for cells in table.rows:
        paragraph = Text(overflow="fold")
        for name, cell in zip(table.header, cells, strict=True):
            if cell != "-":
                paragraph.append(f"{name.lower()} ", style="dim")
                paragraph.append(f"{cell}{_GAP}", style=_STYLES.get(cell, ""))
        paragraphs.append(paragraph)
    return paragraphs
