"""The end of a log as evidence: on the record before the first act, and no act waits or fails for it."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.shell import kube
from tests.scenarios.heals import is_over
from tests.scenarios.incidents import begin, images_written
from tests.scenarios.manifests import step
from tests.scenarios.simulation import Simulation

LOGS = {"logs": True}


def heal(simulation: Simulation, **policy: Any) -> None:
    """A bad release, undone."""
    begin(simulation, step("rolloutUndo"), **policy)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    assert images_written(simulation) == ["app:good-1"]


def logs_read(simulation: Simulation) -> list[int]:
    """The codes of all answers."""
    return [call.code for call in simulation.world.server.audit if call.subresource == "log"]


def test_it_is_read_once_and_kept_without_credentials(simulation: Simulation) -> None:
    simulation.world.server.logs = {"app": "connecting\nDB_PASSWORD=hunter2\npanic: no database\n"}
    heal(simulation, evidence=LOGS)
    tail = simulation.remediation().status.log_tail
    assert tail is not None
    assert tail.lines == ("connecting", "DB_PASSWORD=<redacted>", "panic: no database")
    assert logs_read(simulation) == [200]
    stored = repr([call.body for call in simulation.world.server.audit])
    assert "hunter2" not in stored


def test_no_log_is_read_unless_the_policy_says_so(simulation: Simulation) -> None:
    simulation.world.server.logs = {"app": "a secret"}
    heal(simulation)
    assert simulation.remediation().status.log_tail is None
    assert logs_read(simulation) == []


def test_without_the_right_it_heals_as_well_and_says_what_is_missing(simulation: Simulation) -> None:
    heal(simulation, evidence=LOGS)
    tail = simulation.remediation().status.log_tail
    assert tail is not None
    assert tail.not_available.endswith("kubectl apply -k deploy/logs lets it")
    assert logs_read(simulation) == [403]


def test_a_kubelet_that_does_not_answer_holds_nothing_up(simulation: Simulation) -> None:
    simulation.world.server.logs = {"app": "late"}
    simulation.world.server.log_takes = timedelta(hours=1).total_seconds()
    heal(simulation, evidence=LOGS)
    tail = simulation.remediation().status.log_tail
    assert tail is not None
    assert tail.not_available == "no answer in time"


class Spoilt(dict[str, str]):
    """No log can be read."""

    def __init__(self, error: kube.ApiError) -> None:
        """All reads end in this."""
        super().__init__()
        self._error = error

    def __getitem__(self, container: str) -> str:
        """Raise it."""
        raise self._error


@pytest.mark.parametrize(
    "error", [kube.Unanswered(0, "ConnectionLost", "lost"), kube.Refused(400, "BadRequest", "lost")], ids=str
)
def test_whatever_becomes_of_the_read_it_heals(simulation: Simulation, error: kube.ApiError) -> None:
    simulation.world.server.logs = Spoilt(error)
    heal(simulation, evidence=LOGS)
    tail = simulation.remediation().status.log_tail
    assert tail is not None
    assert tail.not_available == "lost"
