"""A notification: one notice to one sink, as it is kept until the sink has taken it, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Timestamp
from platelet.model.signal import ShortText, Text

NoticeKind = Literal[
    "Opened",
    "ApprovalNeeded",
    "Held",
    "Announced",
    "Answered",
    "Acted",
    "Recovered",
    "Escalated",
    "Acknowledged",
    "Ongoing",
    "Healing",
    "HealingOver",
    "TemplateFailed",
    "NotDelivered",
    "Resolved",
    "Untargeted",
    "UntargetedAcknowledged",
    "UntargetedOver",
    "JobFailed",
    "JobAcknowledged",
    "JobOver",
]
Holder = tuple[Literal["remediation", "policy"], str, str]
"""Whose notifications: the kind of object, its namespace and name."""

CALLS: tuple[NoticeKind, ...] = ("ApprovalNeeded", "Held", "Escalated", "Untargeted", "JobFailed")  # these call people
HOLDS: tuple[NoticeKind, ...] = ("Healing", "HealingOver")  # these hold back a page, and let go of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The notices of what a policy has on record: that people are called, that one has heard, that it is over."""

    call: NoticeKind
    heard: NoticeKind
    over: NoticeKind
    name: str  # of what it is about, as places carry it

    @property
    def kinds(self) -> tuple[NoticeKind, ...]:
        """From its beginning to its end."""
        return self.call, self.heard, self.over


OF_A_JOB = Course(call="JobFailed", heard="JobAcknowledged", over="JobOver", name="job")
OF_AN_ALERT = Course(  # that has no target
    call="Untargeted", heard="UntargetedAcknowledged", over="UntargetedOver", name="untargeted"
)
COURSES = (OF_A_JOB, OF_AN_ALERT)
OF_JOBS: tuple[NoticeKind, ...] = OF_A_JOB.kinds
OF_ALERTS: tuple[NoticeKind, ...] = OF_AN_ALERT.kinds
ON_RECORD: tuple[NoticeKind, ...] = (*OF_JOBS, *OF_ALERTS)  # of a policy, which has no incident of it
State = Literal["Pending", "Delivered", "Acknowledged", "Withdrawn", "GivenUp"]
MOST_OF_A_SINK = 10  # of one Remediation: a sink that takes nothing makes no other forget
MAX_NOTIFICATIONS = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one sink is told, once: `id` and `sink` name it."""

    id: ShortText  # `<uid>/<kind>`, with what tells it from others of its kind: the same at every try
    sink: ShortText  # its name in the list of sinks, or in the EscalationPolicy
    level: Annotated[int, Field(ge=1)] = 1  # of the escalation
    kind: NoticeKind
    reason: ShortText
    message: Text
    at: Timestamp  # when it became true
    state: Annotated[
        State,
        Field(
            description="Pending: still to be told. Delivered: the sink has taken it. Acknowledged: a person has said "
            "that they know. Withdrawn: it was no longer so before it was told. GivenUp: refused for good, or too late "
            "to be told now."
        ),
    ] = "Pending"
    tries: Annotated[int, Field(ge=0)] = 0
    next_try_at: Timestamp | None = None  # None, while Pending: at once
    error: Text = ""  # why the last try failed
    failed_at: Timestamp | None = None  # when it did
    told_at: Timestamp | None = None
    acknowledged_by: ShortText = ""
    receipt: ShortText = ""  # by what the sink knows what it was told, so that it can be told more of it

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def occasion(self) -> str:
        """What tells it from others of its kind; empty for the first."""
        return "/".join(self.id.split("/")[2:])

    def asks(self, token: str) -> bool:
        """Whether it puts the question with this token to people, at any level."""
        return self.kind == "ApprovalNeeded" and self.occasion.partition("/")[0] == token

    @property
    def known_as(self) -> str:
        """Of what a policy has on record: what tells it from others, the same at every level and at the end."""
        return self.occasion.partition("/")[0]

    @property
    def line(self) -> tuple[str, str]:
        """Those of one line are told in their order; of a policy, each alert and each Job has a line of its own."""
        return self.sink, self.known_as if self.kind in ON_RECORD else ""


Notifications = Annotated[
    tuple[Notification, ...],
    Field(
        max_length=MAX_NOTIFICATIONS,
        description="What sinks were told, or are still to be told, and what became of it.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id", "sink"]},
    ),
]
NotificationsDropped = Annotated[
    int, Field(ge=0, description="How many more there have been than the list has room for.")
]


def has_untold(notifications: Sequence[Notification]) -> bool:
    """Whether anything is still to be told."""
    return any(notification.state == "Pending" for notification in notifications)


def was_announced_to(notifications: Sequence[Notification], sink: str) -> bool:
    """Whether a step has told a sink something, or may have."""
    return any(known.sink == sink and known.kind == "Announced" for known in notifications)


def was_called(notifications: Sequence[Notification], sink: str) -> bool:
    """Whether a sink was called, or may have been: what its answer was is not always known."""
    return any(known.sink == sink and known.kind in CALLS for known in notifications)
