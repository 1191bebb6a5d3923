"""Which triggers of a policy can be used at all. One that cannot costs the others nothing, and is told.

Where none is left the policy is not Ready; else the others go on, and what is not used is a caveat of the policy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from platelet import triggers
from platelet.api.kinds.conditions import Readiness
from platelet.model import reasons
from platelet.model.fault import Fault
from platelet.model.outside import PROMETHEUS_FIX, Outside
from platelet.model.trigger import FromQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """The settings of a trigger that is not used, and why, said so that its author can mend it."""

    trigger: Any
    reason: str
    message: str


def find_unusable(settings: Iterable[Any], outside: Outside | None) -> tuple[Unusable, ...]:
    """Judge what the API server cannot. `outside` is whom the operator can ask, None where that is not known."""
    faults = ((trigger, _find_fault(trigger, outside)) for trigger in settings)
    return tuple(
        Unusable(trigger=trigger, reason=fault.reason, message=fault.message)
        for trigger, fault in faults
        if fault is not None
    )


def say(unusable: Sequence[Unusable]) -> Readiness:
    """All of them, where there is no other; the first names the reason."""
    message = "; ".join(dict.fromkeys(trigger.message for trigger in unusable))
    return Readiness(ready=False, reason=unusable[0].reason, message=message)


def _find_fault(settings: Any, outside: Outside | None) -> Fault | None:
    trigger = triggers.of(settings)
    fault = trigger.find_fault(settings)
    if fault is None and isinstance(trigger, FromQueries) and outside is not None and not outside.has_prometheus:
        message = f"a query trigger needs a Prometheus: {PROMETHEUS_FIX}"
        return Fault(reason=reasons.PROMETHEUS_NOT_CONFIGURED, message=message)
    return fault
