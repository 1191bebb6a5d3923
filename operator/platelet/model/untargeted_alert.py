"""An alert that a policy matches and that leads to no workload, as its policy has it on record."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model import reasons, severity
from platelet.model.alert import fingerprint_of
from platelet.model.digest import digest
from platelet.model.durations import CAMEL, format_time
from platelet.model.notification import OF_AN_ALERT, Course
from platelet.model.recorded_call import OnRecord, RecordedCall
from platelet.model.severity import Grade
from platelet.model.signal import Evidence, Text

MAX_UNTARGETED: Final = 20
_CLUSTER: Final = "cluster: "


@dataclass(frozen=True, slots=True, kw_only=True)
class UntargetedAlert(OnRecord, Evidence):
    """What it says, whether people are called for it, and why it is over.

    Of alerts about another cluster there is one for all of them: nobody is called, and nobody says that it is over.
    """

    call: Annotated[
        RecordedCall | None,
        Field(description="That people are called for it. Absent: a policy that observes calls nobody."),
    ] = None
    resolution: Text = ""  # why it is over

    course: ClassVar[Course] = OF_AN_ALERT
    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def about(self) -> str:
        """What it is once on the list by: the query's fact, the alert by its labels, or the other cluster."""
        return self.fingerprint if self.source == "query" else fingerprint_of(self.fingerprint)

    @property
    def is_of_another_cluster(self) -> bool:
        """Whether it stands for all alerts about another cluster."""
        return self.reason == reasons.ANOTHER_CLUSTER

    @property
    def is_of_alertmanager(self) -> bool:
        """Whether Alertmanager knows it by its labels, and can be asked about it."""
        return self.source == "alert" and not self.sender and not self.is_of_another_cluster

    @property
    def is_silenced(self) -> bool:
        """Whether Alertmanager keeps it from us: nobody is called meanwhile."""
        return self.suppressed_at is not None

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"alert {self.reason}"

    @property
    def grade(self) -> Grade:
        """How grave it is, which decides which levels are for it."""
        return severity.grade(self.severity)

    @property
    def cause(self) -> str:
        """Why people are told: a constant of model.reasons."""
        return reasons.ANOTHER_CLUSTER if self.is_of_another_cluster else reasons.NO_TARGET

    @property
    def known_as(self) -> str:
        """What tells its notices from those of others: the same from its call to its end, another one if it returns."""
        called_at = f"/{format_time(self.call.at)}" if self.call is not None else ""
        return digest(self.fingerprint + called_at)


def name_cluster(name: str) -> str:
    """By what alerts about another cluster are on the list once."""
    return f"{_CLUSTER}{name.replace('/', ':')}"  # what is before a slash is compared
