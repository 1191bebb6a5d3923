"""When an alert that is gone from Alertmanager counts as resolved (DESIGN 3.4).

One look proves nothing: an Alertmanager that restarted empty knows no alert until Prometheus sends it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

APART = timedelta(minutes=1)
UP_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One complete look at Alertmanager, by fingerprints. `known` has suppressed alerts too: they are not gone."""

    at: datetime
    up_for: timedelta  # since that Alertmanager started
    held: frozenset[str]  # what we held as firing before the look; an alert that came later was not looked for
    known: frozenset[str]


def absent(polls: Sequence[Poll]) -> frozenset[str]:
    """Give the fingerprints that count as resolved after the newest of `polls`, which are oldest first.

    They were held and not known at every poll from the newest back to one at least a minute older, and Alertmanager
    had been up for more than ten minutes at all of these.
    """
    gone: frozenset[str] | None = None
    for poll in reversed(polls):
        if poll.up_for <= UP_FOR:
            break
        missing = poll.held - poll.known
        gone = missing if gone is None else gone & missing
        if polls[-1].at - poll.at >= APART:
            return gone
    return frozenset()


def keep(polls: Sequence[Poll]) -> tuple[Poll, ...]:
    """Drop the polls that `absent` no longer needs: those before the newest one that is a minute old."""
    needed = next((i for i in reversed(range(len(polls))) if polls[-1].at - polls[i].at >= APART), 0)
    return tuple(polls[needed:])
