"""Where escalations arrive: a listener on loopback that keeps what it is sent, as a pager would."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_LONGEST = 1 << 20  # bytes


class OnCall:
    """The people on call."""

    def __init__(self, port: int) -> None:
        """Nothing has arrived yet."""
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"{self.base}/on-call"
        self.received: list[dict[str, Any]] = []
        self.by_path: dict[str, list[dict[str, Any]]] = {}


@contextmanager
def listening() -> Iterator[OnCall]:
    """Listen for the length of a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", "0")), _LONGEST)
            notice = json.loads(self.rfile.read(length))
            on_call.received.append(notice)
            on_call.by_path.setdefault(self.path, []).append(notice)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet: the timeline speaks."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    on_call = OnCall(server.server_address[1])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield on_call
    finally:
        server.shutdown()
        server.server_close()
