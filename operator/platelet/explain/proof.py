"""A verification that is under way: how far the proof is, until when it may come, and what follows if it does not."""

from collections.abc import Sequence
from datetime import datetime

from platelet import checks
from platelet.model.durations import say_time
from platelet.model.policy import Step
from platelet.model.remediation import RemediationStatus
from platelet.model.rules import Trial
from platelet.model.situation import Situation


def say_progress(situation: Situation, status: RemediationStatus, now: datetime) -> str:
    """Say in a sentence how far the verification is; empty if nothing is verified. `status` is the one at rest."""
    clocks = status.verifying
    if clocks is None or status.step >= len(situation.ladder.steps):
        return ""
    attempt = next((attempt for attempt in reversed(status.attempts) if attempt.kind == "Act"), None)
    if attempt is None:
        return ""
    verification = situation.ladder.steps[status.step].verify
    trial = Trial(situation=situation, verification=verification, verifying=clocks, attempt=attempt)
    progress = checks.progress(trial, now)
    if progress is None:
        return ""
    then = _say_what_follows(situation.ladder.steps, status.step)
    return f"{progress.text} until {say_time(progress.until)} at the latest, then {then}"


def _say_what_follows(steps: Sequence[Step], position: int) -> str:
    """What a failed proof leads to."""
    following = position + 1
    onward = f"step {following + 1} ({steps[following].name})" if following < len(steps) else "people"
    match steps[position].on_failure:
        case "Escalate":
            return "people"
        case "Stop":
            return "nothing: it stops, on record only"
        case "Revert":
            return f"this step is reverted, then {onward}"
        case _:
            return onward
