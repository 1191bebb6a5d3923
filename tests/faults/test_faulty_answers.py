"""Single requests that fail, hang, or lose their answers: what they did is looked at, never done twice (I3, I4).

Each fault strikes once, at a write on the workload, at another write, or anywhere; what follows is served well.
"""

import random

import pytest

from tests.cluster import patience
from tests.faults import moments, scene
from tests.faults.moments import Kind, Moment
from tests.faults.proxy import Answer, Fault, Hang, Request, Reset
from tests.faults.replicas import Ward
from tests.faults.test_kill_live import complaints

pytestmark = pytest.mark.cluster
# A 403 is a definite no, which ends the step when it is the answer to the write on the workload.
FAULTS: tuple[Fault, ...] = (
    Hang(applied=True),
    Reset(applied=True),
    Hang(),
    Reset(),
    Answer(409),
    Answer(429, retry_after=1),
    Answer(500),
    Answer(503),
)
SAMPLE = 4  # of the faults, per kind of request
ELSEWHERE: tuple[Fault, ...] = (*FAULTS, Answer(403))


class Once:
    """A rule that strikes at one moment."""

    def __init__(self, moment: Moment, fault: Fault) -> None:
        """`moment.applied` says nothing here: the fault itself does."""
        self._moment, self._fault = moment, fault
        self._seen = 0
        self.at: Request | None = None

    def rule(self, request: Request) -> Fault | None:
        """The proxy's rule."""
        if self.at is not None or not moments.is_of(self._moment.kind, request):
            return None
        number, self._seen = self._seen, self._seen + 1
        if number != self._moment.number:
            return None
        self.at = request
        return self._fault

    def __str__(self) -> str:
        """For the report."""
        return f"{self._fault} at {self._moment.kind} {self._moment.number} ({self.at or 'never reached'})"


@pytest.mark.parametrize("action", scene.ACTIONS)
def test_a_fault_in_any_request_changes_nothing_in_the_end(ward: Ward, action: str) -> None:
    """At most one effect per attempt id by the audit log, as many effects as without a fault, and the same end."""
    oracle, rehearsal = ward.rehearse(action, replicas=1)
    plan = strikes(rehearsal, action)
    names = [f"{action}-{number}" for number in range(len(plan))]
    ward.admit(action, names)
    ends = []
    for name, strike in zip(names, plan, strict=True):
        leader = ward.replicas.leader()
        leader.proxy.arm(strike.rule)
        ends.append(ward.heal(action, name, strike))
        leader.proxy.disarm()

    effects = ward.effects()
    expected = len(effects[scene.ORACLE])
    wrong = [
        f"{name}, {strike}: {complaint}"
        for name, strike, end in zip(names, plan, ends, strict=True)
        for complaint in complaints(end, oracle, effects.get(name, []), expected, ward.attempts(name))
    ]
    report = [f"{action}: {rehearsal}; seed {moments.SEED}", *map(str, plan)]
    print("\n  ".join(report))  # noqa: T201 - shown by -s, and when it fails
    assert wrong == []


def strikes(rehearsal: moments.Rehearsal, action: str) -> list[Once]:
    """Every fault at a write on the workload; some (or all, in a sweep) at other writes, and anywhere."""
    dice = random.Random(f"{moments.SEED}/answers/{action}")  # noqa: S311 - a test's dice
    kinds: tuple[tuple[Kind, tuple[Fault, ...]], ...] = (("effect", FAULTS), ("write", FAULTS), ("call", ELSEWHERE))
    return [
        Once(Moment(kind, dice.randrange(rehearsal.count(kind)), applied=False), fault)
        for kind, faults in kinds
        for fault in (faults if kind == "effect" or moments.SWEEP else dice.sample(faults, SAMPLE))
    ]


def test_a_refused_write_is_a_definite_no(ward: Ward) -> None:
    """403 at the write on the workload: the attempt is Refused, nothing was changed, and people have it."""
    ward.rehearse("restart", replicas=1)
    ward.admit("restart", ["refused"])
    leader = ward.replicas.leader()
    leader.proxy.arm(Once(Moment("effect", 0, applied=False), Answer(403)).rule)
    patient = scene.Patient(ward.reader, ward.replicas.alert_urls, "restart", ward.namespace, "refused")
    patient.fire()
    patient.until_over()
    status = patience.until("a status", lambda: ward.reader.remediations(ward.namespace, "refused")[0].get("status"))
    assert status["state"] == "Escalated"
    assert [attempt["phase"] for attempt in status["attempts"]] == ["Refused"]
    assert ward.effects().get("refused", []) == []
