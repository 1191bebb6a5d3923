"""Bearer tokens in files: one token per file, several valid while rotating, read again when a file changes."""

import hmac
from collections.abc import Sequence
from pathlib import Path

import structlog

_LONGEST = 4096  # bytes; a token file that is longer is not a token file
_log = structlog.get_logger(__name__)


class NoTokenError(Exception):
    """No file holds a token now, so nobody can be told from anybody."""


class TokenFiles:
    """The valid tokens. A file that is missing, unreadable or empty holds none and costs the others nothing."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take the paths; nothing is read before the first `allows`."""
        self._paths = tuple(paths)
        self._read: dict[Path, tuple[tuple[int, ...], bytes]] = {}
        self._failing: set[Path] = set()

    def allows(self, authorization: str) -> bool:
        """Whether the header `Authorization` carries a valid token; in constant time. Raises NoTokenError."""
        valid = [token for path in self._paths if (token := self._token(path))]
        if not valid:
            raise NoTokenError("no token file can be read")
        scheme, _, rest = authorization.partition(" ")
        given = rest.strip().encode("utf-8", "surrogateescape")
        matching = [hmac.compare_digest(given, token) for token in valid]
        return scheme.lower() == "bearer" and any(matching)

    def _token(self, path: Path) -> bytes:
        try:
            version = _version(path)
            if path not in self._read or self._read[path][0] != version:
                with path.open("rb") as file:
                    content = file.read(_LONGEST + 1).strip()
                self._read[path] = (version, content if len(content) <= _LONGEST else b"")
        except OSError as error:
            self._read.pop(path, None)
            if path not in self._failing:
                self._failing.add(path)
                _log.warning("token file cannot be read", path=str(path), error=error.strerror)
            return b""
        self._failing.discard(path)
        return self._read[path][1]


def _version(path: Path) -> tuple[int, ...]:
    """Tell one content from the next; a mounted Secret changes by a symbolic link, so by its inode."""
    stat = path.stat()
    return (stat.st_mtime_ns, stat.st_ino, stat.st_dev, stat.st_size)
