"""Lists in a policy's status, each written as a whole: alerts without a target, failed Jobs, notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from platelet.model.failed_job import FailedJob
from platelet.model.notification import Notification
from platelet.model.untargeted_alert import UntargetedAlert

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StatusList(Generic[T]):
    """One list: the field of the status that it is, and how its entries are read and written."""

    field: str
    _adapter: TypeAdapter[tuple[T, ...]]

    def read(self, status: Mapping[str, Any]) -> tuple[T, ...]:
        """Read the list; one that somebody has spoilt counts as empty, since it is written anew as a whole."""
        try:
            return self._adapter.validate_python(status.get(self.field) or ())
        except ValidationError:
            return ()

    def write(self, entries: Sequence[T]) -> dict[str, Any]:
        """Write the list for a status, under its field."""
        return {self.field: self._adapter.dump_python(tuple(entries), mode="json", by_alias=True, exclude_none=True)}


ALERTS: Final = StatusList("untargetedAlerts", TypeAdapter(tuple[UntargetedAlert, ...]))
"""Those without a target."""
FAILED_JOBS: Final = StatusList("failedJobs", TypeAdapter(tuple[FailedJob, ...]))
NOTIFICATIONS: Final = StatusList("notifications", TypeAdapter(tuple[Notification, ...]))
"""What people are told of both."""
