"""What the audience sees: a line for each fact, with the seconds since the start; plain where colours are unwanted."""

# ruff: noqa: T201 - this is what prints

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES = {"people": "bold cyan", "alert": "bold magenta", "cluster": "dim", "platelet": "bold green"}
OBSERVED, NOT_OBSERVED = "observed", "NOT OBSERVED"
_RESULTS = {OBSERVED: "bold green", NOT_OBSERVED: "bold red"}
_WHO = max(map(len, _STYLES))


Row = tuple[str, str, str, str]
"""Act, claim, whether it was observed, evidence."""


class Timeline:
    """Prints; everything that it is given is data, never markup."""

    def __init__(self) -> None:
        """Start the clock."""
        self._start = time.monotonic()
        self._plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
        self._console = Console(highlight=False, soft_wrap=False)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def heading(self, text: str, below: str) -> None:
        """Begin an act."""
        if self._plain:
            print(f"\n== {text} ==\n   {below}", flush=True)
            return
        self._console.print()
        self._console.rule(Text(text, style="bold yellow"), align="left", style="yellow")
        self._console.print(Text(below, style="italic dim"))

    def line(self, who: str, text: str) -> None:
        """One fact, by whom."""
        if self._plain:
            print(f"{self.seconds:7.1f} s  {who:<{_WHO}}  {text}", flush=True)
            return
        row = Table.grid(padding=(0, 2))
        row.add_column(justify="right", width=8, style="dim")
        row.add_column(width=_WHO, style=_STYLES.get(who, ""))
        row.add_column(style="dim" if who == "cluster" else "")
        row.add_row(f"{self.seconds:.1f} s", who, Text(text))
        self._console.print(row)

    def quote(self, command: str, output: str) -> None:
        """What a command has printed."""
        if self._plain:
            print(f"\n$ {command}\n{output.rstrip()}", flush=True)
            return
        self._console.print(Text(f"\n$ {command}", style="bold"))
        self._console.print(Text(output.rstrip()), soft_wrap=True)

    def say(self, text: str) -> None:
        """A line outside of the acts."""
        if self._plain:
            print(text, flush=True)
        else:
            self._console.print(Text(text), soft_wrap=True)

    def table(self, title: str, rows: Sequence[Row]) -> None:
        """What came of it: by act, each claim, whether it was observed, and the evidence."""
        if self._plain:
            print(f"\n== {title} ==")
            for act, claim, result, evidence in rows:
                print(f"{act} | {claim} | {result} | {evidence}", flush=True)
            return
        table = Table(title=title, title_justify="left", title_style="bold yellow")
        for column in ("claim", "", "evidence"):
            table.add_column(column)
        last = ""
        for act, claim, result, evidence in rows:
            if act != last:
                table.add_section()
                table.add_row(Text(act, style="bold"))
            last = act
            table.add_row(Text(claim), Text(result, style=_RESULTS[result]), Text(evidence, style="dim"))
        self._console.print()
        self._console.print(table)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While the block runs, say what it waits for, where a line can be taken away again."""
        if self._plain:
            yield
            return
        with self._console.status(Text(text, style="dim"), refresh_per_second=4):
            yield
