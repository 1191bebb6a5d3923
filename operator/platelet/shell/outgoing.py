"""All that is asked of others than the API server, as the settings allow."""

from collections.abc import Callable
from urllib.parse import urlsplit

from platelet.api.operator_config import OperatorConfig
from platelet.model.reading import Reading
from platelet.shell.destinations import Destinations
from platelet.shell.http_probe import HttpProbe
from platelet.shell.inquiry import Inquiry
from platelet.shell.prometheus import NoPrometheus, Prometheus


class Outgoing:
    """Prometheus, URLs of checks, and where a webhook may lead."""

    def __init__(self, config: OperatorConfig, api_server: str, on_reading: Callable[[Reading], None]) -> None:
        """`api_server` is its URL, which is never called by this way; `on_reading` hears of each answer."""
        asked = config.prometheus
        self.allowed = Destinations(config.allowed_hosts, _host_and_port(api_server))
        self.prometheus = Prometheus(asked.url, asked.token_file) if asked is not None else NoPrometheus()
        self._probe = HttpProbe(self.allowed)
        self.inquiry = Inquiry(self.prometheus, self._probe, on_reading=on_reading)

    async def close(self) -> None:
        """Close all connections."""
        await self._probe.close()
        await self.prometheus.close()


def _host_and_port(url: str) -> tuple[str, int] | None:
    parts = urlsplit(url)
    return (parts.hostname, parts.port or 443) if parts.hostname else None
