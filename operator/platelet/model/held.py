"""What keeps an incident waiting that is not its own, and when people were told of it."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from platelet.model.durations import CAMEL, Timestamp
from platelet.model.signal import ShortText


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A guard that stands for a common cause: people are told soon and once, and it goes on waiting."""

    reason: ShortText
    since: Timestamp
    told_at: Timestamp | None = None  # None: not yet
    by_another: bool = False  # another incident of the policy has told them for all

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
