"""What one look at a situation leads to."""

from dataclasses import dataclass
from datetime import datetime

from platelet.model.effects import Effect
from platelet.model.notice import Notice
from platelet.model.remediation import RemediationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The status to store (if it differs), then the effects in order, then when to look again.

    Whoever runs it looks again at once after anything was stored or done: `again_at` counts only when nothing was.
    """

    status: RemediationStatus
    effects: tuple[Effect, ...] = ()
    again_at: datetime | None = None
    notices: tuple[Notice, ...] = ()  # what people are to be told that the status does not show by itself
