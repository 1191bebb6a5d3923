"""From lines to a terminal: colour, and nothing that a terminal would obey."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import TextIO

from platelet.explain.lines import clean

_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
_COLOURS = (  # what a line begins with, after its indentation
    (re.compile(r"\s*DENY\b"), "red"),
    (re.compile(r"\s*(refused|no|fail)\b {2,}"), "red"),
    (re.compile(r"\s*warn\b {2,}"), "yellow"),
    (re.compile(r"\s*ok\b {2,}"), "green"),
    (re.compile(r"\s*(note|warning):"), "yellow"),
    (re.compile(r" +\S+Z (\([^)]*\) +| +)escalation\b"), "red"),
    (re.compile(r" +\S+Z (\([^)]*\) +| +)(attempt|revert)\b"), "yellow"),
    (re.compile(r"\S"), "bold"),
)


def wants_colour(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether to colour: on a terminal, unless NO_COLOR is set (no-color.org) or it is a dumb one."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def colour(line: str) -> str:
    """Colour a plain line by how it begins."""
    for beginning, name in _COLOURS:
        if beginning.match(line):
            return f"\x1b[{_CODES[name]}m{line}\x1b[0m"
    return line


def write(text: Iterable[str], stream: TextIO) -> None:
    """Write lines of which no part can steer the terminal."""
    coloured = wants_colour(stream)
    for line in text:
        plain = clean(line).rstrip()
        stream.write((colour(plain) if coloured else plain) + "\n")
