"""Alerts: one at a time by turns, many in one body, and a body that comes while heals run."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from tests.bench import heals, table
from tests.bench.contenders import Bench, Contender
from tests.bench.pair import Pair
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Result
from tests.cluster import manifests
from tests.cluster.audit import AuditEvent

_RESTART = manifests.step("restart", rolloutRestart={}, verify={"timeout": "1m", "stableFor": "1s"})
_PAUSE = 1.0  # between two tries
_HEALING = 10  # heals that run when a body comes
_BODY = 50  # its alerts
_LOGGED_WITHIN = 1.0  # seconds: what is answered stands in the audit log a moment later


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a body of many alerts fared."""

    tries: int
    taken: bool  # answered with 200
    answered: float  # seconds of the last answer
    whole: float  # seconds from the first try to the last answer
    stored: int  # records, when it was answered for the last time


@dataclass(frozen=True, slots=True)
class Restart:
    """Seconds from one alert to its answer, and to the committed patch."""

    answered: float
    patched: float


def policy() -> str:
    """Restart what an alert names, at once and without limits."""
    return manifests.policy("restart", [manifests.fires("Sick")], _RESTART)


def one_by_one(bench: Bench, sizes: Sizes) -> Result:
    """An alert, its answer and its patch, by turns."""
    with bench.both("alert", policy()) as both:
        names = [f"w{number}" for number in range(sizes.alerts)]
        for contender in both:
            contender.ground.deploy(names, "restart")
        for contender in both:
            bench.log.until_quiet(contender.user)
        turns = [both.map(partial(_deliver_one, bench, name)) for name in names]
    restarts = Pair([turn.go for turn in turns], [turn.platelet for turn in turns])
    patched = restarts.map(lambda some: statistics.median(restart.patched for restart in some))
    answered = restarts.map(lambda some: statistics.median(restart.answered for restart in some))
    many = f"p50 of {sizes.alerts} (the issue: 50)"
    return Result(
        [
            Line(f"alert POST -> committed patch, {many}", patched, "<= 0.7x Robusta: about 2.5x"),
            Line(f"alert POST -> its answer, {many}", answered, "<= 50 ms"),
        ]
    )


def _deliver_one(bench: Bench, target: str, contender: Contender) -> Restart:
    """One alert, which resolves as soon as something was done about it."""
    mark, sent = bench.log.mark(), datetime.now(UTC)
    firing = manifests.alert("Sick", contender.ground.namespace, deployment=target)
    contender.takes([firing])
    answered = (datetime.now(UTC) - sent).total_seconds()
    who = f"{contender.name}'s restart of {target}"
    patch = bench.log.until(who, mark, lambda event: contender.acts(event, target))
    contender.takes([manifests.resolved(firing)])
    bench.log.until(f"the end of {who}", mark, lambda event: contender.closes(event, target))
    bench.log.until_quiet(contender.user)
    return Restart(answered, (patch.answered - sent).total_seconds())


def crowd(bench: Bench, sizes: Sizes) -> Result:
    """As many alerts in one body as there are Deployments, sent until it is taken."""
    names = [f"w{number}" for number in range(sizes.crowd)]

    def deliver(contender: Contender) -> Delivery:
        contender.ground.deploy(names, "restart")
        bench.log.until_quiet(contender.user, seconds=sizes.patience)
        return _deliver(bench, contender, names, sizes.tries)

    with bench.both("crowd", policy()) as both:
        deliveries = both.map(deliver)
    return _result(f"{sizes.crowd:,} alerts in one body (the issue: 2,000)", deliveries, "<= 2")


def while_healing(bench: Bench, sizes: Sizes) -> Result:
    """A body of fifty alerts in the moment in which ten pods fall ill."""
    names = [f"a{number}" for number in range(_BODY)]

    def deliver(contender: Contender) -> Delivery:
        pods = heals.prepare(contender, _HEALING)
        contender.ground.deploy(names, "restart")
        bench.log.until_quiet(contender.user, seconds=sizes.patience)
        contender.ground.crash(*pods.values())
        return _deliver(bench, contender, names, sizes.tries)

    with bench.both("during", heals.policy(), policy()) as both:
        deliveries = both.map(deliver)
    return _result(f"{_BODY} alerts in one body while {_HEALING} heals run", deliveries, "200 at the first")


def _result(what: str, deliveries: Pair[Delivery], reach: str) -> Result:
    outcome = "taken" if deliveries.platelet.taken else "platelet never took it"
    return Result(
        [
            Line(f"{what}: {outcome}; tries", deliveries.map(lambda one: one.tries), reach, table.count),
            Line(f"{what}: stored then", deliveries.map(lambda one: one.stored), "all", table.count),
            Line(f"{what}: the last answer", deliveries.map(lambda one: one.answered), "<= 10 s"),
            Line(f"{what}: until then", deliveries.map(lambda one: one.whole), "-"),
        ]
    )


def _deliver(bench: Bench, contender: Contender, targets: Sequence[str], tries: int) -> Delivery:
    """Send one body about all these until it is answered with 200, as Alertmanager does."""
    namespace = contender.ground.namespace
    alerts = [manifests.alert("Sick", namespace, deployment=target) for target in targets]
    mark, begun = bench.log.mark(), time.monotonic()
    for number in range(1, tries + 1):
        sent = time.monotonic()
        taken = contender.takes(alerts)
        answered, answered_at = time.monotonic(), datetime.now(UTC)
        if taken or number == tries:
            break
        time.sleep(_PAUSE)
    time.sleep(_LOGGED_WITHIN)
    asked = [event for event in bench.log.since(mark) if event.answered <= answered_at]
    stored = {event.name for event in asked if _stores(event, contender, set(targets))}
    return Delivery(number, taken, answered - sent, answered - begun, len(stored))


def _stores(event: AuditEvent, contender: Contender, targets: set[str]) -> bool:
    """Whether a request opened a record about one of these."""
    created = event.user == contender.user and event.verb == "create" and event.code < 300
    if not created or event.resource not in ("remediations", "records") or event.response is None:
        return False
    spec = event.response.get("spec") or {}
    return (spec.get("deployment") or (spec.get("targetRef") or {}).get("name")) in targets
