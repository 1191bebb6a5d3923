"""An escalation as it is kept on a Remediation, and what is still to be told of the incident."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Timestamp
from platelet.model.intent import PreState
from platelet.model.signal import ShortText, Text

NoticeKind = Literal["Opened", "ApprovalNeeded", "Held", "Acted", "Recovered", "Escalated", "NotDelivered", "Resolved"]
MAX_SYMPTOMS = 32
MAX_NOTICES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRecord:
    """What people were told, and what is still to be told or cleaned up."""

    reason: ShortText
    message: Text
    at: Timestamp
    handed_over: PreState | None = None  # the target as people got it: who makes it differ has done something about it
    silent: bool = False  # the step says `onFailure: Stop`: on record, and nobody is called
    symptoms: Annotated[tuple[ShortText, ...], Field(max_length=MAX_SYMPTOMS)] = ()  # reasons that people know of
    severity: ShortText = ""  # the gravest that they know of
    told: Annotated[int, Field(ge=1)] = 1  # how often people were called for this incident
    occasion: ShortText = ""  # tells it from an earlier escalation of the same incident
    token: ShortText = ""  # what a person must write to hand it back: it holds for this escalation only
    annotated: bool = False  # the mark was seen on the workload; whoever removes it then has their reasons
    delivered: bool = False  # the webhook answered 2xx
    deliveries: int = 0
    retry_at: Timestamp | None = None
    last_error: Text = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNotice:
    """What the policy's webhook is still to be told, beside the question and the escalation themselves."""

    kind: NoticeKind
    occasion: ShortText = ""  # tells notices of one kind apart; with it a delivery has the same id each time
    reason: ShortText
    message: Text
    at: Timestamp
    delivered: bool = False
    deliveries: int = 0
    retry_at: Timestamp | None = None
    last_error: Text = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
