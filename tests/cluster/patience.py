"""Waiting for what a cluster does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(what: str, find: Callable[[], T | None], seconds: float = 60.0, *, every: float = 0.05) -> T:
    """Ask again and again until the answer is true, and return it; else say what was awaited."""
    deadline = time.monotonic() + seconds
    while True:
        answer = find()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}; last answer: {answer!r}")
        time.sleep(every)
