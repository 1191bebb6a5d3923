"""Tells logs and metrics what has changed on a Remediation: derived from the two statuses, so nothing is told twice."""

from collections import Counter
from collections.abc import Iterable

import structlog

from platelet.core import delivering
from platelet.model.remediation import BEFORE_ACTING, Attempt, DecisionRecord, Remediation, RemediationStatus
from platelet.shell.metrics import Metrics

log = structlog.get_logger("platelet.remediation")


class Narrator:
    """One for the operator; labels of metrics come from small vocabularies only."""

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
        """Take all Remediations as read: how many are open, by state, how many could not be read; what is untold."""
        known = list(remediations)
        self._metrics.remediations_open.labels(state="Unreadable").set(unreadable)
        self._metrics.notices_undelivered.set(sum(len(delivering.undelivered(each.status)) for each in known))
        states = Counter(each.status.state for each in known)
        for state in (*BEFORE_ACTING, "Acting", "Verifying", "Monitoring", "Escalated"):
            self._metrics.remediations_open.labels(state=state).set(states[state])

    def _count_attempts(self, before: tuple[Attempt, ...], after: tuple[Attempt, ...]) -> None:
        known = {each.id: each for each in before}
        for attempt in after:
            old = known.get(attempt.id)
            if old is None or old.phase != attempt.phase:
                self._metrics.attempts.labels(action=attempt.action, phase=attempt.phase).inc()
            if attempt.verdict is not None and (old is None or old.verdict is None):
                self._metrics.verdicts.labels(outcome=attempt.verdict).inc()

    def _count_decisions(self, before: tuple[DecisionRecord, ...], after: tuple[DecisionRecord, ...]) -> None:
        known = {(each.by, each.reason, each.first_at) for each in before}
        for decision in after:
            if (decision.by, decision.reason, decision.first_at) not in known:
                self._metrics.decisions.labels(reason=decision.reason).inc()
