"""notify: say something to people now, while it is tried to help them: INVESTIGATING, IDENTIFIED.

It writes nothing on any object, so neither brakes nor limits are asked and nobody approves it. Its decision is the
notice: once that is on record, the next step follows, and sinks are told as of anything else.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL
from platelet.model.policy import ActionTraits
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal

_KEY: Final = "notify"
LONGEST: Final = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell the sinks of the first level something, and go on with the next step at once.

    Where the policy has no sinks, an Event says it. It is said when the step is reached, whatever the next one does.
    """

    message: Annotated[
        str,
        Matches(r"^[^ \n\r\t][^\n\r\t]*$", "write one line of text, such as INVESTIGATING: errors on the API"),
        Field(min_length=1, max_length=LONGEST, description="One line of plain text, told as it is written."),
    ]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def plan(settings: Notify, situation: Situation, _now: datetime) -> Plan | Refusal:
    """It is over as soon as it is decided: what is noted is what is told."""
    if situation.remediation.spec.mode == "Observe":
        return Refusal(reason=reasons.WOULD_ANNOUNCE, message=f"it would only say: {settings.message}")
    return Refusal(reason=reasons.ANNOUNCED, message=settings.message)


ACTION = Action(
    key=_KEY,
    settings=Notify,
    changes=(),
    rights=(),
    traits=ActionTraits(name=_KEY, leaves_target_alone=True),
    plan=plan,
)
