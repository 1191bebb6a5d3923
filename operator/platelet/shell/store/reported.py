"""What the operator has reported on a policy itself, for those who do not know the operator's settings.

Only the settings tell which Prometheus and which hosts may be asked; a command reads it from the conditions.
"""

from platelet.api.kinds import conditions
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.model.remediation import Condition
from platelet.shell.kube import Json

_OF_THE_SETTINGS = frozenset({reasons.PROMETHEUS_NOT_CONFIGURED, reasons.HOST_NOT_ALLOWED})


def unreadiness(stored: Json) -> conditions.Readiness | None:
    """The operator's verdict that its settings keep this generation from being used; None: it has given none."""
    condition = _condition(stored, "Ready")
    if condition is None or condition.status != "False" or condition.reason not in _OF_THE_SETTINGS:
        return None
    return conditions.Readiness(ready=False, reason=condition.reason, message=condition.message)


def outside_for_queries(stored: Json) -> Outside | None:
    """Settings without a Prometheus, if the operator has reported that query triggers of this generation lack one."""
    condition = _condition(stored, conditions.WARNING)
    return Outside() if condition is not None and condition.reason == reasons.PROMETHEUS_NOT_CONFIGURED else None


def _condition(stored: Json, type_: str) -> Condition | None:
    """The condition of this type, if it is about the present generation."""
    generation = stored["metadata"].get("generation", 0)
    listed = conditions.read_conditions((stored.get("status") or {}).get("conditions"))
    return next(
        (condition for condition in listed if condition.type == type_ and condition.observed_generation == generation),
        None,
    )
