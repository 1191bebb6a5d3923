"""The receiver's certificate and key in files: read again at the next handshake after they have changed."""

import ssl
from pathlib import Path

import structlog

Version = tuple[tuple[int, ...], ...]
_log = structlog.get_logger(__name__)


class BadCertificateError(Exception):
    """The files cannot be read, or do not fit each other; the message names them."""


class CertificateFiles:
    """A certificate chain and its key, as cert-manager and `kubectl create secret tls` mount them."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read them for the first time. Raises BadCertificateError."""
        self._certificate, self._key = certificate, key
        try:
            self._version = self._look()
            self._current = self._load()
        except (OSError, ssl.SSLError) as error:
            raise BadCertificateError(f"listen.tls: {certificate} with {key}: {_say(error)}") from None

    def context(self) -> ssl.SSLContext:
        """For a server: each handshake is made with the newest pair that fits; connections that are open stay."""
        outer = _empty()
        outer.sni_callback = self._choose
        return outer

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _outer: ssl.SSLContext) -> None:
        try:
            version = self._look()
            if version != self._version:
                self._current = self._load()
                self._version = version
                _log.info("certificate read", file=str(self._certificate))
        except (OSError, ssl.SSLError) as error:  # between two writes of a rotation: the old pair is still good
            _log.warning("certificate not read, the one before stays", error=_say(error))
        connection.context = self._current

    def _load(self) -> ssl.SSLContext:
        context = _empty()
        context.load_cert_chain(self._certificate, self._key)
        return context

    def _look(self) -> Version:
        """Tell one content from the next; a mounted Secret changes by a symbolic link, so by its inodes."""
        stats = (path.stat() for path in (self._certificate, self._key))
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_dev, stat.st_size) for stat in stats)


def _empty() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _say(error: OSError | ssl.SSLError) -> str:
    return error.strerror or type(error).__name__
