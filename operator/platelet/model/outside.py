"""What the operator's settings let it do: whom it can ask, who can tell it, whom it may call, and where not."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import AfterValidator

URL_PATTERN = "^https?://[^/?#@ ]+([/?#][^ ]*)?$"
"""A URL that a check or a step may ask, as far as a pattern can say."""
ALERTMANAGER_FIX = "set alertmanager.url in the operator's settings, as in http://alertmanager.monitoring.svc:9093"
PROMETHEUS_FIX = "set prometheus.url in the operator's settings, as in http://prometheus.monitoring.svc:9090"


def host_of(url: str) -> str:
    """The host that a URL names; empty where it names none, or a port that there cannot be."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return host if port != 0 else ""


def names_a_host(rule: str) -> AfterValidator:
    """Refuse a URL without a host, in the words of the rule that `URL_PATTERN` has there."""

    def check(url: str) -> str:
        if not host_of(url):
            raise ValueError(f"{url!r} is {rule}")
        return url

    return AfterValidator(check)


class AllowedHosts:
    """The hosts that may be called: `example.com` exactly, `*.example.com` for everything below it."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Take the patterns of the setting `allowedHosts`."""
        patterns = [host.lower().rstrip(".") for host in allowed]
        self._exact = frozenset(host for host in patterns if not host.startswith("*."))
        self._suffixes = tuple(host[1:] for host in patterns if host.startswith("*.") and len(host) > len("*."))

    def names(self, host: str) -> bool:
        """Whether a host is allowed by its own name, not only by what is above it."""
        return host.lower().rstrip(".") in self._exact

    def allows(self, host: str) -> bool:
        """Whether a host may be called."""
        return self.names(host) or host.lower().rstrip(".").endswith(self._suffixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the operator's settings allow. A policy or Runbook that asks for more has a fault."""

    has_prometheus: bool = False
    has_alertmanager: bool = False
    accepts_alerts: bool = False  # by the receiver, which needs a token
    accepts_callbacks: bool = False  # on an address of their own
    allowed_hosts: tuple[str, ...] = ()
    protected_namespaces: frozenset[str] = frozenset()  # beside kube-system and the operator's own

    def allows(self, host: str) -> bool:
        """Whether a host may be called."""
        return AllowedHosts(self.allowed_hosts).allows(host)
