"""What an app would expose: its metrics and its health, as the test says that it is doing."""

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.cluster.listening import Answer, Call

_REQUESTS = 20.0  # a second
_GOOD = 'http_requests_total{status="200",code="200",service="backend"}'
_BAD = 'http_requests_total{status="500",code="500",service="backend"}'


@dataclass(slots=True)
class App:
    """Counters that grow with time, gauges, and /health."""

    url: str = ""
    well: bool = True
    _gauges: dict[str, float] = field(default_factory=dict)
    _counted: dict[str, float] = field(default_factory=lambda: {_GOOD: 0.0, _BAD: 0.0})
    _until: float = field(default_factory=time.monotonic)  # what has been counted

    @property
    def address(self) -> str:
        """Where it is scraped."""
        return urlsplit(self.url).netloc

    def serve(self, *, well: bool) -> None:
        """From now on all requests are answered, or all fail."""
        self._count()
        self.well = well

    def gauge(self, name: str, value: float) -> None:
        """From now on this is measured."""
        self._gauges[name] = value

    def answer(self, call: Call) -> Answer:
        """200 or 503 for its health, and its metrics."""
        if call.path != "/metrics":
            return (200 if self.well else 503), None
        self._count()
        return 200, "".join(f"{name} {value}\n" for name, value in (self._counted | self._gauges).items())

    def _count(self) -> None:
        now = time.monotonic()
        self._counted[_GOOD if self.well else _BAD] += (now - self._until) * _REQUESTS
        self._until = now
