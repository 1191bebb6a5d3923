"""What Prometheus is told. One registry of our own; labels come from small vocabularies, never from users' names."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from platelet.model.reading import Answered, Judged, Reading, Result

_PREFIX = "platelet"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """All metrics of the operator, by attribute. Gauges of things that know themselves: `gauge.set_function(...)`."""

    def __init__(self) -> None:
        """Make a fresh registry with everything at zero."""
        self.registry = CollectorRegistry()
        self._of_requests: dict[tuple[str, str, int], Histogram] = {}  # to find one by its labels takes longer
        self._add_remediation()
        self._add_plumbing()

    def on_response(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Take an answer of the API server (client.OnResponse); code 0 means that none came."""
        key = verb, resource, code
        if key not in self._of_requests:
            self._of_requests[key] = self.kube_requests.labels(verb=verb, resource=resource, code=str(code))
        self._of_requests[key].observe(seconds)

    def on_stream_restart(self, stream: str, reason: str) -> None:
        """Count that a stream had to connect again, and why."""
        self.stream_restarts.labels(stream=stream, reason=reason).inc()

    def on_budget(self, used: int | None, free: int) -> None:
        """Take what the ActionBudget says; None when it cannot be read: then nothing is free."""
        if used is not None:
            self.budget_used.set(used)
        self.budget_free.set(free)

    def on_alert(self, result: str) -> None:
        """Count what became of an alert that was received (delivery.FATES); `malformed` ones cannot be read."""
        self.alerts_received.labels(result=result).inc()

    def on_poll(self, result: str) -> None:
        """Count how a look at Alertmanager ended."""
        self.polls.labels(result=result).inc()

    def on_delivery(self, delivered: bool) -> None:  # noqa: FBT001 - the one thing to be told
        """Count a try to tell a sink that is called."""
        self.deliveries.labels(result="delivered" if delivered else "failed").inc()

    def on_reading(self, reading: Reading) -> None:
        """Count an answer of a Prometheus, a URL or a condition that was asked; `unknown` is none."""
        kind = {Result: "query", Answered: "probe", Judged: "condition"}.get(type(reading), "unknown")
        self.readings.labels(result=kind).inc()

    def _add_remediation(self) -> None:
        self.attempts = self._counter("attempts", "Attempts by action and phase", "action", "phase")
        self.decisions = self._counter("decisions", "Decisions on record, also each no, by reason", "reason")
        self.verdicts = self._counter("verdicts", "Outcomes of verifications", "outcome")
        self.escalations = self._counter("escalations", "Remediations handed to people, by reason", "reason")
        self.alerts_received = self._counter("alerts_received", "Alerts by what became of them", "result")
        self.polls = self._counter("alertmanager_polls", "Looks at Alertmanager, by how they ended", "result")
        self.readings = self._counter("readings", "Answers to what checks and triggers ask, by kind", "result")
        self.deliveries = self._counter("deliveries", "Tries to tell a sink that is called, by result", "result")
        self.callbacks = self._counter(
            "callbacks", "Requests of places where people answer, by what came of them", "result"
        )
        self.notices_undelivered = self._gauge(
            "notices_undelivered", "Notices that a sink has not taken so far and that are tried again"
        )
        self.remediations_open = self._gauge(
            "remediations_open", "Open remediations by state; Unreadable ones are a newer version's, or spoilt", "state"
        )
        self.budget_used = self._gauge("budget_used", "Reservations that count now")
        self.budget_free = self._gauge("budget_free", "Actions that there is still room for; only the leader knows")

    def _add_plumbing(self) -> None:
        self.unexpected_errors = self._counter(
            "unexpected_errors", "Faults of platelet itself, each with a traceback in the log", "where"
        )
        self.leader = self._gauge("leader", "1 while this replica leads")
        self.queue_depth = self._gauge("queue_depth", "Keys that wait for a worker")
        self.event_loop_lag = self._gauge("event_loop_lag_seconds", "How late the event loop last was")
        self.stream_silence = self._gauge("stream_silence_seconds", "Since the stream last said anything", "stream")
        self.stream_restarts = self._counter("stream_restarts", "New connections of a stream", "stream", "reason")
        self.kube_requests = Histogram(
            f"{_PREFIX}_kube_requests_seconds",
            "Requests to the API server until the headers of the answer; code 0 is no answer",
            ("verb", "resource", "code"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, labels, registry=self.registry)
