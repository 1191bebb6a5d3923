"""What a policy has on record, a failed Job or an alert without a target, and that people are called for it."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model.digest import digest
from platelet.model.durations import CAMEL, Timestamp
from platelet.model.escalation_levels import MAX_LEVELS, ToldLevel
from platelet.model.signal import ShortText


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """Since when, how far each level was told, and who has heard: kept, so that no restart tells anything again."""

    at: Annotated[Timestamp, Field(description="From when its levels are counted.")]
    told: Annotated[
        tuple[ToldLevel, ...], Field(max_length=MAX_LEVELS, description="Which levels were told, and how far.")
    ] = ()
    acknowledged_by: Annotated[ShortText, Field(description="Who has heard of it. Empty: nobody so far.")] = ""
    acknowledged_at: Annotated[Timestamp | None, Field(description="When the operator heard that.")] = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def last_level(self) -> int:
        """Up to which level people were called; 0: no sink was told."""
        return max((level.level for level in self.told), default=0)


class OnRecord:
    """What is alike in all that a policy has on record."""

    __slots__ = ()

    call: RecordedCall | None
    resolved_at: datetime | None

    @property
    @abstractmethod
    def known_as(self) -> str:
        """What tells its notices from those of others: the same from its call to its end."""

    @property
    def is_open(self) -> bool:
        """Whether it is not over yet."""
        return self.resolved_at is None

    @property
    def is_silenced(self) -> bool:
        """Whether people want to hear nothing of it for now."""
        return False

    @property
    def is_acknowledged(self) -> bool:
        """Whether a person has heard of it."""
        return self.call is not None and bool(self.call.acknowledged_by)

    def token(self, policy_uid: str) -> str:
        """What an acknowledgement names: it holds for this record of this policy, and for no later one."""
        return digest(f"{policy_uid}/{self.known_as}")
