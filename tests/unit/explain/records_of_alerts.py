"""An alert that leads to no workload, as a policy has it on record, and the policy."""

from typing import Any

from platelet.api.kinds.status_lists import ALERTS
from platelet.model.escalation_levels import ToldLevel
from platelet.model.notification import Notification
from platelet.model.recorded_call import RecordedCall
from platelet.model.untargeted_alert import UntargetedAlert
from tests.unit.explain.records_of_jobs import policy_with
from tests.unit.situations import NOW, minutes

CALLED = RecordedCall(at=NOW - minutes(30), told=(ToldLevel(level=1, sinks=("pagerduty",)),))
HEARD = RecordedCall(
    at=CALLED.at,
    told=(*CALLED.told, ToldLevel(level=2, sinks=("lead",))),
    acknowledged_by="ann",
    acknowledged_at=NOW - minutes(5),
)


def an_untargeted_alert(name: str = "ApiDown", **changed: Any) -> UntargetedAlert:
    """It has fired for half an hour, and the first level was called."""
    facts = {"message": "why", "severity": "page", "call": CALLED, "fingerprint": f"{name}/1", **changed}
    begun = NOW - minutes(31)
    return UntargetedAlert(source="alert", reason=name, first_seen=begun, last_seen=begun, **facts)


def a_call(alert: UntargetedAlert, sink: str = "pagerduty", level: int = 1, **changed: Any) -> Notification:
    """What a sink has taken of it."""
    occasion = f"level-{level}" if level > 1 else ""
    facts = {"state": "Delivered", "told_at": NOW - minutes(29), **changed}
    return Notification(
        id="/".join(filter(None, ("uid-policy/untargeted", alert.known_as, occasion))),
        sink=sink,
        level=level,
        kind="Untargeted",
        reason="NoTarget",
        message="why",
        at=alert.first_seen,
        **facts,
    )


def policy_of(*alerts: UntargetedAlert, notifications: tuple[Notification, ...] = ()) -> dict[str, Any]:
    """A policy as it is stored."""
    return policy_with(notifications=notifications, **ALERTS.write(alerts))
