"""The Remediation: the ledger of one incident of one target (DESIGN 3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from platelet.model.approval import Approval, Replies
from platelet.model.durations import CAMEL, Timestamp
from platelet.model.escalation import EscalationRecord
from platelet.model.held import Held
from platelet.model.intent import Changes, PinnedChange, PreState
from platelet.model.log_tail import LogTail
from platelet.model.notification import Holder, Notifications, NotificationsDropped, has_untold
from platelet.model.policy import Mode
from platelet.model.recent_change import RecentChange
from platelet.model.signal import Evidence, ShortText, Text
from platelet.model.verifying import Verifying
from platelet.model.workload import Kind, Name, WorkloadRef

State = Literal["Waiting", "AwaitingApproval", "Acting", "Verifying", "Monitoring", "Escalated", "Closed"]
Phase = Literal["Intended", "Done", "Refused", "Superseded", "Unknown"]
VerdictName = Literal["Recovered", "Failed", "Inconclusive"]
AttemptKind = Literal["Act", "Revert"]

BEFORE_ACTING: tuple[State, ...] = ("Waiting", "AwaitingApproval")
"""Nothing is under way for the present step: it may still be judged anew."""

MAX_EVIDENCE = 20
MAX_DECISIONS = 30
MAX_ATTEMPTS = 20
MAX_STEPS = 16
PinnedStep = Annotated[
    Mapping[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""A Runbook's step as written, whatever actions there will be when it is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRef:
    """The target, in the Remediation's own namespace."""

    kind: Kind
    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedRef:
    """An object as it was when the remediation was opened."""

    namespace: ShortText = ""
    name: Name
    uid: ShortText = ""
    generation: int = 0

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """A temporary change still to be reverted: when it is due, or when the alert has resolved."""

    due_at: Timestamp | None = None
    when_resolved: bool = False

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One execution of one step's action. `id` is in the User-Agent of every write that it makes."""

    id: ShortText
    kind: AttemptKind = "Act"
    step: int
    action: ShortText
    summary: Text  # "undo to revision 3 (healthy since ...)"
    phase: Phase = "Intended"
    intended_at: Timestamp
    outcome_at: Timestamp | None = None
    message: Text = ""
    pre: PreState
    changes: Changes  # those that are made: as the API server stored them
    made: int = 0  # how many of them were made before the one that is under way, or at which it ended
    left_template: ShortText = ""  # the hash of what an admission made of the template, where it did
    revert: Revert | None = None
    approved_by: ShortText = ""  # the person, where one had to approve it
    approved_at: Timestamp | None = None
    verdict: VerdictName | None = None
    verdict_at: Timestamp | None = None
    verdict_message: Text = ""
    log_tail: LogTail | None = None  # the end of the log of the Job that it has started, where asked for

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def may_have_landed(self) -> bool:
        """Whether its write is in effect, or may be: nobody knows what came of it."""
        return self.phase in ("Done", "Unknown")

    @property
    def present(self) -> PinnedChange:
        """The change that is under way."""
        return self.changes[self.made]

    @property
    def write_id(self) -> str:
        """What the write of the present change is called: the attempt's id, with a number where it is one of several.

        A change is sent at most once under its id, whoever sends it.
        """
        return self.id if len(self.changes) == 1 else f"{self.id}/change-{self.made + 1}"

    @property
    def landed(self) -> tuple[PinnedChange, ...]:
        """The changes that are in effect, or may be."""
        return self.changes if self.phase == "Done" else self.changes[: self.made + (self.phase == "Unknown")]

    @property
    def put_back(self) -> tuple[str, ...]:
        """The attempts whose change it has put back for good."""
        return tuple(change.puts_back for change in self.changes if self.phase == "Done" and change.puts_back)

    def on_target(self, name: str) -> str | None:
        """What it makes of this field of the target; None where it writes others only."""
        written = (change.meant.get(name) for change in reversed(self.changes) if change.object is None)
        return next((value for value in written if value is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One decision, also each "no": repeated ones keep first, last and count."""

    step: ShortText = ""
    by: ShortText  # the guard, the step's condition, the verification
    reason: ShortText
    message: Text
    first_at: Timestamp
    last_at: Timestamp
    count: int = 1

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why nothing is done now, and when it is asked again."""

    by: ShortText
    reason: ShortText
    message: Text
    until: Timestamp | None = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A metav1.Condition."""

    type: ShortText
    status: Literal["True", "False", "Unknown"]
    reason: ShortText
    message: Text = ""
    last_transition_time: Timestamp
    observed_generation: int = 0

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationSpec:
    """What was pinned at opening. `steps` are the Runbook's steps as written, resolved once."""

    target_ref: TargetRef
    policy_ref: PinnedRef
    runbook_ref: PinnedRef
    mode: Mode
    signal: Evidence  # the evidence that opened it, so that it is stored with the CREATE; absent where made by hand
    requested_by: Annotated[ShortText, Field(description="Made by hand: who asked.")] = ""
    reason: Annotated[Text, Field(description="Made by hand: why, for the people who wonder.")] = ""
    parameters: Annotated[
        Mapping[str, ShortText],
        Field(
            max_length=8,
            description="Made by hand: values for steps of the Runbook, within their bounds; revision, replicas.",
        ),
    ] = field(default_factory=dict)
    continues: ShortText = ""  # the Remediation whose ladder and reverts this one takes over
    first_step: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[tuple[PinnedStep, ...], Field(max_length=MAX_STEPS)] = ()

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(  # the signal may be absent: `api.remediation` fills it in
        **CAMEL, json_schema_extra={"required": ["targetRef", "policyRef", "runbookRef", "mode"]}
    )

    @property
    def by_hand(self) -> bool:
        """Whether people asked for it, as a runbook on demand."""
        return self.signal.source == "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationStatus:
    """How far it is. `state` is the summary for people; conditions are for machines."""

    observed_generation: int = 0
    state: State = "Waiting"
    reason: ShortText = ""
    message: Text = ""
    target_uid: ShortText = ""
    opened_at: Timestamp | None = None
    waiting_since: Timestamp | None = None  # giveUpAfter runs from here
    steps: Annotated[tuple[PinnedStep, ...], Field(max_length=MAX_STEPS)] = ()  # made by hand: as pinned at first look
    step: int = 0
    step_name: ShortText = ""
    waiting: Waiting | None = None
    held: Held | None = None  # by a cause that is not its own, as people were told or will be
    approval: Approval | None = None  # the last plan that a person was asked to approve
    verifying: Verifying | None = None
    reverting: ShortText = ""  # the attempt that is reverted before the next step, since its step failed
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=MAX_EVIDENCE)] = ()
    evidence_dropped: int = 0
    recent_change: RecentChange | None = None  # what was changed of the target since it ran well, before the first act
    log_tail: LogTail | None = None  # the end of the failing container's log before the first act, where asked for
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    attempts_dropped: int = 0
    decisions: Annotated[tuple[DecisionRecord, ...], Field(max_length=MAX_DECISIONS)] = ()
    decisions_dropped: int = 0
    recovered_at: Timestamp | None = None
    reverted_at: Timestamp | None = None
    let_go: Annotated[tuple[ShortText, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    """Attempts whose temporary change stays for good: it is another's by now, or people were asked to revert it."""
    reapplied: bool = False  # a recurrence after our own revert was answered once already
    escalation: EscalationRecord | None = None
    healthy_since: Timestamp | None = None  # while Escalated: since when the target is well again, without a restart
    quiet_since: Timestamp | None = None  # while Escalated: since when no signal holds
    handed_back_at: Timestamp | None = None  # when a person last let us try again
    closed_at: Timestamp | None = None
    notifications: Notifications = ()
    notifications_dropped: NotificationsDropped = 0
    replies: Replies = ()
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)] = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Remediation:
    """The object as read."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int = 1
    annotations: Mapping[str, str] = field(default_factory=dict)  # those of platelet.dev: people answer by them
    spec: RemediationSpec
    status: RemediationStatus = field(default_factory=RemediationStatus)
    target: WorkloadRef = field(init=False, repr=False, compare=False)  # the key of the target, which outlives its uid

    def __post_init__(self) -> None:
        """Thousands are asked for it at once."""
        reference = self.spec.target_ref
        target = WorkloadRef(kind=reference.kind, namespace=self.namespace, name=reference.name)
        object.__setattr__(self, "target", target)

    @property
    def policy_key(self) -> str:
        """The namespace/name of its policy, which is in its own namespace where the reference names none."""
        return f"{self.spec.policy_ref.namespace or self.namespace}/{self.spec.policy_ref.name}"

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done or told."""
        return self.status.state == "Closed" and not has_untold(self.status.notifications)

    @property
    def holder(self) -> Holder:
        """Whose notifications its are."""
        return "remediation", self.namespace, self.name

    @property
    def mere_request(self) -> bool:
        """Whether people asked for it and nothing is known to be wrong: it says nothing about the target's health."""
        return self.spec.by_hand and all(fact.source == "request" for fact in self.status.evidence)
