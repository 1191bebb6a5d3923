"""What guards, checks and actions answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platelet.model.intent import PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.node_room import Placement
from platelet.model.remediation import Revert


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """A guard's no: why, and when to ask again (None: when the world changes, or at the next resync)."""

    reason: str  # a constant of model.reasons
    message: str
    retry_at: datetime | None = None
    look_at: datetime | None = None  # earlier than that: what is asked of others may have another answer
    escalate: bool = False  # waiting cannot help: tell people now
    in_turn: bool = False  # others wait for the same place: who is looked at when it may be free, `core.places` says
    common_cause: bool = False  # nothing of this target's own: people are told soon, once for all that wait for it
    undo_helps: bool = False  # what stands in the way is the live template's own doing: a later step may undo it


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A check's answer. Pending is not an outcome: ask again at `retry_at`."""

    outcome: Literal["Pending", "Recovered", "Failed", "Inconclusive"]
    reason: str
    message: str
    retry_at: datetime | None = None
    is_fact: bool = False  # what was not found is ill health that no pod and no alert may show
    may_still_happen: bool = False  # what was asked for is not there, and may come later: it is reverted before that


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A plan to do nothing yet: why, until when at the latest, and when it is looked at again."""

    reason: str
    message: str
    until: datetime
    look_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an action would do: its changes in the order in which they are made, said in one sentence."""

    changes: tuple[PinnedChange, ...]
    summary: str
    revert: Revert | None = None
    keeps: KeptValues | None = None
    """What must be on record before anything of it is pinned: the plan is then made anew, and names the record.
    One that is there under this name, and holds something else, is replaced."""
    placement: Placement | None = None  # the pods that it would have made, where a node must be able to hold one
    pause: Pause | None = None  # nothing is done until its end, when it is planned anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An action that cannot be planned here. The step is skipped; after the last step come people.

    One that came to another outcome without doing anything follows the step's onFailure or onInconclusive.
    """

    reason: str
    message: str
    outcome: Literal["PassedOver", "Failed", "Inconclusive"] = "PassedOver"
