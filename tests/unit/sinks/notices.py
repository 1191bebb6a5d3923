"""The notice that calls people, as the tests of sinks begin with it."""

from platelet.model import reasons
from platelet.model.failed_job import FailedJob
from platelet.model.log_tail import LogTail
from platelet.model.notice import Notice
from platelet.model.policy import Policy
from platelet.model.recent_change import RecentChange
from platelet.model.remediation import RemediationStatus
from platelet.model.untargeted_alert import UntargetedAlert
from tests.unit.situations import A_MINUTE_AGO, NOW, a_remediation, a_workload

CHANGED = RecentChange(template="bad", healthy_template="good", differences=("app image app:1 -> 2",))
"""What was changed of its target before; the last line says what differs."""
JOB = FailedJob(
    namespace="shop",
    name="report-1",
    uid="u1",
    cron_job="report",
    reason="BackoffLimitExceeded",
    message="why",
    since=A_MINUTE_AGO,
    failed_at=A_MINUTE_AGO,
)
"""A Job of a CronJob that has failed."""
ALERT = UntargetedAlert(
    source="alert",
    reason="ApiDown",
    fingerprint="f1/1",
    message="why",
    severity="page",
    first_seen=A_MINUTE_AGO,
    last_seen=NOW,
)
"""An alert that leads to no workload."""
TAIL = LogTail(pod="api-2-a", container="app", read_at=NOW, lines=("panic: no database",))
"""And what its log says."""
OF_JOB = LogTail(pod="mend-x", container="mend", read_at=NOW, lines=("no lock on the table",))
"""What the log of a Job says that a step has started."""


def an_escalation(policy: Policy, status: RemediationStatus) -> Notice:
    """No step is left, so people get the incident."""
    return Notice(
        kind="Escalated",
        remediation=a_remediation(status=status),
        workload=a_workload(),
        policy=policy,
        reason=reasons.NO_STEP_LEFT,
        message="no step is left",
        at=NOW,
    )
