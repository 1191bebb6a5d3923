"""A change of one object: what the flow must know of it, without knowing its kind."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from platelet.model import reasons
from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.intent import PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.request import Request
from platelet.model.resource import Resource
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal, Verdict
from platelet.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The object that a change writes, as it is now."""

    uid: str
    resource_version: str
    version: str  # unchanged, nothing was written on it; generations move with every annotation, too (TRAPS 47)
    values: Mapping[str, str]  # of the fields that the change writes
    blocked: str = ""  # why the change may not be written now, other than that a field has another value


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A write as data: what is sent, and to which object of the target's namespace."""

    resource: Resource
    name: str
    subresource: str = ""
    creates: bool = False  # a POST: of an object whose name is taken but once, or to a subresource; else a PATCH
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The object as the API server answered a write: plain, and read as what it is where that is known."""

    body: Mapping[str, Any] = field(repr=False)
    workload: Workload | None = None
    autoscaler: Autoscaler | None = None
    kept: KeptValues | None = None  # what the change's digests stand for


class Change(ABC):
    """One kind of change. All that is asked of it is asked about one `PinnedChange` of its kind.

    Values are fields by name, as text; whoever must not see one is shown its digest.
    """

    kind: ClassVar[str]  # as pinned
    rights: ClassVar[tuple[Right, ...]]  # what its write needs, and no more
    proven_by_rollout: ClassVar[bool] = True  # it has taken effect once pods are rolled out; else by its write alone
    reversible: ClassVar[bool] = True
    at_most_once: ClassVar[bool] = False  # where nobody knows what it came to, it is not tried again: that is judged
    asks_who_scales: ClassVar[bool] = False  # what it writes belongs to the target's autoscaler, if there is one
    leaves_traces: ClassVar[bool] = True  # its object shows whether it was written; else nothing proves that it was not
    shows_its_outcome: ClassVar[bool] = False  # its object tells at any time whether it was made: nothing is unknown
    once_a_day: ClassVar[bool] = False  # where it helped and the fault is back within a day, the next step is tried
    of_the_moment: ClassVar[frozenset[str]] = frozenset()  # fields whose value is the moment of the act

    @abstractmethod
    def check(self, pinned: PinnedChange) -> None:
        """Raises ValueError or KeyError where what was read from a record is no change of this kind."""

    @abstractmethod
    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The object as it is now; None where it is gone."""

    @abstractmethod
    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Request | Refusal:
        """What is sent, under the precondition of the very object and version that `live` shows."""

    @abstractmethod
    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The fields that it writes, as the answer shows them. Raises KeyError where that is not its object."""

    @abstractmethod
    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """Say such values to people: `5 replicas`. Names only, never a value of env or config."""

    def figure(self, pinned: PinnedChange, values: Mapping[str, str]) -> int | str:
        """Such values as a machine reads them beside those of other kinds: a number where it is one."""
        return self.say(pinned, values)

    def differs(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """Say what was stored, and what was sent."""
        return f"it is {self.say(pinned, stored)}, not {self.say(pinned, pinned.meant)}"

    def say_stored(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """Say that something else was stored than was sent."""
        return f"an admission of this cluster changed what was written: {self.differs(pinned, stored)}"

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """Kinds and names of what must be read for its sake; nothing where a situation shows its object anyway."""
        del pinned
        return ()

    def scaler(self, pinned: PinnedChange) -> Bounds | None:
        """The autoscaler that it writes, if it is one."""
        del pinned
        return None

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """The change that puts back what was there before, if what is there now is still ours."""
        live = self.live(pinned, situation)
        if live is not None and pinned.uid in ("", live.uid) and live.values == pinned.meant:
            return replace(pinned, meant=pinned.before, before=pinned.meant)
        now = self.say(pinned, live.values) if live is not None else "gone"
        return Refusal(
            reason=reasons.NOT_OURS_ANYMORE,
            message=f"it is {now}, not our {self.say(pinned, pinned.meant)}, or it was created anew",
        )

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """How the object shows that others have reverted the change since; empty if not."""
        live = self.live(pinned, situation)
        if live is None:
            return f"{pinned.object or 'the target'} is gone, which we changed"
        if live.values != pinned.before:
            return ""
        return f"it is {self.say(pinned, live.values)} again, as before: others changed it"

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """Name who has come to own by now what it wrote; empty if it is still ours."""
        del pinned, situation, forced
        return ""

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Whether what follows from the write by itself has followed, other than a rollout."""
        del pinned, situation
        return True

    def completion(self, pinned: PinnedChange, situation: Situation, since: datetime, now: datetime) -> Verdict | None:
        """What has come of what it has started and that ends by itself, a Job; None where it starts nothing.

        `since` is when its write was made.
        """
        del pinned, situation, since, now
        return None

    def ended_job(self, pinned: PinnedChange, situation: Situation, now: datetime) -> Mapping[str, Any] | None:
        """The Job that it has started, as stored, once its end has come; its pods may have written a log."""
        del pinned, situation, now
        return None
