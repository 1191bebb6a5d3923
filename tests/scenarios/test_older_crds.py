"""The installed CRDs are older than the operator: what they would drop is not stored, and nothing follows from it."""

from collections.abc import Iterator

import pytest

from platelet.model import reasons
from platelet.replay import schemas
from platelet.shell import kube
from tests.scenarios.escalations import FOLLOWED, L1
from tests.scenarios.heals import effects
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import escalation_policy, on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_failed_jobs import TRIGGER, fail, kinds, listed, warning
from tests.scenarios.world import SHOP

HOUR = 60 * MINUTE


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def lack(simulation: Simulation, resource: kube.Resource, *path: str) -> None:
    """The CRD as it was before it had this field of the status."""
    simulation.world.store.schemas = schemas.without(resource, "status", *path)


def update(simulation: Simulation) -> None:
    """`kubectl apply --server-side -k crds`."""
    simulation.world.store.schemas = schemas.schemas()


def refused(simulation: Simulation) -> int:
    """How many writes were, since a field is not known."""
    return sum(call.code == 400 for call in simulation.world.server.audit)


def events(simulation: Simulation, reason: str) -> int:
    return sum(event["reason"] == reason for event in simulation.world.store.find(kube.EVENTS, SHOP))


def test_a_job_is_told_once_the_crd_is_updated_and_until_then_the_policy_says_why_not(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), triggers=[TRIGGER], escalation={"webhook": {"url": "http://pager.svc/x"}})
    lack(simulation, kube.POLICIES, "failedJobs", "call")
    fail(simulation, "migrate")
    simulation.run(HOUR)
    assert (kinds(simulation), listed(simulation), events(simulation, reasons.JOB_FAILED)) == ([], (), 0)
    reason, message = warning(simulation)
    assert reason == reasons.CRD_OUTDATED
    assert "does not know status.failedJobs.call: kubectl apply --server-side -k crds" in message
    assert refused(simulation) <= 61, "once a minute"
    update(simulation)
    simulation.run(10 * MINUTE)
    assert kinds(simulation) == ["job.failed"]
    assert warning(simulation) == ("", "")


def test_an_alert_is_not_taken_until_it_can_be_recorded_and_is_told_once_then(simulation: Simulation) -> None:
    """Its sender tries again, so it is not lost."""
    simulation.apply(escalation_policy({**L1, "repeatEvery": "6h"}))
    begin(simulation, step("rolloutRestart"), triggers=[on_alert("Lost")], escalation=FOLLOWED)
    lack(simulation, kube.POLICIES, "untargetedAlerts", "call")
    simulation.alerts.fire("000000000000f001", {"alertname": "Lost", "namespace": SHOP})
    simulation.run(HOUR)
    assert simulation.mailbox.delivered == []
    assert warning(simulation)[0] == reasons.CRD_OUTDATED
    update(simulation)
    simulation.run(HOUR)
    assert len(simulation.mailbox.delivered) == 1
    assert warning(simulation) == ("", "")


@pytest.mark.parametrize(
    ("resource", "listed_in"), [(kube.REMEDIATIONS, "attempts"), (kube.BUDGETS, "entries")], ids=["intent", "place"]
)
def test_what_would_forget_that_it_is_to_be_reverted_is_not_done(
    simulation: Simulation, resource: kube.Resource, listed_in: str
) -> None:
    """The record would be there, with a gap."""
    begin(simulation, step("scale", {"to": 4, "revertAfter": "30m"}), triggers=[on_alert("Busy")])
    lack(simulation, resource, listed_in, "revert")
    simulation.alerts.fire("f1", BUSY)
    simulation.run(HOUR)
    assert effects(simulation.world.server.audit) == {}


def test_people_get_what_cannot_be_recorded_and_hear_the_fix(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), escalation={"webhook": {"url": "http://pager.svc/x"}})
    lack(simulation, kube.REMEDIATIONS, "attempts", "changes")
    simulation.world.release("api", "app:crash-1")
    simulation.run(HOUR)
    assert states(simulation) == [("Escalated", reasons.NOT_RECORDED)]
    message = simulation.remediation().status.message
    assert "does not know status.attempts.changes: kubectl apply --server-side -k crds" in message
