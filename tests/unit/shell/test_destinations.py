"""Which hosts may be called."""

import asyncio
import socket
from typing import Any

import pytest

from platelet.shell.outbound.allowed_hosts import Destinations, ForbiddenDestinationError

ADDRESSES = {
    "hooks.example.com": "192.0.2.10",
    "api.shop.svc": "10.96.3.4",
    "example.com": "192.0.2.1",
    "evil.example.com": "169.254.169.254",
    "mapped.example.com": "::ffff:169.254.169.254",
    "nat64.example.com": "64:ff9b::a9fe:a9fe",
    "v6.example.com": "fe80::1",
    "aws6.example.com": "fd00:ec2::254",
    "alibaba.example.com": "100.100.100.200",
    "loop.example.com": "127.0.0.1",
    "loop6.example.com": "::1",
    "any.example.com": "0.0.0.0",  # noqa: S104 - looked up, not bound
    "localhost": "127.0.0.1",
    "kubernetes.default.svc": "10.96.0.1",
    "alias.example.com": "10.96.0.1",
    "notexample.com": "192.0.2.66",
    "127.0.0.1": "127.0.0.1",
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(_: Any, host: str, port: int, **__: Any) -> list[tuple[Any, ...]]:
        if host not in ADDRESSES:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ADDRESSES[host], port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)


def rules(*allowed: str) -> Destinations:
    return Destinations(allowed, api_server=("kubernetes.default.svc", 443))


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("hooks.example.com", "hooks.example.com"),
        ("*.example.com", "hooks.example.com"),
        ("*.EXAMPLE.com", "Hooks.Example.COM."),
        ("*.svc", "api.shop.svc"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
async def test_an_allowed_host_is_given_by_its_address(allowed: str, host: str) -> None:
    assert await rules(allowed).resolve(host, 443) == ADDRESSES[host.lower().rstrip(".")]


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("", "hooks.example.com"),
        ("*", "hooks.example.com"),
        ("*.", "hooks.example.com"),
        ("example.com", "hooks.example.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "notexample.com"),
        ("*.svc", "hooks.example.com"),
        ("*.example.com", "evil.example.com"),
        ("evil.example.com", "evil.example.com"),
        ("*.example.com", "mapped.example.com"),
        ("*.example.com", "nat64.example.com"),
        ("*.example.com", "v6.example.com"),
        ("*.example.com", "aws6.example.com"),
        ("*.example.com", "alibaba.example.com"),
        ("*.example.com", "loop.example.com"),
        ("*.example.com", "loop6.example.com"),
        ("*.example.com", "any.example.com"),
        ("*.svc", "kubernetes.default.svc"),
        ("*.example.com", "alias.example.com"),
    ],
)
async def test_a_host_that_is_not_allowed_or_leads_where_it_must_not_is_refused(allowed: str, host: str) -> None:
    with pytest.raises(ForbiddenDestinationError, match=host):
        await rules(allowed).resolve(host, 443)


async def test_an_unknown_name_is_an_ordinary_failure() -> None:
    with pytest.raises(OSError, match="not known"):
        await rules("*.example.com").resolve("nobody.example.com", 443)
