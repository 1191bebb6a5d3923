"""Which Remediations to wake for what: those that wait for a limit are not woken by more of the same."""

from dataclasses import replace

import pytest

from platelet.model import reasons
from platelet.model.remediation import Remediation, Waiting
from platelet.shell.run.incidents import PATIENCE, Incidents
from tests.unit.situations import TARGET, a_remediation, a_status


def in_state(state: str, reason: str = "", name: str = "api-1", uid: str = "rem-1") -> Remediation:
    waiting = Waiting(by="a guard", reason=reason, message="no") if reason else None
    status = a_status(state=state, reason=reason or "Intended", waiting=waiting)
    return replace(a_remediation(status=status), name=name, uid=uid)


LIMITED = in_state("Waiting", reasons.OPERATOR_RATE_LIMITED, "limited", "rem-2")
ACTING = in_state("Acting", name="acting", uid="rem-3")
CLOSED = in_state("Closed", name="closed", uid="rem-4")


class AnHour:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now = 0.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


def test_what_happens_to_a_target_wakes_its_open_ones_and_more_of_the_same_only_the_impatient() -> None:
    incidents = Incidents(AnHour())
    incidents.see_all([LIMITED, ACTING, CLOSED])
    for remediation in (LIMITED, ACTING, CLOSED):
        incidents.see(remediation)
    assert set(incidents.of(TARGET)) == {"limited", "acting"}
    assert set(incidents.impatient(TARGET)) == {"acting"}


def test_only_what_is_being_proven_or_is_peoples_waits_for_more_to_happen() -> None:
    incidents = Incidents(AnHour())
    verifying = in_state("Verifying", name="verifying", uid="rem-5")
    escalated = in_state("Escalated", name="escalated", uid="rem-6")
    for one in (LIMITED, ACTING, verifying, escalated):
        incidents.see(one)
    assert [incidents.pause(TARGET, name) for name in ("limited", "acting", "unknown")] == [0.0, 0.0, 0.0]
    assert 0.0 < incidents.pause(TARGET, "verifying") < incidents.pause(TARGET, "escalated") <= 1.0


def test_a_patient_one_is_overdue_when_it_was_not_looked_at_for_long() -> None:
    """A missed event changes nothing for longer than that."""
    seconds = AnHour()
    incidents = Incidents(seconds)
    incidents.see(LIMITED)
    incidents.see(ACTING)
    seconds.now = PATIENCE - 1
    assert set(incidents.overdue(TARGET)) == {"acting"}
    seconds.now = PATIENCE
    assert set(incidents.overdue(TARGET)) == {"limited", "acting"}


def test_after_a_restart_every_one_is_overdue() -> None:
    incidents = Incidents(AnHour())
    incidents.see_all([LIMITED, ACTING])
    assert set(incidents.overdue(TARGET)) == {"limited", "acting"}


NEWS = {
    "it waits for something else": (in_state("Waiting", reasons.COOLDOWN, "limited", "rem-2"), True),
    "it acts": (in_state("Acting", name="limited", uid="rem-2"), True),
    "it waits as before": (LIMITED, False),
}


@pytest.mark.parametrize(("later", "is_news"), NEWS.values(), ids=NEWS)
def test_what_is_news_of_one(later: Remediation, *, is_news: bool) -> None:
    incidents = Incidents(AnHour())
    assert not incidents.see(LIMITED), "what was never seen is none"
    assert incidents.see(later) is is_news


def test_the_targets_of_those_that_were_deleted_are_told_once() -> None:
    incidents = Incidents(AnHour())
    incidents.see(LIMITED)
    assert incidents.see_all([]) == [TARGET]
    assert incidents.see_all([]) == []
    assert not incidents.is_open((LIMITED.namespace, LIMITED.name))
