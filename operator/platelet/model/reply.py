"""What people answer at the place where they were told: in PagerDuty, or by a button."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from platelet.model.approval import Word
from platelet.model.notification import COURSES, Course

KEY_PREFIX: Final = "platelet/"  # of the key under which a place knows what it was told; what that is about follows
WORDS: Final[Mapping[str, Word]] = {  # by the ids of buttons
    "platelet-acknowledge": "Acknowledge",
    "platelet-approve": "Approve",
    "platelet-reject": "Reject",
}
SHORTEST_KEY: Final = 16  # bytes of a key that signs
_LONGEST_PART = 100  # characters of an id or a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, as the place tells it. Nothing in it is believed but what the place has signed."""

    uid: str  # of the Remediation; of the policy, if it is about what that has on record
    course: Course | None = None  # of what kind that is; None: it is about an incident
    known_as: str = ""  # what tells it from others of that kind
    word: Word
    user: str  # by which the place knows the person
    name: str  # by which people do
    token: str = ""  # of what was answered to; empty: to all that people were told by `at`
    at: datetime  # by the place's clock

    def by(self, place: str) -> str:
        """Who it is, for the record: `pagerduty:PLH1HKV (Ann)`."""
        name = f" ({_plain(self.name)})" if self.name else ""
        return f"{place}:{_plain(self.user)}{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """Through what an answer came, as an EscalationPolicy has it."""

    sinks: tuple[str, ...]  # that people must have been told by
    approvers: tuple[str, ...] = ()  # the users who may answer to plans; none: nobody


def about_record(policy_uid: str, course: Course, known_as: str) -> str:
    """What an answer is about, as a place carries it, if that is on record of a policy."""
    return f"{policy_uid}/{course.name}/{known_as}"


def read_about(about: str) -> tuple[str, Course | None, str]:
    """Read what an answer is about: `uid`, `course` and `known_as` of a Reply."""
    for course in COURSES:
        uid, _, known_as = about.partition(f"/{course.name}/")
        if uid and known_as:
            return uid, course, known_as
    return about, None, ""


def _plain(text: str) -> str:
    """One line of what can be printed."""
    return "".join(char for char in text if char.isprintable())[:_LONGEST_PART]
