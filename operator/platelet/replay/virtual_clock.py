"""Time that moves only when told to."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class VirtualClock:
    """Satisfies `shell.clock.Clock`: the API server's time, always freshly sampled."""

    ready = True

    def __init__(self, start: datetime = START) -> None:
        """Begin at `start`."""
        self.moment = start
        self.floor = start
        self.lead = timedelta()

    def now(self) -> datetime:
        """The virtual moment."""
        return max(self.moment + self.lead, self.floor)

    def step(self, ahead: timedelta) -> None:
        """From now on the API server's time leads, and is believed."""
        self.lead += ahead

    def age(self) -> float:
        """Seconds since the last sample: none pass."""
        return 0.0

    def raise_to(self, moment: datetime) -> None:
        """From now on answer at least `moment`, as `ServerClock` does."""
        if moment <= self.moment + self.lead + timedelta(minutes=1):
            self.floor = max(self.floor, moment)

    def seconds(self) -> float:
        """Seconds since the start, as a boot clock would count them."""
        return (self.moment - START) / timedelta(seconds=1)
