"""Checks: DID IT help. Each file gives a verdict on one attempt from what is seen now.

Belongs here: proofs of recovery, one file each with one function `check`, one name in `CHECKS`, in the order they are
asked; what a step may write to ask for one (its `settings`), and what must be asked of others for it (`questions`); and
what "complete" and "well" mean. Does not belong here: what follows from a verdict (core), asking (shell).
"""

from dataclasses import replace
from datetime import datetime

from platelet.checks import alert_resolved, http_endpoint, prometheus, rollout_complete, stable
from platelet.checks.rollout_complete import has_arrived, how_reverted, is_complete
from platelet.checks.stable import is_well, well_since
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.reading import Question
from platelet.model.rules import Check, Trial
from platelet.model.verdict import Verdict
from platelet.model.workload import WorkloadRef

__all__ = [
    "CHECKS",
    "has_arrived",
    "how_reverted",
    "is_complete",
    "is_well",
    "judge",
    "keep_time",
    "questions",
    "well_since",
]

CHECKS: tuple[Check, ...] = (
    Check(name="rolloutComplete", check=rollout_complete.check),
    Check(name="stable", check=stable.check),
    Check(name="alertResolved", check=alert_resolved.check, settings=alert_resolved.AlertResolved),
    Check(name="prometheus", check=prometheus.check, settings=prometheus.Prometheus, questions=prometheus.questions),
    Check(name="http", check=http_endpoint.check, settings=http_endpoint.Http, questions=http_endpoint.questions),
)


def questions(verification: Verification, target: WorkloadRef) -> frozenset[Question]:
    """What must be asked of others, now, to judge by it."""
    return frozenset(
        question
        for check in CHECKS
        if check.questions is not None
        for question in check.questions(verification, target)
    )


def keep_time(trial: Trial, now: datetime) -> Trial:
    """The trial with its clocks as they are now, to be stored whatever is judged."""
    if trial.verifying.complete_at is None:
        return trial
    return replace(trial, verifying=prometheus.keep_time(trial, now))


def judge(trial: Trial, now: datetime) -> Verdict:
    """Ask all checks: Recovered only if all say so, else the gravest answer, of several the first in order.

    One that is known to have failed waits for no other; one that could not be known waits for those that still may
    fail. Nothing is asked before the rollout is complete.
    """
    verdicts = []
    for check in CHECKS:
        verdicts.append(check.check(trial, now))
        if check.name == "rolloutComplete" and verdicts[0].outcome != "Recovered":
            return verdicts[0]
    for outcome in ("Failed", "Pending", "Inconclusive"):
        alike = [each for each in verdicts if each.outcome == outcome]
        if alike:
            dues = [each.retry_at for each in alike if each.retry_at is not None]
            return replace(alike[0], retry_at=min(dues, default=None))
    said = "; ".join(each.message for each in verdicts if each.message)
    return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message=said)
