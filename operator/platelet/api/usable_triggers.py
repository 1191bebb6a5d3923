"""Which triggers of a policy can be used at all. One that cannot costs the others nothing, and is told.

Where none is left the policy is not Ready; else the others go on, and what is not used is a caveat of the policy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from platelet.api.conditions import Readiness
from platelet.api.outside import PROMETHEUS_FIX, Outside
from platelet.model import reasons
from platelet.triggers import matchers, query
from platelet.triggers.alert import AlertTrigger
from platelet.triggers.query import QueryTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A trigger that is not used, and why, said so that its author can mend it."""

    trigger: AlertTrigger | QueryTrigger
    reason: str
    message: str


def find_unusable(triggers: Iterable[AlertTrigger | QueryTrigger], outside: Outside | None) -> tuple[Unusable, ...]:
    """Judge what the API server cannot. `outside` is whom the operator can ask, None where that is not known."""
    found = ((trigger, _fault(trigger, outside)) for trigger in triggers)
    return tuple(
        Unusable(trigger=trigger, reason=fault[0], message=fault[1]) for trigger, fault in found if fault is not None
    )


def say(unusable: Sequence[Unusable]) -> Readiness:
    """All of them, where there is no other; the first names the reason."""
    message = "; ".join(dict.fromkeys(each.message for each in unusable))
    return Readiness(ready=False, reason=unusable[0].reason, message=message)


def _fault(trigger: AlertTrigger | QueryTrigger, outside: Outside | None) -> tuple[str, str] | None:
    if isinstance(trigger, AlertTrigger):
        try:
            matchers.parse_matchers(trigger.matchers)
        except matchers.InvalidMatcherError as error:
            return reasons.INVALID_MATCHER, str(error)
        return None
    fault = query.find_fault(trigger)
    if fault:
        return reasons.INVALID_QUERY, f"expr {trigger.expr!r}: {fault}"
    if outside is not None and not outside.has_prometheus:
        return reasons.PROMETHEUS_NOT_CONFIGURED, f"a query trigger needs a Prometheus: {PROMETHEUS_FIX}"
    return None
