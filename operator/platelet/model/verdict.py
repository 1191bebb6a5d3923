"""What guards, checks and actions answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platelet.model.intent import PostState
from platelet.model.remediation import TakeBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """A guard's no: why, and when to ask again (None: when the world changes, or at the next resync)."""

    reason: str  # a constant of model.reasons
    message: str
    retry_at: datetime | None = None
    escalate: bool = False  # waiting cannot help: tell people now
    common_cause: bool = False  # nothing of this target's own: people are told soon, once for all that wait for it
    undo_helps: bool = False  # what stands in the way is the live template's own doing: a later step may undo it


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A check's answer. Pending is not an outcome: ask again at `retry_at`."""

    outcome: Literal["Pending", "Recovered", "Failed", "Inconclusive"]
    reason: str
    message: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an action would do: the pinned post-state, said in one sentence."""

    post: PostState
    summary: str
    take_back: TakeBack | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An action that cannot be planned here. The step is skipped; after the last step come people."""

    reason: str
    message: str
