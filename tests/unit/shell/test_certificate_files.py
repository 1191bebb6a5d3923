"""The receiver's certificate is the newest one that fits its key, told by real TLS clients."""

import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from platelet.api.operator_config import Tls
from platelet.shell.run import ports
from platelet.shell.run.certificate_files import BadCertificateError, CertificateFiles
from tests.cluster import certificates, processes


class Pair:
    """A mounted pair, which is replaced by those of one authority or another."""

    def __init__(self, folder: Path) -> None:
        """Make two authorities, each with a certificate for loopback."""
        self.issued = {name: certificates.write(folder / name) for name in ("first", "second")}
        self.certificate = folder / "tls.crt"
        self.tls = Tls(cert_file=self.certificate, key_file=folder / "tls.key")

    def mount(self, certificate: str, key: str = "") -> None:
        """Replace both files; a key of another authority's does not fit."""
        shutil.copy(self.issued[certificate].serving, self.tls.cert_file)
        shutil.copy(self.issued[key or certificate].serving_key, self.tls.key_file)

    def client(self, authority: str) -> httpx.AsyncClient:
        """A client that trusts one of them only."""
        context = ssl.create_default_context(cafile=str(self.issued[authority].ca))
        return httpx.AsyncClient(verify=context, trust_env=False, timeout=5)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """The first pair is mounted."""
    mounted = Pair(tmp_path)
    mounted.mount("first")
    return mounted


@pytest.fixture
async def port(pair: Pair) -> AsyncIterator[int]:
    """Where an application is served with it."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="heard")

    application = web.Application()
    application.router.add_get("/", answer)
    async with AsyncExitStack() as stack:
        (free,) = processes.free_ports(1)
        await ports.serve(stack, application, "listen.alerts", f"127.0.0.1:{free}", pair.tls)
        yield free


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])  # with and without a server name in the handshake
async def test_a_client_that_trusts_the_authority_is_served(pair: Pair, port: int, host: str) -> None:
    """And one that does not is not, nor one that speaks plainly."""
    async with pair.client("first") as trusting, pair.client("second") as other:
        assert (await trusting.get(f"https://{host}:{port}/")).text == "heard"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await other.get(f"https://{host}:{port}/")
        with pytest.raises(httpx.HTTPError):
            await trusting.get(f"http://{host}:{port}/")


async def test_a_rotated_certificate_is_used_at_the_next_handshake_and_costs_no_connection(
    pair: Pair, port: int
) -> None:
    """Nobody restarts the operator for a new certificate."""
    async with pair.client("first") as early, pair.client("second") as late:
        url = f"https://localhost:{port}/"
        assert (await early.get(url)).text == "heard"
        pair.mount("second")
        assert (await late.get(url)).text == "heard"
        assert (await early.get(url)).text == "heard"  # on its old connection
    async with pair.client("first") as late_for_the_old:
        with pytest.raises(httpx.ConnectError):
            await late_for_the_old.get(url)


@pytest.mark.parametrize("spoil", ["half", "gone", "rubbish"])
async def test_a_pair_that_does_not_fit_leaves_the_one_before_in_use_until_it_does(
    pair: Pair, port: int, spoil: str
) -> None:
    """Files are replaced one after the other, and people make mistakes."""
    match spoil:
        case "half":
            pair.mount("second", key="first")
        case "gone":
            pair.certificate.unlink()
        case _:
            pair.certificate.write_text("rubbish")
    async with pair.client("first") as client:
        assert (await client.get(f"https://localhost:{port}/")).text == "heard"
    pair.mount("second")
    async with pair.client("second") as client:
        assert (await client.get(f"https://localhost:{port}/")).text == "heard"


@pytest.mark.parametrize("name", ["cert_file", "key_file"])
def test_files_that_cannot_be_read_stop_the_start_by_name(pair: Pair, name: str) -> None:
    """A receiver without its certificate would be refused by every sender, hours later."""
    path = Path(getattr(pair.tls, name))
    path.unlink()
    with pytest.raises(BadCertificateError, match=f"listen.tls: .*{path.name}.*No such file"):
        CertificateFiles(Path(pair.tls.cert_file), Path(pair.tls.key_file))
