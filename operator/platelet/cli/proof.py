"""A verification that is under way: how far the proof is, until when it may come, and what follows if it does not."""

from collections.abc import Sequence
from datetime import datetime

from platelet import checks
from platelet.cli import lines
from platelet.model.durations import format_duration, say_time
from platelet.model.policy import Step
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def say_progress(situation: Situation, status: RemediationStatus, now: datetime) -> str:
    """Say it in a sentence; empty where nothing is verified. `status` is where the decision comes to rest."""
    clocks = status.verifying
    if clocks is None or status.step >= len(situation.steps):
        return ""
    step = situation.steps[status.step]
    proof = step.verify
    if clocks.complete_at is None:
        until = clocks.started_at + proof.timeout
        return f"rollout until {say_time(until)} at the latest, then {_say_what_follows(situation.steps, status.step)}"
    until = clocks.complete_at + max(proof.timeout, proof.stable_for)
    since = checks.well_since(situation.workload, situation.revisions, situation.pods) if situation.workload else None
    held = max(now - max(since, clocks.complete_at), now - now) if since is not None else now - now
    stable = f"stable {lines.lasting(min(held, proof.stable_for))} of {format_duration(proof.stable_for)}"
    return f"{stable}, until {say_time(until)} at the latest, then {_say_what_follows(situation.steps, status.step)}"


def _say_what_follows(steps: Sequence[Step], position: int) -> str:
    """What a failed proof leads to."""
    following = position + 1
    onward = f"step {following + 1} ({steps[following].name})" if following < len(steps) else "people"
    match steps[position].on_failure:
        case "Escalate":
            return "people"
        case "Stop":
            return "nothing: it stops, on record only"
        case "Undo":
            return f"this step is taken back, then {onward}"
        case _:
            return onward
