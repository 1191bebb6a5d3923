"""The client for what the settings name: Alertmanager and Prometheus, each with a token of its own, if any."""

from collections.abc import Generator
from pathlib import Path

import httpx

_SECONDS = 10.0  # for each step of an answer; whoever asks bounds the whole


class TokenFile(httpx.Auth):
    """A bearer token from a file, read at each request: it may be rotated."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is read yet."""
        self._path = path

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token as it is now. Raises OSError when it cannot be read."""
        request.headers["Authorization"] = f"Bearer {self._path.read_text(encoding='ascii').strip()}"
        yield request


def make_client(token_file: Path | None = None) -> httpx.AsyncClient:
    """Make the client to ask with: it follows nothing and knows no proxy."""
    auth = TokenFile(token_file) if token_file is not None else None
    return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=_SECONDS, auth=auth)
