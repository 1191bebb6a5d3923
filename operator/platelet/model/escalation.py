"""An escalation as it is kept on a Remediation. Where it was told is on the Remediation's notifications."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Timestamp
from platelet.model.intent import PreState
from platelet.model.signal import ShortText, Text

MAX_SYMPTOMS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRecord:
    """Why people have it, and what they know of it."""

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
    acknowledged: Annotated[int, Field(ge=0)] = 0  # of how many calls a person has said that they have heard
    acknowledged_by: ShortText = ""
    called_anew_at: Timestamp | None = None  # news after that: from then on levels are counted anew
    called_anew_as: ShortText = ""  # tells these calls from the earlier ones

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def acknowledgement(self) -> str:
        """What a person must write who has heard of it: of all that was told so far, and of nothing that follows."""
        return f"{self.token}-{self.told}" if self.token else ""

    @property
    def is_acknowledged(self) -> bool:
        """Whether a person has heard of all that was told so far."""
        return self.acknowledged >= self.told

    @property
    def called_at(self) -> datetime:
        """When its levels began."""
        return self.called_anew_at or self.at

    @property
    def called_as(self) -> str:
        """What tells the calls of these levels from others of the incident; empty for the first."""
        return self.called_anew_as or self.occasion
