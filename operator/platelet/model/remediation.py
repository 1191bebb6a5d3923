"""The Remediation: the ledger of one incident of one target (DESIGN 3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from platelet.model.durations import CAMEL, Timestamp
from platelet.model.escalation import MAX_NOTICES, EscalationRecord, PendingNotice
from platelet.model.held import Held
from platelet.model.intent import PostState, PreState
from platelet.model.policy import Mode
from platelet.model.signal import Evidence, ShortText, Text
from platelet.model.workload import Kind, Name, WorkloadRef

State = Literal["Waiting", "AwaitingApproval", "Acting", "Verifying", "Monitoring", "Escalated", "Closed"]
Phase = Literal["Intended", "Done", "Refused", "Superseded", "Unknown"]
VerdictName = Literal["Recovered", "Failed", "Inconclusive"]
AttemptKind = Literal["Act", "TakeBack"]
Answer = Literal["Approved", "Rejected", "Expired", "Void"]

BEFORE_ACTING: tuple[State, ...] = ("Waiting", "AwaitingApproval")
"""Nothing is under way for the present step: it may still be judged anew."""

MAX_EVIDENCE = 20
MAX_DECISIONS = 30
MAX_ATTEMPTS = 20
MAX_STEPS = 16
MAX_CHECKS = 8
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
class TakeBack:
    """A temporary change still to be taken back: when it is due, or when the alert has resolved."""

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
    post: PostState  # once it is Done: as the API server stored it
    left_template: ShortText = ""  # the hash of what an admission made of the template, where it did
    take_back: TakeBack | None = None
    approved_by: ShortText = ""  # the person, where one had to approve it
    approved_at: Timestamp | None = None
    verdict: VerdictName | None = None
    verdict_at: Timestamp | None = None
    verdict_message: Text = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def may_have_landed(self) -> bool:
        """Whether its write is in effect, or may be: nobody knows what came of it."""
        return self.phase in ("Done", "Unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The plan that a person is asked to approve, and what became of the question."""

    token: ShortText  # what an answer must carry: it holds for this remediation, step, attempt and plan only
    attempt: ShortText  # the id that the attempt will have
    step: int
    step_name: ShortText
    action: ShortText
    summary: Text  # what will be done
    why: Text  # a person is asked
    plan_hash: ShortText  # of all that the plan relies on and writes, but for times
    pre: PreState
    post: PostState
    asked_at: Timestamp
    expires_at: Timestamp
    answer: Answer | None = None
    by: ShortText = ""  # who answered
    answered_at: Timestamp | None = None  # when the operator heard it
    message: Text = ""  # why it was rejected or is void; or what is wrong with the last answer
    delivered: bool = False  # the webhook answered 2xx
    deliveries: int = 0
    retry_at: Timestamp | None = None
    last_error: Text = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


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
class Holding:
    """A check that must hold over time, and holds at present."""

    check: Annotated[int, Field(ge=0)]  # its place among the step's checks
    since: Timestamp

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifying:
    """The stored clocks of a running verification."""

    started_at: Timestamp  # the write's outcome
    complete_at: Timestamp | None = None  # the rollout was first seen complete
    holding: Annotated[tuple[Holding, ...], Field(max_length=MAX_CHECKS)] = ()

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
    continues: ShortText = ""  # the Remediation whose ladder and take-backs this one takes over
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
    undoing: ShortText = ""  # the attempt that is taken back before the next step, since its step failed
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=MAX_EVIDENCE)] = ()
    evidence_dropped: int = 0
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    attempts_dropped: int = 0
    decisions: Annotated[tuple[DecisionRecord, ...], Field(max_length=MAX_DECISIONS)] = ()
    decisions_dropped: int = 0
    recovered_at: Timestamp | None = None
    taken_back_at: Timestamp | None = None
    let_go: Annotated[tuple[ShortText, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    """Attempts whose temporary change stays for good: it is another's by now, or people were asked to take it back."""
    reapplied: bool = False  # a recurrence after our own take-back was answered once already
    escalation: EscalationRecord | None = None
    healthy_since: Timestamp | None = None  # while Escalated: since when the target is well again, without a restart
    quiet_since: Timestamp | None = None  # while Escalated: since when no signal holds
    handed_back_at: Timestamp | None = None  # when a person last let us try again
    closed_at: Timestamp | None = None
    notices: Annotated[tuple[PendingNotice, ...], Field(max_length=MAX_NOTICES)] = ()
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

    @property
    def target(self) -> WorkloadRef:
        """The key of the target, which outlives its uid."""
        return WorkloadRef(kind=self.spec.target_ref.kind, namespace=self.namespace, name=self.spec.target_ref.name)

    @property
    def policy_key(self) -> str:
        """The namespace/name of its policy, which is in its own namespace where the reference names none."""
        return f"{self.spec.policy_ref.namespace or self.namespace}/{self.spec.policy_ref.name}"

    @property
    def mere_request(self) -> bool:
        """Whether people asked for it and nothing is known to be wrong: it says nothing about the target's health."""
        return self.spec.by_hand and all(each.source == "request" for each in self.status.evidence)
