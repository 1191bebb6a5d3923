"""What was measured, as a table of ratios."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.bench.pair import Pair

Format = Callable[[float], str]

HEAD = ("work", "Go", "platelet", "ratio", "to reach")


def seconds(value: float) -> str:
    """A time."""
    return f"{value * 1000:,.0f} ms" if value < 10 else f"{value:,.1f} s"


def mebibytes(value: float) -> str:
    """Memory."""
    return f"{value:,.0f} MiB"


def count(value: float) -> str:
    """A number of things, or the mean of some."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def per_second(value: float) -> str:
    """How often."""
    return f"{value:.1f}/s"


def share(value: float) -> str:
    """A share of one core."""
    return f"{value:.1%} of a core"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what was measured, of both, and what platelet is to reach."""

    work: str
    of: Pair[float]
    reach: str
    form: Format = seconds

    def cells(self) -> tuple[str, ...]:
        """The line's text, cell by cell."""
        ratio = f"{self.of.platelet / self.of.go:.1f}x" if self.of.go else "-"
        return self.work, *self.of.map(self.form), ratio, self.reach


@dataclass(frozen=True, slots=True)
class Result:
    """What one measurement gives: its lines, and further tables by their titles."""

    lines: Sequence[Line]
    breakdowns: Mapping[str, str] = field(default_factory=dict)


def render(lines: Sequence[Line]) -> str:
    """All lines, in columns."""
    return columns([HEAD, *(line.cells() for line in lines)])


def breakdown(requests: Pair[Mapping[str, float]]) -> str:
    """Requests by what they ask for, platelet's most frequent first."""
    numbers = {kind: requests.map(partial(_number, kind)) for kind in {*requests.go, *requests.platelet}}
    kinds = sorted(numbers, key=lambda kind: (-numbers[kind].platelet, -numbers[kind].go, kind))
    rows = [(kind, *numbers[kind].map(count)) for kind in kinds]
    return columns([("request", "Go", "platelet"), *rows])


def _number(kind: str, requests: Mapping[str, float]) -> float:
    return requests.get(kind, 0)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown whose columns stand below each other; the first row is its head."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    head, *rest = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in rest)])
