"""Checks: DID IT help. Each file gives a verdict on one attempt from what is seen now.

Belongs here: proofs of recovery, one file each with one function `check`, one name in `CHECKS`, in the order they are
asked; and what "complete" and "well" mean. Does not belong here: what follows from a verdict (core).
"""

from datetime import datetime

from platelet.checks import alert_resolved, rollout_complete, stable
from platelet.checks.rollout_complete import is_complete
from platelet.checks.stable import is_well, well_since
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.remediation import Attempt, Verifying
from platelet.model.rules import Check, Trial
from platelet.model.situation import Situation
from platelet.model.verdict import Verdict

__all__ = ["CHECKS", "is_complete", "is_well", "judge", "well_since"]

CHECKS: tuple[Check, ...] = (
    Check("rolloutComplete", rollout_complete.check),
    Check("stable", stable.check),
    Check("alertResolved", alert_resolved.check),
)


def judge(
    situation: Situation, verification: Verification, verifying: Verifying, attempt: Attempt, now: datetime
) -> Verdict:
    """Ask the checks in order: the first that does not say Recovered answers; Recovered only if all say so."""
    trial = Trial(situation=situation, verification=verification, verifying=verifying, attempt=attempt)
    said = []
    for check in CHECKS:
        verdict = check.check(trial, now)
        if verdict.outcome != "Recovered":
            return verdict
        said.append(verdict.message)
    return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message="; ".join(said))
