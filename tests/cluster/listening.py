"""What stands around the operator in live tests: a pager that takes notices, others that are asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.cluster.manifests import Json, ago
from tests.published import alertmanager as alertmanager_api
from tests.published import pagerduty, slack

Answer = tuple[int, Any]
SLACK_TOKEN = "xoxb-of-the-tests"
ROUTING_KEY = "r0ut1ng-k3y-of-32-characters-abc"
ROUTING_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Json:
        """The CloudEvent that it carries."""
        event: Json = json.loads(self.body)
        return event


@dataclass(slots=True)
class Pager:
    """Takes notices; at first it refuses as many as it is told."""

    url: str = ""
    refuses: int = 0
    calls: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        """Keep the call."""
        self.calls.append(call)
        return (503 if len(self.calls) <= self.refuses else 204), None

    def of(self, namespace: str) -> list[Call]:
        """The calls about one namespace."""
        return [call for call in self.calls if namespace.encode() in call.body]


@dataclass(slots=True)
class Publishers:
    """Stands in for PagerDuty, Slack and an Alertmanager: takes only what their published limits allow."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # why something was not taken

    def answer(self, call: Call) -> Answer:
        """As their references say."""
        self.calls.append(call)
        if call.path == "/api/v2/alerts":
            faults = alertmanager_api.faults(call.event)
            self.faults += faults
            return 400 if faults else 200, None
        method = call.path.removeprefix("/api/")
        if method == call.path:
            faults = pagerduty.faults(call.path, call.event)
            self.faults += faults
            return (400, {"status": "invalid event", "errors": faults}) if faults else (202, {"status": "success"})
        if call.headers.get("Authorization") != f"Bearer {SLACK_TOKEN}":
            return 200, {"ok": False, "error": "invalid_auth"}
        faults = slack.faults(method, call.event)
        self.faults += faults
        if faults:
            return 200, {"ok": False, "error": "invalid_arguments"}
        return 200, {
            "ok": True,
            "channel": call.event["channel"],
            "ts": call.event.get("ts", f"{len(self.calls)}.000100"),
        }

    def taken(self, path: str) -> list[Json]:
        """The bodies of one path, in their order."""
        return [call.event for call in self.calls if call.path == path]


@dataclass(slots=True)
class Alertmanager:
    """Answers what it is asked under /api/v2, as one of version 0.28 that has been up for a day."""

    url: str = ""
    firing: list[Json] = field(default_factory=list)
    asked: int = 0  # how often for its alerts
    since: str = field(default_factory=lambda: ago(600))  # they have begun
    routes: list[Callable[[Json], object]] = field(default_factory=list)  # where an alert goes that is posted here

    def answer(self, call: Call) -> Answer:
        """As the OpenAPI of Alertmanager says."""
        if call.path == "/api/v2/alerts" and call.method == "POST":
            for alert in json.loads(call.body):
                for route in self.routes:
                    route(alert)
            return 200, None
        if call.path == "/api/v2/alerts":
            self.asked += 1
            return 200, self._alerts()
        if call.path == "/api/v2/alerts/groups":
            return 200, [{"receiver": {"name": "platelet"}, "labels": {}, "alerts": self._alerts()}]
        if call.path == "/api/v2/receivers":
            return 200, [{"name": "platelet"}]
        if call.path == "/api/v2/status":
            return 200, {"uptime": ago(86_400), "cluster": {"status": "ready"}, "versionInfo": {}, "config": {}}
        return 404, None

    def _alerts(self) -> list[Json]:
        """They fire for us, and have for a while."""
        state = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
        common = {"status": state, "updatedAt": ago(0), "startsAt": self.since, "receivers": [{"name": "platelet"}]}
        return [{**alert, **common} for alert in self.firing]


@dataclass(slots=True)
class Prometheus:
    """Answers POST /api/v1/query with the samples of each query; what is not known to it has none."""

    url: str = ""
    down: bool = False
    series: dict[str, list[tuple[Json, float]]] = field(default_factory=dict)  # by query: labels and value
    asked: list[str] = field(default_factory=list)

    def measure(self, query: str, value: float, **labels: str) -> None:
        """From now on the query gives this one sample."""
        self.series[query] = [(labels, value)]

    def answer(self, call: Call) -> Answer:
        """As the HTTP API of Prometheus says."""
        query = parse_qs(call.body.decode()).get("query", [""])[0]
        self.asked.append(query)
        if self.down or call.path != "/api/v1/query":
            return 500, None
        now = time.time()
        result = [{"metric": labels, "value": [now, f"{value:g}"]} for labels, value in self.series.get(query, [])]
        return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}


@contextmanager
def prometheus() -> Iterator[Prometheus]:
    """A Prometheus on loopback that knows nothing yet."""
    prometheus = Prometheus()
    with serving(prometheus.answer) as url:
        prometheus.url = url
        yield prometheus


@contextmanager
def pager(refuses: int = 0) -> Iterator[Pager]:
    """A pager on loopback."""
    pager = Pager(refuses=refuses)
    with serving(pager.answer) as url:
        pager.url = f"{url}/notices"
        yield pager


@contextmanager
def publishers() -> Iterator[Publishers]:
    """All three on loopback."""
    publishers = Publishers()
    with serving(publishers.answer) as url:
        publishers.url = url
        yield publishers


@contextmanager
def alertmanager(*firing: Json) -> Iterator[Alertmanager]:
    """An Alertmanager on loopback, in which these alerts fire."""
    alertmanager = Alertmanager(firing=list(firing))
    with serving(alertmanager.answer) as url:
        alertmanager.url = url
        yield alertmanager


@contextmanager
def serving(answer: Callable[[Call], Answer]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, content = answer(Call(self.command, self.path.partition("?")[0], dict(self.headers), body))
            text = content if isinstance(content, str) else "" if content is None else json.dumps(content)
            raw = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
