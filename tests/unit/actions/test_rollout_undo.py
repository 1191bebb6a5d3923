"""rolloutUndo: which template it goes back to, and when it does not guess."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.actions.rollout_undo import RolloutUndo, plan
from platelet.model import reasons
from platelet.model.revision import RevisionRecord
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Revision
from tests.unit.situations import (
    BAD,
    BORN,
    GOOD,
    NOW,
    a_record,
    a_remediation,
    a_revision,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    minutes,
)

LAST_HEALTHY = RolloutUndo()
OR_PREVIOUS = RolloutUndo(if_unknown="Previous")
PREVIOUS = RolloutUndo(to="Previous")


def revision(number: int) -> RolloutUndo:
    return RolloutUndo(to="Revision", revision=number)


def known(template_hash: str, health: Any, **changes: Any) -> RevisionRecord:
    return a_record(template_hash, health=health, **({"health_since": None, "ever_healthy": False} | changes))


def history(*hashes: str) -> tuple[Revision, ...]:
    """ReplicaSets with these template hashes, the newest first."""
    numbers = range(len(hashes), 0, -1)
    return tuple(a_revision(number, each) for number, each in zip(numbers, hashes, strict=True))


LATER = BORN + minutes(60)
GOALS: dict[str, tuple[RolloutUndo, Situation, str]] = {
    "to the template that was healthy": (LAST_HEALTHY, a_situation(), GOOD),
    "of two healthy ones to the one that proved itself later": (
        LAST_HEALTHY,
        a_situation(records=(a_record("old"), a_record("newer", health_since=LATER), known(BAD, "Unknown"))),
        "newer",
    ),
    "of two that proved themselves at once to the one first seen later": (
        LAST_HEALTHY,
        a_situation(records=(a_record("newer", first_seen=BORN + minutes(5)), a_record("old"))),
        "newer",
    ),
    "to one whose time of proof is not known, by when it was first seen": (
        LAST_HEALTHY,
        a_situation(records=(a_record("newer", health_since=None, first_seen=LATER), a_record("old"))),
        "newer",
    ),
    "past a second bad release to the good one before both": (
        LAST_HEALTHY,
        a_situation(
            records=(known(BAD, "Unknown"), known("bad-too", "Bad"), a_record()),
            revisions=history(BAD, "bad-too", GOOD),
        ),
        GOOD,
    ),
    "past a healthy one that failed as well": (
        LAST_HEALTHY,
        a_situation(records=(a_record("failed", health="Suspect", health_since=LATER), a_record())),
        GOOD,
    ),
    "to a healthy template whose ReplicaSet is gone, by its record": (
        LAST_HEALTHY,
        a_situation(revisions=history(BAD)),
        GOOD,
    ),
    "after a restart of the bad release past the restart, to another template": (
        PREVIOUS,
        a_situation(revisions=history(BAD, BAD, GOOD)),
        GOOD,
    ),
    "to the newest of several previous ones, in whatever order they are read": (
        PREVIOUS,
        a_situation(
            revisions=(
                a_revision(1, "old"),
                a_revision(3, GOOD),
                a_revision(4, BAD),
                a_revision(2, "older"),
            ),
            records=(a_record("old"), a_record(), a_record("older")),
        ),
        GOOD,
    ),
    "to the previous one although its health is unknown, when asked": (
        PREVIOUS,
        a_situation(records=(known(GOOD, "Unknown"),)),
        GOOD,
    ),
    "to the previous one that is not known to be bad": (
        PREVIOUS,
        a_situation(records=(known("bad-too", "Bad"), a_record()), revisions=history(BAD, "bad-too", GOOD)),
        GOOD,
    ),
    "to the previous one where nothing healthy is known, if the step says so": (
        OR_PREVIOUS,
        a_situation(records=(known(GOOD, "Unknown"), known(BAD, "Unknown"))),
        GOOD,
    ),
    "to the last healthy one even where the step knows a fallback": (
        OR_PREVIOUS,
        a_situation(revisions=history(BAD, "unknown", GOOD), records=(known("unknown", "Unknown"), a_record())),
        GOOD,
    ),
    "to the revision that is named": (
        revision(1),
        a_situation(revisions=history(BAD, "between", GOOD), records=(a_record(), a_record("between"))),
        GOOD,
    ),
}


@pytest.mark.parametrize(("settings", "situation", "goal"), GOALS.values(), ids=GOALS)
def test_goes_back(settings: RolloutUndo, situation: Situation, goal: str) -> None:
    """The plan pins the goal by hash and by record."""
    planned = plan(settings, situation, NOW)
    assert isinstance(planned, Plan)
    assert (planned.post.template_hash, planned.post.record) == (goal, f"api-{goal}")


REFUSALS: dict[str, tuple[RolloutUndo, Situation, str]] = {
    "no template is known to have been healthy": (
        LAST_HEALTHY,
        a_situation(records=(known(GOOD, "Unknown"),)),
        reasons.NO_HEALTHY_REVISION,
    ),
    "only the live template was ever healthy": (
        LAST_HEALTHY,
        a_situation(workload=a_workload(template_hash=GOOD)),
        reasons.NO_HEALTHY_REVISION,
    ),
    "there is no record at all": (LAST_HEALTHY, a_situation(records=()), reasons.NO_HEALTHY_REVISION),
    "one record says healthy, another one of the same template says bad": (
        LAST_HEALTHY,
        a_situation(records=(a_record(), known(GOOD, "Bad", name="api-good-2"))),
        reasons.NO_HEALTHY_REVISION,
    ),
    "the release is the only revision": (PREVIOUS, a_situation(revisions=history(BAD)), reasons.NO_SUCH_REVISION),
    "all older revisions are restarts of the same release": (
        PREVIOUS,
        a_situation(revisions=history(BAD, BAD, BAD)),
        reasons.NO_SUCH_REVISION,
    ),
    "the revision number cannot be read": (
        PREVIOUS,
        a_situation(revisions=(a_revision(2, BAD), a_revision(0, GOOD))),
        reasons.NO_SUCH_REVISION,
    ),
    "the previous revision has no record": (
        PREVIOUS,
        a_situation(records=(known(BAD, "Unknown"),)),
        reasons.NO_SUCH_REVISION,
    ),
    "the fallback finds only a bad one": (
        OR_PREVIOUS,
        a_situation(records=(known(GOOD, "Bad"),)),
        reasons.NO_SUCH_REVISION,
    ),
    "the revision named does not exist": (revision(7), a_situation(), reasons.NO_SUCH_REVISION),
    "the revision named is the live one": (revision(2), a_situation(), reasons.ALREADY_THERE),
    "the revision named differs from the live one only by a restart": (
        revision(1),
        a_situation(revisions=history(BAD, BAD)),
        reasons.ALREADY_THERE,
    ),
    "the revision named is known to be bad": (
        revision(1),
        a_situation(records=(known(GOOD, "Bad"),)),
        reasons.NO_HEALTHY_REVISION,
    ),
    "the workload is gone": (LAST_HEALTHY, a_situation(workload=None), reasons.TARGET_GONE),
}


@pytest.mark.parametrize(("settings", "situation", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_does_not_guess(settings: RolloutUndo, situation: Situation, reason: str) -> None:
    """Without a goal the plan is a refusal with a reason and a sentence."""
    refused = plan(settings, situation, NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert refused.message


def test_of_two_records_of_one_template_the_newer_is_restored() -> None:
    """Both hold the same template; the newer one is less likely to be forgotten meanwhile."""
    records = (a_record(name="api-good-1"), a_record(name="api-good-2", first_seen=LATER))
    planned = plan(PREVIOUS, a_situation(records=records), NOW)
    assert isinstance(planned, Plan)
    assert planned.post.record == "api-good-2"


def test_never_returns_to_what_an_earlier_undo_of_the_same_remediation_left() -> None:
    """Two undos in one remediation must not swap the same two templates (TRAPS 1)."""
    status = a_status(attempts=(an_attempt(),))
    situation = a_situation(
        remediation=a_remediation(status=status),
        workload=a_workload(template_hash=GOOD),
        revisions=history(GOOD, BAD),
        records=(a_record(), known(BAD, "Unknown")),
    )
    assert isinstance(plan(PREVIOUS, situation, NOW), Refusal)


def test_the_summary_names_the_goal_and_its_proof() -> None:
    """People read since when the goal is known and since when it was healthy."""
    planned = plan(LAST_HEALTHY, a_situation(), NOW)
    assert isinstance(planned, Plan)
    assert planned.summary == (
        "undo to the template first seen 2026-11-18T12:00:00Z and healthy since 2026-11-18T12:10:00Z; hash good"
    )


def test_the_template_itself_is_never_said() -> None:
    """Templates carry secrets (TRAPS 48): neither plan nor refusal shows their content."""
    secret = {"spec": {"containers": [{"env": [{"value": "hunter2"}]}]}}
    situation = a_situation(records=(a_record(template=secret),))
    assert "hunter2" not in repr(plan(LAST_HEALTHY, situation, NOW))


HASHES = ("a", "b", "c", "d")
RECORDS = st.lists(
    st.builds(
        lambda number, template_hash, health, seen, since: a_record(
            template_hash,
            name=f"api-{number}",
            health=health,
            first_seen=BORN + minutes(seen),
            health_since=None if since is None else BORN + minutes(since),
        ),
        st.integers(0, 99),
        st.sampled_from(HASHES),
        st.sampled_from(["Unknown", "Healthy", "Suspect", "Bad"]),
        st.integers(0, 100),
        st.none() | st.integers(0, 100),
    ),
    max_size=6,
).map(tuple)
REPLICA_SETS = st.lists(st.sampled_from(HASHES), min_size=1, max_size=5).map(lambda hashes: history(*hashes))
SETTINGS = st.sampled_from([LAST_HEALTHY, OR_PREVIOUS, PREVIOUS, *(revision(n) for n in range(1, 6))])


@given(settings=SETTINGS, records=RECORDS, revisions=REPLICA_SETS, live=st.sampled_from(HASHES))
def test_never_chooses_a_failed_or_the_live_template(
    settings: RolloutUndo, records: tuple[RevisionRecord, ...], revisions: tuple[Revision, ...], live: str
) -> None:
    """Whatever is known, the goal has a record, differs from the live template and is neither Bad nor Suspect."""
    situation = a_situation(
        workload=a_workload(template_hash=live), records=records, revisions=revisions, remediation=a_remediation()
    )
    planned = plan(settings, situation, NOW)
    if isinstance(planned, Refusal):
        return
    goal = planned.post.template_hash
    assert goal != live
    assert planned.post.record in {record.name for record in records if record.template_hash == goal}
    assert not any(record.health in ("Bad", "Suspect") for record in records if record.template_hash == goal)
    if settings == LAST_HEALTHY:
        assert any(record.health == "Healthy" for record in records if record.template_hash == goal)
