"""The trigger on alerts: matchers in Alertmanager's syntax, all of which must match one firing alert."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL
from platelet.model.signal import ShortText

MatcherText = Annotated[str, Field(min_length=1, max_length=1024)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTrigger:
    """`alert:` in a policy: `alertname="ApiDown"`, `severity=~"critical|page"`. All matchers must match."""

    matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1, max_length=16)]
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
