"""What a step has started has come to its own end: a Job. Before that, nothing else is judged."""

from datetime import datetime

from platelet import changes
from platelet.model import reasons
from platelet.model.rules import Progress, Trial
from platelet.model.verdict import Verdict


def check(trial: Trial, now: datetime) -> Verdict:
    """Judge what the change has started as the change says. Recovered if it starts nothing, or was seen complete."""
    if trial.verifying.complete_at is None:
        for verdict in changes.completions(trial.attempt, trial.situation, trial.verifying.started_at, now):
            if verdict.outcome != "Recovered":
                return verdict
    return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message="")


def progress(trial: Trial, now: datetime) -> Progress | None:
    """What is still under way."""
    verdict = check(trial, now)
    if verdict.outcome != "Pending" or verdict.retry_at is None:
        return None
    return Progress(text=verdict.message, until=verdict.retry_at)
