"""What a room's file offers to its list: an action, a guard, a check, a sink or a callback, as one value."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from platelet.model.change import Change
from platelet.model.constraint import Rule
from platelet.model.effects import Rendered
from platelet.model.fault import Fault
from platelet.model.notice import Notice
from platelet.model.notification import NoticeKind
from platelet.model.outside import Outside
from platelet.model.policy import ActionTraits, Verification
from platelet.model.reading import Question
from platelet.model.remediation import Attempt
from platelet.model.reply import Reply
from platelet.model.request import Destination, SecretRef
from platelet.model.resource import Resource
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Plan, Refusal, Verdict
from platelet.model.verifying import Verifying
from platelet.model.workload import WorkloadRef

Parameter = Callable[[Any, str], Mapping[str, Any]]
"""From an action's settings and a value as people write it to the settings with it, as written in a Runbook.

Raises ValueError where the value is none, or beyond the bounds that the Runbook's author has set.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A remedy: its key in the Runbook, its settings, its rights, what guards must know, and how it plans.

    From `rights` come the operator's ClusterRole, what a Runbook's author must be allowed, and docs/rights.md.
    """

    key: str  # rolloutRestart
    settings: type[Any]  # a frozen dataclass with CAMEL config; its fields become the CRD's
    changes: tuple[Change, ...]  # the kinds that its plans may hold
    rights: tuple[Right, ...]  # what the writes of these changes need, and no more
    traits: ActionTraits
    plan: Callable[[Any, Situation, datetime], Plan | Refusal]
    needs_room: Callable[[Any], bool] = lambda _settings: False  # whether these settings ask for new pods
    weighs_nodes: bool = False  # whether its plans have a placement: a node must be able to hold what they make
    objects: Callable[[Any, Situation], tuple[tuple[Resource, str], ...]] = lambda _settings, _situation: ()
    """Kinds and names of the objects, in the target's namespace, that must be read for its plan."""
    needs: Callable[[Any], tuple[tuple[Resource, str], ...]] = lambda _settings: ()
    """Kinds and names of what must be there, in the target's namespace, for its step ever to be planned."""
    lists: tuple[Resource, ...] = ()  # kinds of which all objects in the target's namespace must be read for its plan
    reads: tuple[Right, ...] = ()  # what its plans are made by beyond the target; the operator's right, not an author's
    parameters: Mapping[str, Parameter] = field(default_factory=dict)  # what people may set who run it by hand
    questions: Callable[[Any, WorkloadRef], Iterable[Question]] = lambda _settings, _target: ()
    """What must be asked of others for its plan, while its step is the present one."""
    find_fault: Callable[[Any, Outside | None], Fault | None] = lambda _settings, _outside: None
    """Why these settings can never be used; without the operator's settings it is not judged whom it can ask."""

    @property
    def writes(self) -> bool:
        """Whether it does anything that brakes, limits and people may forbid."""
        return bool(self.changes)

    @property
    def is_reversible(self) -> bool:
        """Whether what it does can be put back as it was; a restart beside it only brings that to pods."""
        return any(change.reversible for change in self.changes)

    def traits_with(self, settings: Any) -> ActionTraits:
        """Say what guards must know of a step with these settings."""
        return replace(self.traits, needs_room=self.needs_room(settings))


class Moment(StrEnum):
    """When guards are asked."""

    LOOK = "look"  # before what lies around the target is read: a no here spares these reads
    PLAN = "plan"  # a step would act
    RESERVE = "reserve"  # its attempt takes a place on the ActionBudget, whose newest state is judged
    SEND = "send"  # the write is about to leave, long after its intent, it may be
    REPLACE = "replace"  # its write has landed, and a stuck pod would be deleted for it
    REVERT = "revert"  # a temporary change is due
    REVERT_STEP = "revertStep"  # a step that failed says onFailure: Revert
    RESERVE_REVERT = "reserveRevert"  # either of these takes a place, which counts for no limit


Denial = Callable[[Situation, datetime], Deny | None]


