"""Serves an HTTP application on an address, by TLS where certificate files are named."""

from contextlib import AsyncExitStack

from aiohttp import web

from platelet.api.operator_config import Tls
from platelet.shell.certificate_files import CertificateFiles


async def serve(stack: AsyncExitStack, application: web.Application, address: str, tls: Tls | None = None) -> None:
    """Serve at `host:port` until the stack is closed. Raises OSError, BadCertificateError."""
    context = CertificateFiles(tls.cert_file, tls.key_file).context() if tls is not None else None
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    host, _, port = address.rpartition(":")
    await web.TCPSite(runner, host.strip("[]") or None, int(port), ssl_context=context).start()
