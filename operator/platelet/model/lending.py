"""Changes for a time: how a step says when its change is reverted, and the obligation that its plan gets from that."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from platelet.model.constraint import Rule
from platelet.model.durations import PATTERN, Duration, format_duration
from platelet.model.policy import DAY
from platelet.model.remediation import Revert

RevertAfter = Annotated[
    Duration | None,
    Field(description="Revert the change this long after it was planned, if it is still ours."),
]
RevertWhenResolved = Annotated[
    bool,
    Field(description="Revert the change when the alert has resolved, if it is still ours."),
]
WITHIN_A_DAY: Final = Rule(
    # Text that is no duration is left to the rule on the text.
    cel=f"!has(self.revertAfter) || !self.revertAfter.matches('{PATTERN}') || "
    "(duration(self.revertAfter) > duration('0s') && duration(self.revertAfter) <= duration('24h'))",
    broken=lambda step: step.revert_after is not None and not timedelta() < step.revert_after <= DAY,
    message="revertAfter must be longer than 0s and at most 24h, the memory of the ActionBudget",
)


def revert(settings: Any, now: datetime) -> Revert | None:
    """When a change with these settings is reverted; None where it is to last."""
    due_at = None if settings.revert_after is None else now + settings.revert_after
    if due_at is None and not settings.revert_when_resolved:
        return None
    return Revert(due_at=due_at, when_resolved=settings.revert_when_resolved)


def say(settings: Any) -> str:
    """For how long it is made, to be put after that: ` (1h or until the alert has resolved)`; empty where it lasts."""
    until = [format_duration(settings.revert_after)] if settings.revert_after is not None else []
    until += ["until the alert has resolved"] if settings.revert_when_resolved else []
    return f" ({' or '.join(until)})" if until else ""