@dataclass(frozen=True, slots=True)
class OfAction:
    """A guard's question whose answer depends on the action: it is asked with what must be known of that."""

    deny: Callable[[Situation, ActionTraits, datetime], Deny | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A brake: its name in the record, its question, and when it is asked besides `PLAN`."""

    name: str
    deny: Denial | OfAction
    also: tuple[Moment, ...] = ()
    otherwise: Mapping[Moment, Denial | OfAction] = field(default_factory=dict)  # where it asks a narrower question
    concerns: Callable[[ActionTraits], bool] = lambda _action: True  # about which actions it is asked at all

    @property
    def judge(self) -> Callable[..., Deny | None]:
        """The function of its room that says no before a step acts."""
        return self.deny.deny if isinstance(self.deny, OfAction) else self.deny

    def is_asked(self, moment: Moment) -> bool:
        """Whether it has something to say at a moment."""
        return self._question(moment) is not None

    def ask(self, situation: Situation, action: ActionTraits, now: datetime, moment: Moment) -> Deny | None:
        """What it says to an action at a moment; None where it allows it, or is not asked."""
        question = self._question(moment)
        if question is None or not self.concerns(action):
            return None
        if isinstance(question, OfAction):
            return question.deny(situation, action, now)
        return question(situation, now)

    def _question(self, moment: Moment) -> Denial | OfAction | None:
        asked = self.deny if moment is Moment.PLAN or moment in self.also else None
        return self.otherwise.get(moment, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a verification looks at: the world now, how recovery is proven, since when, and for which attempt."""

    situation: Situation
    verification: Verification
    verifying: Verifying
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a proof is that is under way, and until when it may come."""

    text: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One proof of recovery: always asked for, or by steps that write its settings under its name."""

    name: str
    check: Callable[[Trial, datetime], Verdict]
    settings: type[Any] | None = None  # a frozen dataclass with CAMEL config; its fields become the CRD's
    comes_first: bool = False  # until it says Recovered, no check after it is asked, nor anybody for it
    questions: Callable[[Verification, WorkloadRef], Iterable[Question]] | None = None  # what it judges by, of others
    keep_time: Callable[[Trial, datetime], Verifying] = lambda trial, _now: trial.verifying  # its clock, to be stored
    is_fact: bool = False  # what it does not find is ill health that no pod and no alert may show
    rules: tuple[Rule, ...] = ()  # between its settings and the verification that asks for it
    find_fault: Callable[[Any, Outside | None], Fault | None] = lambda _settings, _outside: None
    """Why these settings can never be asked; without the operator's settings it is not judged whom it can ask."""
    find_caveat: Callable[[Outside], Fault | None] = lambda _outside: None  # what is in vain, wherever it is asked for
    progress: Callable[[Trial, datetime], Progress | None] = lambda _trial, _now: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """One place where people are told: which notices, how each is rendered, and what a crash may do to it.

    What is `kept` is on record until the sink has taken it: told at least once, and a crash may repeat it, always under
    the same id; it renders to one thing, or to nothing where the world shows it already. What is not kept goes out with
    the decision that made it true: told at most once, since a crash may lose it.
    """

    name: str
    tells: Callable[[Notice], bool]
    render: Callable[[Notice], tuple[Rendered, ...]]
    kept: bool
    settings: type[Any] | None = None  # a frozen dataclass with CAMEL config; a policy sets it in `escalation`
    leads_to: Callable[[Any], Destination] | None = None  # from its settings, if it calls out
    unasked: tuple[NoticeKind, ...] = ()  # that it is told also where it was not called
    renewed_every: timedelta | None = None  # how often it must hear that people are still called; None: it remembers
    holds_page: Callable[[Any], bool] = lambda _settings: False  # whether it is to hear that an attempt runs
    escape: Callable[[str], str] = str  # what a notice says, so that it means nothing to those who show it
    marks: bool = False  # what it has told stays on an object, and is removed before the incident is let go


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request as it came: nothing of it is believed yet."""

    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What comes back from one kind of sink: by which keys it is known, and what it says."""

    name: str  # that of the sink
    settings: type[Any]  # a frozen dataclass with CAMEL config; an EscalationPolicy sets it in `callbacks`
    keys: Callable[[Any], tuple[SecretRef, ...]]  # from its settings: what signs
    find_fault: Callable[[Incoming, Sequence[bytes], datetime], str]
    """Why a request is not from there, or too old; empty: it is from there."""
    read: Callable[[bytes], Reply | None]
    """Read what is signed; None where that is no answer to us. Raises ValueError where it is not as documented."""
    shows_refusals: bool  # whether the person who has answered sees a status 4xx
    approvers: Callable[[Any], tuple[str, ...]] | None = None  # from its settings: who may answer to plans
