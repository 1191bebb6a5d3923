"""What people answer at the place where they were told: in PagerDuty, or by a button."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from platelet.model.approval import Word

KEY_PREFIX: Final = "platelet/"  # of the key under which a place knows what it was told; what that is about follows
WORDS: Final[Mapping[str, Word]] = {  # by the ids of buttons
    "platelet-acknowledge": "Acknowledge",
    "platelet-approve": "Approve",
    "platelet-reject": "Reject",
}
SHORTEST_KEY: Final = 16  # bytes of a key that signs
_OF_JOB = "/job/"  # between the uid of a policy and the record of a failed Job on it
_LONGEST_PART = 100  # characters of an id or a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, as the place tells it. Nothing in it is believed but what the place has signed."""

    uid: str  # of the Remediation; of the policy, if it is about a failed Job
    job: str = ""  # what tells the record of a failed Job from others of its policy; empty: it is about an incident
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


def about_job(policy_uid: str, known_as: str) -> str:
    """What an answer is about, as a place carries it, if that is a failed Job on record of a policy."""
    return f"{policy_uid}{_OF_JOB}{known_as}"


def read_about(about: str) -> tuple[str, str]:
    """Read what an answer is about: `uid` and `job` of a Reply."""
    uid, _, job = about.partition(_OF_JOB)
    return (uid, job) if uid and job else (about, "")


def _plain(text: str) -> str:
    """One line of what can be printed."""
    return "".join(char for char in text if char.isprintable())[:_LONGEST_PART]
