"""rolloutUndo: which template it goes back to, and when it does not guess."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.actions.rollout_undo import RolloutUndo, find_goal, plan
from platelet.model import reasons
from platelet.model.intent import TEMPLATE
from platelet.model.remediation import Attempt, Remediation
from platelet.model.revision import RevisionRecord
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Revision
from tests.unit.pins import restarted, restored
from tests.unit.situations import (
    BAD,
    BORN,
    GOOD,
    NOW,
    RELEASED,
    a_record,
    a_remediation,
    a_revision,
    a_sick_pod,
    a_signal,
    a_situation,
    a_status,
    a_workload,
    an_alert,
    an_attempt,
    change,
    evidence_of,
    minutes,
)

LAST_HEALTHY = RolloutUndo()
OR_PREVIOUS = RolloutUndo(if_unknown="Previous")
PREVIOUS = RolloutUndo(to="Previous")


def revision(number: int) -> RolloutUndo:
    return RolloutUndo(to="Revision", revision=number)


def known(template_hash: str, health: Any, **changes: Any) -> RevisionRecord:
    return a_record(template_hash, health=health, **({"health_since": None, "ever_healthy": False} | changes))


def a_restart(verdict: Any) -> Attempt:
    """Build a restart of this remediation that has been judged."""
    return an_attempt(action="rolloutRestart", changes=restarted("s"), verdict=verdict)


def by_hand(remediation: Remediation) -> Remediation:
    """The same, asked for by people."""
    fact = replace(remediation.spec.signal, source="request")
    return replace(remediation, spec=replace(remediation.spec, signal=fact))


def later_good() -> RevisionRecord:
    """Build the healthy record of a template that people released after the one that is live."""
    return a_record(first_seen=NOW - minutes(4))


def history(*hashes: str) -> tuple[Revision, ...]:
    """ReplicaSets with these template hashes, the newest first."""
    numbers = range(len(hashes), 0, -1)
    return tuple(a_revision(number, template) for number, template in zip(numbers, hashes, strict=True))


def remembered(situation: Situation) -> Situation:
    """The same with a young release on record, where the row says nothing of what is live."""
    live = known(BAD, "Unknown", first_seen=RELEASED)
    if any(record.template_hash == BAD for record in situation.snapshot.records):
        return situation
    return change(situation, records=(*situation.snapshot.records, live))


def adjusted(**changes: Any) -> Situation:
    """The bad release after we have given it more memory: "more" is live, and both are of one release."""
    records = (
        known("more", "Unknown", first_seen=NOW - minutes(1), released_at=RELEASED, made_from=BAD),
        a_record(BAD, first_seen=RELEASED, ever_healthy=True, health_since=NOW),
        a_record(GOOD),
    )
    live = a_workload(template_hash="more")
    return a_situation(**{"workload": live, "records": records, "revisions": history("more", BAD, GOOD), **changes})


@pytest.mark.parametrize("settings", [LAST_HEALTHY, PREVIOUS], ids=["LastHealthy", "Previous"])
def test_an_undo_leaves_the_release_and_not_only_what_we_have_made_of_it(settings: RolloutUndo) -> None:
    """The same template with less memory is the one that failed."""
    planned = plan(settings, adjusted(), NOW)
    assert isinstance(planned, Plan), planned
    assert planned.changes[0].meant == {TEMPLATE: GOOD}
    assert planned.changes[0].abandons == "more"


def test_people_may_name_what_we_have_adjusted() -> None:
    planned = plan(revision(2), adjusted(), NOW)
    assert isinstance(planned, Plan), planned
    assert planned.changes[0].meant == {TEMPLATE: BAD}


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
    planned = plan(settings, remembered(situation), NOW)
    assert isinstance(planned, Plan)
    (change,) = planned.changes
    assert (change.meant, change.record) == ({TEMPLATE: goal}, f"api-{goal}")


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
    planned = plan(PREVIOUS, remembered(a_situation(records=records)), NOW)
    assert isinstance(planned, Plan)
    assert planned.changes[0].record == "api-good-2"


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


def a_template(image: str, *variables: str, **annotations: str) -> dict[str, Any]:
    env = [{"name": name, "value": f"{name}-of-{image}"} for name in variables]
    return {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": image, "env": env}]},
    }


RELEASED_BY_A_BOT: dict[str, Any] = {
    "workload": a_workload(template=a_template("shop/app:good-2", "LOG_LEVEL", "PORT", team="web")),
    "records": (
        a_record(BAD, first_seen=RELEASED, health="Unknown", ever_healthy=False, released_by="ci-bot"),
        a_record(template=a_template("shop/app:good-1", "PORT", team="shop", rollme="x1")),
    ),
}


def test_the_summary_is_a_plan_that_a_person_can_say_yes_to() -> None:
    """What goes and what comes, released when and by whom, how well it was, what else differs by name; no hash."""
    planned = plan(LAST_HEALTHY, a_situation(**RELEASED_BY_A_BOT), NOW)
    assert isinstance(planned, Plan)
    assert planned.summary == (
        "undo shop/app:good-2 -> good-1 (revision 1), released 2026-11-21T11:55:00Z by ci-bot; "
        "what comes back was healthy at 2026-11-18T12:10:00Z; "
        "also differs: app.env LOG_LEVEL, app.env PORT, annotation team"
    )


def test_a_goal_whose_revision_is_gone_and_whose_health_is_unknown_says_so() -> None:
    planned = plan(LAST_HEALTHY, a_situation(**RELEASED_BY_A_BOT | {"revisions": history(BAD)}), NOW)
    assert isinstance(planned, Plan)
    assert "(kept on record, its revision is gone)" in planned.summary
    planned = plan(PREVIOUS, remembered(a_situation(records=(known(GOOD, "Unknown"),))), NOW)
    assert isinstance(planned, Plan)
    assert "nothing is known of the health of what comes back" in planned.summary


def test_the_template_itself_is_never_said() -> None:
    """Templates carry secrets (TRAPS 48): neither plan nor refusal shows their content."""
    secret = {"spec": {"containers": [{"env": [{"value": "hunter2"}]}]}}
    situation = remembered(a_situation(records=(a_record(template=secret),)))
    planned = plan(LAST_HEALTHY, situation, NOW)
    assert isinstance(planned, Plan)
    assert "hunter2" not in repr(planned)


HOUR_OLD = a_record(BAD, first_seen=NOW - minutes(90), health="Suspect", ever_healthy=True, proven_at=NOW - minutes(80))


def since(began: float, *, fact: float | None = None, **changes: Any) -> dict[str, Any]:
    """A crash loop that began so many minutes ago, and that the incident knows since then, or since `fact`."""
    signal = a_signal(since=NOW - minutes(began), holds_at=NOW - minutes(began - 0.5), pods=())
    known_fact = evidence_of(signal, first_seen=NOW - minutes(began if fact is None else fact))
    status = a_status(evidence=(known_fact,), **changes)
    return {"signals": (signal,), "remediation": a_remediation(status=status)}


def situation_of(live: RevisionRecord, *others: RevisionRecord, **changes: Any) -> Situation:
    return a_situation(records=(live, a_record(), *others), **changes)


ASKED = replace(a_signal(), source="request", reason="RunByHand", since=NOW)
BLAMED: dict[str, tuple[Situation, timedelta]] = {
    "it began 5 minutes after the release": (situation_of(HOUR_OLD, **since(85)), minutes(60)),
    "it began just within the hour, and a limit was awaited since": (situation_of(HOUR_OLD, **since(30)), minutes(60)),
    "the release ran well for 50 of its 55 minutes": (
        situation_of(replace(HOUR_OLD, first_seen=NOW - minutes(55)), **since(5)),
        minutes(60),
    ),
    "it is an old template that people have released again": (
        situation_of(replace(HOUR_OLD, first_seen=BORN, released_at=NOW - minutes(10)), **since(8)),
        minutes(60),
    ),
    "an old template was never healthy": (
        situation_of(known(BAD, "Unknown", first_seen=BORN, remembered_at=BORN + minutes(1)), **since(5)),
        minutes(60),
    ),
    "an old template was never healthy, and this leader has seen all of it": (
        situation_of(known(BAD, "Unknown", first_seen=BORN), leading_for=timedelta(days=9), **since(5)),
        minutes(60),
    ),
    "the step allows a day": (situation_of(HOUR_OLD, **since(5)), timedelta(hours=24)),
    "a second bad release followed the one in which it began": (
        situation_of(
            known(BAD, "Unknown", first_seen=NOW - minutes(10)),
            known("worse", "Unknown", first_seen=NOW - minutes(20)),
            **since(8, fact=18),
        ),
        minutes(60),
    ),
    "an alert fires for days, and the pods fail since the release": (
        situation_of(
            replace(HOUR_OLD, first_seen=NOW - minutes(10)),
            **since(8) | {"signals": (an_alert(since=BORN), a_signal(since=NOW - minutes(8), pods=()))},
        ),
        minutes(60),
    ),
    "it came back after it had recovered, in the release in which it began": (
        situation_of(
            HOUR_OLD,
            **since(5, opened_at=NOW - minutes(40), attempts=(a_restart("Recovered"),)),
        ),
        minutes(60),
    ),
    "its pod says that it failed before it was made, by the clock of its node": (
        situation_of(
            replace(HOUR_OLD, first_seen=RELEASED),
            signals=(a_signal(since=RELEASED - minutes(3)),),
            pods=(a_sick_pod("api-2-a"), a_sick_pod("api-2-b")),
            remediation=a_remediation(status=a_status(evidence=())),
        ),
        minutes(60),
    ),
    "people ask for it by hand": (
        situation_of(HOUR_OLD, signals=(ASKED,), remediation=by_hand(a_remediation(status=a_status(evidence=())))),
        minutes(60),
    ),
}


@pytest.mark.parametrize(("situation", "within"), BLAMED.values(), ids=BLAMED)
def test_undoes_a_release_that_may_be_to_blame(situation: Situation, within: timedelta) -> None:
    """By when it began, whenever it is looked at."""
    planned = plan(RolloutUndo(within=within), situation, NOW)
    assert isinstance(planned, Plan), planned
    assert planned.changes[0].meant == {TEMPLATE: GOOD}


NOT_TO_BLAME: dict[str, tuple[Situation, str]] = {
    "the release was healthy for longer than an hour": (
        situation_of(HOUR_OLD, **since(20)),
        "1h10m after the release of 2026-11-21T10:30:00Z, not within 1h, and it was healthy at 2026-11-21T10:40:00Z",
    ),
    "the release was healthy, which only its own annotation says": (
        situation_of(known(BAD, "Unknown", first_seen=BORN, claims_health=True), **since(5)),
        "it was healthy before",
    ),
    "an old release that nobody watched when it was young": (
        situation_of(known(BAD, "Unknown", first_seen=BORN, remembered_at=NOW - minutes(2)), **since(5)),
        "whether it was ever healthy is not known",
    ),
    "an old release that was not healthy under this leader, who came later": (
        situation_of(known(BAD, "Unknown", first_seen=BORN), leading_for=minutes(20), **since(5)),
        "whether it was ever healthy is not known",
    ),
    "the release is not on record": (a_situation(records=(a_record(),)), "is not known"),
    "all that is wrong began before the release": (
        situation_of(known(BAD, "Unknown", first_seen=NOW - minutes(5)), signals=(an_alert(since=NOW - minutes(9)),)),
        "may be the repair",
    ),
    "people have released something in the outage of an old one": (
        situation_of(
            known(BAD, "Unknown", first_seen=NOW - minutes(10)),
            a_record("old", first_seen=BORN + minutes(60), health="Suspect"),
            **since(8, fact=18),
        ),
        "not within 1h",
    ),
    "it began before anything that is on record": (
        a_situation(records=(known(BAD, "Unknown", first_seen=NOW - minutes(10)), later_good()), **since(8, fact=30)),
        "in a release that is not on record",
    ),
    "we have made it of an old release that was healthy": (
        situation_of(
            known(BAD, "Unknown", first_seen=NOW - minutes(5), released_at=BORN, made_from="old"),
            a_record("old", health="Suspect"),
            **since(5),
        ),
        "it was healthy before",
    ),
    "we have made it of an old release that nobody watched when it was young": (
        situation_of(
            known(BAD, "Unknown", first_seen=BORN, released_at=BORN, remembered_at=NOW - minutes(5), made_from="old"),
            known("old", "Unknown", first_seen=BORN, remembered_at=NOW - minutes(60)),
            **since(5),
        ),
        "whether it was ever healthy is not known",
    ),
    "we have put it back ourselves, and it was healthy once": (
        situation_of(
            a_record(BAD, first_seen=RELEASED),
            **since(2, attempts=(replace(an_attempt(), changes=restored(BAD)),)),
        ),
        "platelet has written",
    ),
    "the step allows ten minutes": (
        situation_of(replace(HOUR_OLD, first_seen=NOW - minutes(30)), **since(15)),
        "began 15m after",
    ),
}


@pytest.mark.parametrize(("situation", "says"), NOT_TO_BLAME.values(), ids=NOT_TO_BLAME)
def test_leaves_a_release_alone_that_is_not_to_blame(situation: Situation, says: str) -> None:
    """A dependency that fails takes down what ran well for long; it is as before when it is back."""
    within = minutes(10) if "15m" in says else minutes(60)
    for settings in (RolloutUndo(within=within), RolloutUndo(to="Previous", within=within)):
        refused = plan(settings, situation, NOW)
        assert isinstance(refused, Refusal), refused
        assert refused.reason == reasons.NOT_A_RECENT_RELEASE
        assert says in refused.message
        assert "to go back all the same" in refused.message


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
    planned = find_goal(settings, situation)
    assert plan(settings, situation, NOW) == planned or isinstance(plan(settings, situation, NOW), Refusal)
    if isinstance(planned, Refusal):
        return
    goal = planned.changes[0].meant[TEMPLATE]
    assert goal != live
    assert planned.changes[0].record in {record.name for record in records if record.template_hash == goal}
    assert not any(record.health in ("Bad", "Suspect") for record in records if record.template_hash == goal)
    if settings == LAST_HEALTHY:
        assert any(record.health == "Healthy" for record in records if record.template_hash == goal)
