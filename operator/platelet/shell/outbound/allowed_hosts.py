"""Which hosts may be called: the settings name them, and no name may lead to where the operator has special access."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx

from platelet.model.outside import AllowedHosts

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services of clouds that are not link-local, and the prefix that hides IPv4 addresses in IPv6.
_METADATA = frozenset({"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class ForbiddenDestinationError(Exception):
    """The host may not be called; the message names it and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A request's parts that lead to the address that was checked, whatever the name means a moment later."""

    url: httpx.URL
    host: str  # the header
    extensions: Mapping[str, str]  # the name that TLS is to prove


class Destinations:
    """Allows a call, and gives the address to call."""

    def __init__(self, allowed: Iterable[str], api_server: tuple[str, int] | None = None) -> None:
        """`api_server` is the host and port that must never be called by this way."""
        self._allowed = AllowedHosts(allowed)
        self._api_server = api_server

    async def resolve(self, host: str, port: int) -> str:
        """Give the one address to connect to. Raises ForbiddenDestinationError; OSError when there is none."""
        name = host.lower().rstrip(".")
        if not self._allowed.allows(name):
            raise ForbiddenDestinationError(f"{host} is not in allowedHosts")
        forbidden = await self._api_server_addresses(port)
        for address in await _lookup(name, port):
            if str(address) in forbidden:
                raise ForbiddenDestinationError(f"{host} is the API server")
            if rule := self._refusal(name, address):
                raise ForbiddenDestinationError(f"{host} leads to {rule}")
            return str(address)
        raise OSError(f"{host} has no address")

    async def pin(self, url: httpx.URL) -> Pinned:
        """Check where a URL leads, now. Raises ForbiddenDestinationError; OSError when the name has no address."""
        if url.scheme not in _DEFAULT_PORTS or url.userinfo:
            raise ForbiddenDestinationError("a url must be http(s) and hold no user or password")
        address = await self.resolve(url.host, url.port or _DEFAULT_PORTS[url.scheme])
        return Pinned(
            url=url.copy_with(host=address),
            host=url.netloc.decode("ascii"),
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )

    def _refusal(self, name: str, address: _Address) -> str:
        if address.is_link_local or str(address) in _METADATA:
            return "a link-local or metadata address"
        if address.is_loopback:
            return "" if self._allowed.names(name) else "a loopback address, which needs its exact name in allowedHosts"
        if address.is_multicast or address.is_unspecified or (address.version == 6 and address in _NAT64):  # noqa: PLR2004
            return "an address that is no host's own"
        return ""

    async def _api_server_addresses(self, port: int) -> frozenset[str]:
        if self._api_server is None or self._api_server[1] != port:
            return frozenset()
        try:
            return frozenset(str(address) for address in await _lookup(*self._api_server))
        except OSError:
            return frozenset()


async def _lookup(host: str, port: int) -> list[_Address]:
    addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [_plain(ipaddress.ip_address(str(entry[4][0]).partition("%")[0])) for entry in addresses]


def _plain(address: _Address) -> _Address:
    """Unwrap an IPv4 address that is written as IPv6, so that the rules see it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
