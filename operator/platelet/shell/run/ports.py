"""Serves an HTTP application on an address, by TLS where certificate files are named."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from platelet.api.operator_config import Tls
from platelet.shell.run.certificate_files import CertificateFiles


class CannotListenError(Exception):
    """An address of the settings is not to be had; the message names the field, the address and why."""


async def serve(
    stack: AsyncExitStack, application: web.Application, field: str, address: str, tls: Tls | None = None
) -> None:
    """Serve at `host:port` until the stack is closed. Raises CannotListenError, BadCertificateError.

    `field` is where the settings name the address.
    """
    context = CertificateFiles(Path(tls.cert_file), Path(tls.key_file)).context() if tls is not None else None
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    host, _, port = address.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]") or None, int(port), ssl_context=context).start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListenError(f"{field}: cannot listen at {address}: {why}: name another address") from error
