"""What happened to alerts of one name that lead to no workload, as one list by time."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.explain import calls
from platelet.explain.entry import Entry, in_order, not_over_before
from platelet.explain.timeline import KINDS, Timeline
from platelet.model.untargeted_alert import UntargetedAlert


def compile_timeline(
    name: str, namespace: str, policies: Sequence[ResolvedPolicy], since: datetime | None, now: datetime
) -> Timeline:
    """Make one list of what these policies have on record of them."""
    recorded = [(resolved, alert) for resolved in policies for alert in resolved.untargeted if alert.reason == name]
    entries = not_over_before(since, in_order(entry for pair in recorded for entry in _record(*pair)))
    return Timeline(target=("Alert", namespace, name), exists=bool(recorded), since=since, entries=entries, now=now)


def _record(resolved: ResolvedPolicy, alert: UntargetedAlert) -> Iterator[Entry]:
    """That it fires, and leads nowhere; whom a policy has called for it, and that it is over."""
    key = resolved.policy.key
    yield Entry(at=alert.first_seen, kind=KINDS[alert.source], reason=alert.cause, message=alert.message, by=key)
    if alert.call is not None:
        message = f"on record of policy {key}: people are called"
        yield Entry(at=alert.call.at, kind="opened", message=message)
    yield from calls.tell(key, alert, resolved.notifications)
