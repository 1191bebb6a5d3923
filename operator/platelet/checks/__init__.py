"""Checks: DID IT help. Each file gives a verdict on one attempt from what is seen now.

Belongs here: proofs of recovery, one file each with one function `check`, one entry in `CHECKS`, in the order they are
asked. The entry says all that others need: what a step may write to ask for one, what must be asked of others for it,
its clock, whether its failure is a fact of ill health, why it can never be asked. And what "complete" and "well" mean.
Does not belong here: what follows from a verdict (core), asking (shell).
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from platelet.checks import alert_resolved, completion, http_endpoint, prometheus, rollout_complete, stable
from platelet.checks.alert_resolved import patience_for_queries
from platelet.checks.rollout_complete import has_arrived, is_complete
from platelet.checks.stable import is_well, well_since
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.reading import Question
from platelet.model.rules import Check, Progress, Trial
from platelet.model.verdict import Verdict
from platelet.model.verifying import Verifying
from platelet.model.workload import WorkloadRef

__all__ = [
    "CHECKS",
    "has_arrived",
    "is_complete",
    "is_well",
    "judge",
    "keep_time",
    "of",
    "patience_for_queries",
    "progress",
    "questions",
    "well_since",
]

CHECKS: tuple[Check, ...] = (
    Check(name="completion", check=completion.check, comes_first=True, progress=completion.progress),
    Check(
        name="rolloutComplete",
        check=rollout_complete.check,
        comes_first=True,
        keep_time=rollout_complete.keep_time,
        progress=rollout_complete.progress,
    ),
    Check(name="stable", check=stable.check, progress=stable.progress),
    Check(
        name="alertResolved",
        check=alert_resolved.check,
        settings=alert_resolved.AlertResolved,
        find_caveat=alert_resolved.find_caveat,
    ),
    Check(
        name="prometheus",
        check=prometheus.check,
        settings=prometheus.Prometheus,
        questions=prometheus.questions,
        keep_time=prometheus.keep_time,
        is_fact=True,
        rules=(prometheus.FITS,),
        find_fault=prometheus.find_fault,
    ),
    Check(
        name="http",
        check=http_endpoint.check,
        settings=http_endpoint.Http,
        questions=http_endpoint.questions,
        is_fact=True,
        find_fault=http_endpoint.find_fault,
    ),
)


def of(settings: Any) -> Check:
    """The check whose settings these are. Raises KeyError for what is none."""
    check = next((known for known in CHECKS if known.settings is type(settings)), None)
    if check is None:
        raise KeyError(type(settings))
    return check


def questions(verification: Verification, verifying: Verifying, target: WorkloadRef) -> frozenset[Question]:
    """What must be asked of others, now, to judge by it: nothing before the rollout is complete."""
    if verifying.complete_at is None:
        return frozenset()
    return frozenset(
        question
        for check in CHECKS
        if check.questions is not None
        for question in check.questions(verification, target)
    )


def keep_time(trial: Trial, now: datetime) -> Trial:
    """The trial with the checks' clocks as they are now, to be stored whatever is judged."""
    for check in CHECKS:
        trial = replace(trial, verifying=check.keep_time(trial, now))
    return trial


def progress(trial: Trial, now: datetime) -> Progress | None:
    """How far the proof is: of the first check that tells."""
    progresses = (check.progress(trial, now) for check in CHECKS)
    return next((progress for progress in progresses if progress is not None), None)


def judge(trial: Trial, now: datetime) -> Verdict:
    """Ask all checks: Recovered only if all say so, else the gravest answer, of several the first in order.

    One that is known to have failed waits for no other; one that could not be known waits for those that still may
    fail. Nothing is asked before the rollout is complete.
    """
    verdicts = []
    for check in CHECKS:
        verdict = check.check(trial, now)
        verdicts.append(replace(verdict, is_fact=check.is_fact))
        if check.comes_first and verdict.outcome != "Recovered":
            return verdicts[-1]
    for outcome in ("Failed", "Pending", "Inconclusive"):
        alike = [verdict for verdict in verdicts if verdict.outcome == outcome]
        if alike:
            dues = [verdict.retry_at for verdict in alike if verdict.retry_at is not None]
            return replace(alike[0], retry_at=min(dues, default=None))
    message = "; ".join(verdict.message for verdict in verdicts if verdict.message)
    return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message=message)
