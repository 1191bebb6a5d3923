"""Tells logs and metrics what has changed on a Remediation: derived from the two statuses, so nothing is told twice."""

from collections import Counter
from collections.abc import Iterable

import structlog

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import deliveries
from platelet.model.remediation import BEFORE_ACTING, Attempt, DecisionRecord, Remediation, RemediationStatus
from platelet.shell.telemetry.metrics import Metrics

log = structlog.get_logger("platelet.remediation")


class ProgressReporter:
    """Reports on all Remediations; labels of metrics come from small vocabularies only."""

    def __init__(self, metrics: Metrics) -> None:
        """Take the metrics to count in."""
        self._metrics = metrics

    def tell(self, remediation: Remediation, after: RemediationStatus) -> None:
        """Say that the stored status is now `after`."""
        before = remediation.status
        if (before.state, before.reason, before.message) != (after.state, after.reason, after.message):
            log.info(
                "remediation",
                namespace=remediation.namespace,
                remediation=remediation.name,
                target=f"{remediation.spec.target_ref.kind.lower()}/{remediation.spec.target_ref.name}",
                state=after.state,
                step=after.step_name,
                reason=after.reason,
                message=after.message,
            )
        self._count_attempts(before.attempts, after.attempts)
        self._count_decisions(before.decisions, after.decisions)
        if after.escalation is not None and (before.escalation is None or before.escalation.at != after.escalation.at):
            self._metrics.escalations.labels(reason=after.escalation.reason).inc()

    def count_open(self, remediations: Iterable[Remediation], unreadable: int = 0) -> None:
        """Take all Remediations as read: how many are open, by state, how many could not be read."""
        known = list(remediations)
        self._metrics.remediations_open.labels(state="Unreadable").set(unreadable)
        states = Counter(remediation.status.state for remediation in known)
        for state in (*BEFORE_ACTING, "Acting", "Verifying", "Monitoring", "Escalated"):
            self._metrics.remediations_open.labels(state=state).set(states[state])

    def count_untold(self, remediations: Iterable[Remediation], policies: Iterable[ResolvedPolicy] = ()) -> None:
        """Take all as read: how many notices sinks have not taken, of incidents and of alerts without a target."""
        lists = [remediation.status.notifications for remediation in remediations]
        lists += [resolved.notifications for resolved in policies]
        self._metrics.notices_undelivered.set(sum(len(deliveries.undelivered(listed)) for listed in lists))

    def _count_attempts(self, before: tuple[Attempt, ...], after: tuple[Attempt, ...]) -> None:
        known = {record.id: record for record in before}
        for attempt in after:
            old = known.get(attempt.id)
            if old is None or old.phase != attempt.phase:
                self._metrics.attempts.labels(action=attempt.action, phase=attempt.phase).inc()
            if attempt.verdict is not None and (old is None or old.verdict is None):
                self._metrics.verdicts.labels(outcome=attempt.verdict).inc()

    def _count_decisions(self, before: tuple[DecisionRecord, ...], after: tuple[DecisionRecord, ...]) -> None:
        known = {(record.by, record.reason, record.first_at) for record in before}
        for decision in after:
            if (decision.by, decision.reason, decision.first_at) not in known:
                self._metrics.decisions.labels(reason=decision.reason).inc()
