"""A check of one file: somebody writes on the workload that it works. `test_a_new_check` runs this as a pytest.

It is put into the list before anything reads it (this module is a plugin, and so the first that is imported), as the
one name in `checks/__init__.py` would. No other line of the package knows it.
"""

# ruff: noqa: PLC0415 - the package is imported once the list is complete

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

import pytest
from pydantic import ConfigDict, Field

from platelet import checks
from platelet.model import reasons
from platelet.model.durations import CAMEL
from platelet.model.fault import Fault
from platelet.model.outside import Outside
from platelet.model.rules import Check, Trial
from platelet.model.verdict import Verdict

MINUTE = timedelta(minutes=1)
WORKS = "shop.example.com/works"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """`signed:` in a step's checks: an annotation that must be on the workload."""

    key: Annotated[str, Field(max_length=64, description="The annotation that somebody must write.")]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def check(trial: Trial, now: datetime) -> Verdict:
    """Recovered once it is there; Failed at the step's timeout."""
    workload = trial.situation.snapshot.workload
    deadline = (trial.verifying.complete_at or now) + trial.verification.timeout
    for settings in trial.verification.checks:
        if isinstance(settings, Signed) and (workload is None or settings.key not in workload.annotations):
            message = f"{settings.key} is not on it"
            if now < deadline:
                return Verdict(outcome="Pending", reason=reasons.CHECK_PENDING, message=message, retry_at=deadline)
            return Verdict(outcome="Failed", reason=reasons.CHECK_FAILED, message=message)
    return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message="")


def find_fault(settings: Signed, _outside: Outside | None) -> Fault | None:
    """Nobody may write on keys of Kubernetes."""
    if "kubernetes.io/" not in settings.key:
        return None
    return Fault(reason=reasons.INVALID_SPEC, message=f"key: {settings.key} is Kubernetes' own")


TOY: Final = Check(name="signed", check=check, settings=Signed, is_fact=True, find_fault=find_fault)


def pytest_configure() -> None:
    """Add it to the list."""
    checks.CHECKS += (TOY,)  # what one more name in the file would do


def test_runbooks_may_write_it() -> None:
    """The CRD offers it with its rules, and a message about a check without a kind names it."""
    from platelet.api.generation import crds

    text = crds.build_folder()["platelet.dev_runbooks.yaml"]
    assert "The annotation that somebody must write." in text
    assert "prometheus or http or signed" in text


def test_a_runbook_whose_check_can_never_be_asked_is_not_ready() -> None:
    from platelet.api.kinds import runbook as contract
    from tests.scenarios.manifests import runbook, step

    written = runbook(step("rolloutRestart", verify={"checks": [{"signed": {"key": "kubernetes.io/works"}}]}))
    stored = {**written, "metadata": {"namespace": "shop", "name": "heal", "uid": "uid-heal"}}
    readiness = contract.check_runbook(contract.read_runbook(stored), None)
    assert (readiness.ready, readiness.reason) == (False, reasons.INVALID_SPEC)
    assert "kubernetes.io/works is Kubernetes' own" in readiness.message


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "not signed"])
def test_an_attempt_is_judged_by_it(*, signed: bool) -> None:
    """What it finds is recovery; what it does not find in time is a fact of ill health, and the next step follows."""
    from platelet.shell import kube
    from tests.scenarios.incidents import BUSY, begin
    from tests.scenarios.manifests import on_alert, step
    from tests.scenarios.simulation import Simulation

    verify = {"timeout": "5m", "stableFor": "1m", "checks": [{"signed": {"key": WORKS}}]}
    with Simulation() as simulation:
        begin(simulation, step("rolloutRestart", verify=verify), triggers=[on_alert("Busy")])
        simulation.alerts.fire("f1", BUSY, lasts=3 * MINUTE)
        simulation.run(5 * MINUTE)
        assert simulation.remediation().status.state == "Verifying"
        if signed:
            patch = {"metadata": {"annotations": {WORKS: "yes"}}}
            simulation.world.store.patch(kube.DEPLOYMENTS, "shop", "api", patch)
        simulation.run(6 * MINUTE)
        (attempt,) = simulation.remediation().status.attempts
        assert attempt.verdict == ("Recovered" if signed else "Failed")
        known = [fact.reason for fact in simulation.remediation().status.evidence if fact.source == "check"]
        assert known == ([] if signed else [reasons.CHECK_FAILED])
