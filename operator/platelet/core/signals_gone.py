"""What follows when nothing says any more that something is wrong, before the next step was tried.

What we have acted on counts as recovered only once it is well: a policy that looks at no pods hears nothing from those
that fail on (docs/adr/0006).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet.core import escalating, record, target_state
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.durations import format_duration
from platelet.model.remediation import RemediationStatus
from platelet.model.signal import SHOWN
from platelet.model.situation import Situation

_MESSAGE = "every signal is gone"
_LEAST_PATIENCE = timedelta(minutes=5)  # a policy may say that nothing comes back; a pod still takes a while to start


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Closed if nothing was done, watched if something was and the target is well; None while a signal is left."""
    if situation.signals:
        return None
    if target_state.is_switched_off(situation, status):
        text = f"{_MESSAGE}, and the target is switched off: nothing can be proven of what does not run"
        return escalating.escalate(situation, status, reasons.INCONCLUSIVE, text, now)
    failed = next((fact for fact in status.evidence if fact.source == "check" and fact.resolved_at is None), None)
    if failed is not None:
        text = f"whether it still fails is not known: {failed.message}"
        return escalating.escalate(situation, status, reasons.INCONCLUSIVE, text, now)
    if not any(attempt.kind == "Act" and attempt.phase == "Done" for attempt in status.attempts):
        return Decision(status=record.close(status, reasons.RESOLVED_BY_ITSELF, _MESSAGE, now))
    if situation.policy is None:
        return Decision(status=status)
    patience = max(situation.policy.limits.reopen_within, _LEAST_PATIENCE)
    return _until_well(situation, status, patience, now) or _recovered(status, now)


def _until_well(situation: Situation, status: RemediationStatus, patience: timedelta, now: datetime) -> Decision | None:
    """Wait for a signal for as long as a fault may come back, then it is for people; None once it was well long enough.

    What is not well may show a signal yet: of a rollout that hangs, its Deployment speaks only after ten minutes.
    """
    stable_for, quiet_since = escalating.stable_for(situation), status.quiet_since or now
    well_since = target_state.well_since(situation, status)
    if well_since is not None and well_since <= now:  # else a node's clock is wrong, and nothing is known
        well_at = well_since + stable_for
        if well_at <= now:
            return None
        text = f"{_MESSAGE}; the target is well, and has to be for {format_duration(stable_for)}"
        return _wait(status, text, quiet_since, well_at)
    give_up_at = quiet_since + patience
    if give_up_at > now:
        return _wait(status, f"{_MESSAGE}, but the target is not well", quiet_since, give_up_at)
    text = f"{_MESSAGE}, but the target was not well for {format_duration(patience)} since"
    return escalating.escalate(situation, status, reasons.NOT_STABLE, text, now)


def _wait(status: RemediationStatus, text: str, quiet_since: datetime, until: datetime) -> Decision:
    waiting = replace(status, reason=reasons.NOT_STABLE, message=text, quiet_since=quiet_since)
    return Decision(status=waiting, again_at=until)


def _recovered(status: RemediationStatus, now: datetime) -> Decision:
    status = record.set_condition(status, "Recovered", reasons.RECOVERED, _MESSAGE, now)
    watched = record.resolve(record.enter(status, "Monitoring", reasons.RECOVERED, _MESSAGE), now, *SHOWN, "check")
    return Decision(status=replace(watched, recovered_at=now))
