"""All that is asked of others than the API server, as the settings allow."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from platelet.api.operator_config import OperatorConfig
from platelet.model.reading import Reading
from platelet.shell.kube import Reads
from platelet.shell.outbound.allowed_hosts import Destinations
from platelet.shell.outbound.conditions import ObjectConditions
from platelet.shell.outbound.http_probe import HttpProbe
from platelet.shell.outbound.inquiry import Inquiry
from platelet.shell.outbound.prometheus import NoPrometheus, Prometheus


class Outgoing:
    """Prometheus, URLs of checks, and where a webhook may lead."""

    def __init__(
        self, config: OperatorConfig, api_server: str, kube: Reads, on_reading: Callable[[Reading], None]
    ) -> None:
        """Nothing is asked yet; `on_reading` hears of each answer.

        `api_server` is its URL, which is never called by this way; `kube` has the workloads that conditions are over.
        """
        asked = config.prometheus
        self.allowed = Destinations(config.allowed_hosts, _host_and_port(api_server))
        token = Path(asked.token_file) if asked is not None and asked.token_file is not None else None
        self.prometheus = Prometheus(asked.url, token) if asked is not None else NoPrometheus()
        self._probe = HttpProbe(self.allowed)
        self.inquiry = Inquiry(self.prometheus, self._probe, ObjectConditions(kube), on_reading=on_reading)

    async def close(self) -> None:
        """Close all connections."""
        await self._probe.close()
        await self.prometheus.close()


def _host_and_port(url: str) -> tuple[str, int] | None:
    parts = urlsplit(url)
    return (parts.hostname, parts.port or 443) if parts.hostname else None
