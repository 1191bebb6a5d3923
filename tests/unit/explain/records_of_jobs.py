"""A CronJob of which two Jobs have failed, as a policy has it on record."""

from datetime import timedelta
from typing import Any

from platelet.api.kinds.status_lists import FAILED_JOBS, NOTIFICATIONS
from platelet.model.escalation_levels import ToldLevel
from platelet.model.failed_job import FailedJob
from platelet.model.notification import Notification
from platelet.model.recorded_call import RecordedCall
from tests.unit.situations import NOW

_MINUTE = timedelta(minutes=1)
RECORD = FailedJob(
    namespace="shop",
    name="report-2",
    uid="u2",
    cron_job="report",
    reason="BackoffLimitExceeded",
    message="Job shop/report-2 of CronJob report failed: BackoffLimitExceeded: too often; container main exited 3",
    since=NOW - 30 * _MINUTE,
    failed_at=NOW - 10 * _MINUTE,
    count=2,
    call=RecordedCall(at=NOW - 30 * _MINUTE, told=(ToldLevel(level=1, sinks=("pagerduty",)),)),
)
CALL = Notification(
    id=f"uid-policy/job-failed/{RECORD.known_as}",
    sink="pagerduty",
    kind="JobFailed",
    reason="JobFailed",
    message="it has failed",
    at=NOW - 29 * _MINUTE,
    state="Delivered",
    told_at=NOW - 28 * _MINUTE,
)


def policy_with(*records: FailedJob, notifications: tuple[Notification, ...] = (), **status: Any) -> dict[str, Any]:
    """A policy as it is stored."""
    return {
        "metadata": {"namespace": "shop", "name": "heal", "uid": "uid-policy"},
        "spec": {"mode": "Enforce", "triggers": [{"job": {}}], "targets": {"all": True}, "runbookRef": {"name": "r"}},
        "status": {**FAILED_JOBS.write(records), **NOTIFICATIONS.write(notifications), **status},
    }
