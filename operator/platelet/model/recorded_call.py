"""That people are called for what a policy has on record, level by level: a failed Job, an alert without a target."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

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
