"""When a template was released: by people, for the first time or again; never by our own write, nor by a restart."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import history
from platelet.model.effects import MarkRelease, MarkRevision, RememberRevision
from platelet.model.intent import MADE_FROM
from tests.unit.pins import raised, restored, scaled
from tests.unit.situations import (
    BAD,
    BORN,
    GOOD,
    NOW,
    RELEASED,
    a_container,
    a_pod,
    a_record,
    a_remediation,
    a_revision,
    a_sick_pod,
    a_signal,
    a_status,
    a_well_workload,
    a_workload,
    an_alert,
    an_attempt,
    evidence_of,
    minutes,
    seconds,
)

HOUR_AGO = NOW - minutes(60)
SETS = (a_revision(3, GOOD, replicas=2), a_revision(2, BAD))
GOOD_POD = a_pod("api-3-a", revision_hash="pth-3", created_at=NOW - seconds(3))
RESTORED = an_attempt(intended_at=NOW - minutes(2))  # GOOD, by us


def sighting(**changes: Any) -> history.Sighting:
    """GOOD is live again, after BAD, whose record says that it is live since an hour."""
    known: dict[str, Any] = {
        "workload": a_well_workload(template_manager="ci-bot"),
        "revisions": SETS,
        "pods": (GOOD_POD,),
        "records": (a_record(live_since=BORN), a_record(BAD, health="Unknown", live_since=HOUR_AGO)),
    }
    return history.Sighting(**(known | changes))


def release_of(seen: history.Sighting) -> MarkRelease | None:
    effects, _ = history.observe(seen, minutes(10), NOW)
    return next((effect for effect in effects if isinstance(effect, MarkRelease)), None)


LIVE_ALREADY = (a_record(live_since=NOW - minutes(1)), a_record(BAD, live_since=HOUR_AGO))
RELEASES: dict[str, tuple[history.Sighting, Any, str]] = {
    "put back by people: not later than its first pod": (sighting(), GOOD_POD.created_at, "ci-bot"),
    "put back by people, and no pod is made yet": (sighting(pods=()), NOW, "ci-bot"),
    "put back by people in the midst of a rollout: its old pods are no measure": (
        sighting(pods=(replace(GOOD_POD, created_at=BORN),)),
        HOUR_AGO,
        "ci-bot",
    ),
    "put back by people after our undo to it, and another release": (
        sighting(attempts=(an_attempt(intended_at=HOUR_AGO - minutes(5)),)),
        GOOD_POD.created_at,
        "ci-bot",
    ),
    "our undo did not happen, people did it": (
        sighting(attempts=(replace(RESTORED, phase="Refused"),)),
        GOOD_POD.created_at,
        "ci-bot",
    ),
    "deleted and applied again": (
        sighting(records=LIVE_ALREADY, workload=a_well_workload(created_at=NOW - seconds(5)), pods=()),
        NOW,
        "",
    ),
}


@pytest.mark.parametrize(("seen", "at", "by"), RELEASES.values(), ids=RELEASES)
def test_what_people_put_back_is_a_release_again(seen: history.Sighting, at: Any, by: str) -> None:
    release = release_of(seen)
    assert release is not None
    assert (release.record, release.live_since, release.released_at, release.released_by) == ("api-good", NOW, at, by)


OURS: dict[str, history.Sighting] = {
    "our undo restored it": sighting(attempts=(RESTORED,)),
    "our undo restored it, and its answer was lost": sighting(attempts=(replace(RESTORED, phase="Unknown"),)),
    "we put back what our undo had left": sighting(attempts=(replace(RESTORED, kind="Revert"),)),
    "nothing is on record of what was live before": sighting(records=(a_record(), a_record(BAD))),
}


@pytest.mark.parametrize("seen", OURS.values(), ids=OURS)
def test_what_we_restore_is_live_and_no_release(seen: history.Sighting) -> None:
    release = release_of(seen)
    assert release is not None
    assert (release.live_since, release.released_at) == (NOW, None)


def test_what_is_on_record_as_live_is_not_noted_again() -> None:
    assert release_of(sighting(records=LIVE_ALREADY)) is None


AHEAD: dict[str, history.Sighting] = {
    "the API server's clock is ahead": sighting(workload=a_well_workload(created_at=NOW + minutes(60))),
    "the leader before had a clock that was ahead": sighting(
        records=(a_record(live_since=BORN), a_record(BAD, live_since=NOW + minutes(60)))
    ),
    "and the template is new": sighting(records=(a_record(BAD, live_since=NOW + minutes(60)),)),
}


@pytest.mark.parametrize("seen", AHEAD.values(), ids=AHEAD)
def test_a_stamp_that_lies_ahead_is_noted_once(seen: history.Sighting) -> None:
    """Else each look would write it again, as fast as the API server answers."""
    effects, _ = history.observe(seen, minutes(10), NOW)
    noted = [effect for effect in effects if isinstance(effect, (MarkRelease, RememberRevision)) and effect.live_since]
    (live_since,) = [effect.live_since for effect in noted]
    others = [record for record in seen.records if record.template_hash != GOOD]
    records = (a_record(live_since=live_since), *others)
    assert release_of(replace(seen, records=records)) is None
    back = replace(seen, records=records, workload=replace(seen.workload, template_hash=BAD))
    assert history.is_behind(back.workload, back.revisions, back.records)


def test_a_first_release_is_live_since_it_is_on_record_and_as_old_as_its_oldest_replica_set() -> None:
    seen = sighting(
        records=(a_record(BAD, live_since=HOUR_AGO),), revisions=(a_revision(3, GOOD, created_at=RELEASED),)
    )
    (new,) = [effect for effect in history.observe(seen, minutes(10), NOW)[0] if isinstance(effect, RememberRevision)]
    assert (new.first_seen, new.live_since, new.released_by) == (RELEASED, NOW, "ci-bot")


def kept(template: str) -> Any:
    """The change of an undo that goes back to GOOD, but for fields that it keeps."""
    (change,) = restored(template, left=BAD)
    return (replace(change, how={**change.how, MADE_FROM: GOOD}),)


RAISED = an_attempt(intended_at=NOW - seconds(9), changes=raised("more"), pre=replace(RESTORED.pre, template_hash=GOOD))
MADE: dict[str, tuple[Any, str]] = {
    "by an adjustment": (RAISED, GOOD),
    "by one whose answer was lost": (replace(RAISED, phase="Unknown"), GOOD),
    "by its revert, in what people have released since": (replace(RAISED, kind="Revert"), GOOD),
    "of it by an admission": (replace(RAISED, changes=raised("else"), left_template="more"), GOOD),
    "by one that was never sent": (replace(RAISED, phase="Superseded"), ""),
    "by an undo: what that left is another release": (replace(RAISED, changes=restored("more", left=GOOD)), ""),
    "by an undo that keeps fields of what it leaves: it belongs to what comes back": (
        replace(RAISED, changes=kept("more"), pre=replace(RAISED.pre, template_hash=BAD)),
        GOOD,
    ),
    "by one of another template": (replace(RAISED, changes=raised("else")), ""),
    "by one of what is not on record": (replace(RAISED, pre=replace(RAISED.pre, template_hash="lost")), ""),
}


@pytest.mark.parametrize(("attempt", "made_from"), MADE.values(), ids=MADE)
def test_what_we_make_of_a_template_belongs_to_its_release(attempt: Any, made_from: str) -> None:
    """So it is as old, by the same hand, and no young release that could be to blame."""
    known = (a_record(released_at=HOUR_AGO, released_by="ann", live_since=HOUR_AGO), a_record(BAD, live_since=BORN))
    seen = sighting(workload=a_well_workload(template_hash="more"), revisions=SETS, records=known, attempts=(attempt,))
    (new,) = [effect for effect in history.observe(seen, minutes(10), NOW)[0] if isinstance(effect, RememberRevision)]
    ours = ("more", made_from, HOUR_AGO, "ann")
    assert (new.template_hash, new.made_from, new.released_at, new.released_by) == (
        ours if made_from else ("more", "", None, new.released_by)
    )


def test_before_a_release_is_on_record_no_decision_may_rely_on_its_age() -> None:
    late, known = sighting(), sighting(records=LIVE_ALREADY)
    assert history.is_behind(late.workload, late.revisions, late.records)
    assert not history.is_behind(known.workload, known.revisions, known.records)
    assert history.is_behind(a_workload(template_hash="new"), known.revisions, known.records)


SHOWN = evidence_of(a_signal(), last_seen=NOW - minutes(5))
ALERT = evidence_of(an_alert(), last_seen=NOW - minutes(5))
FOR_A_MOMENT = replace(GOOD_POD, ready_changed_at=NOW - minutes(2))
WELL_FOR_LONG = replace(GOOD_POD, created_at=BORN, ready_changed_at=BORN, containers=(a_container(started_at=BORN),))
OPEN = ("Waiting", "AwaitingApproval", "Escalated")


def in_incident(state: Any, fact: Any, *, live_since: Any, pods: Any = (WELL_FOR_LONG,), **status: Any) -> Any:
    """What an open incident of this state and with this evidence makes of a live template, and of its health."""
    remediation = a_remediation(status=a_status(state=state, evidence=(fact,), **status))
    seen = sighting(
        workload=a_well_workload(replicas=1, updated_replicas=1, status_replicas=1, available_replicas=1),
        revisions=(a_revision(3, GOOD, replicas=1),),
        pods=pods,
        records=(a_record(live_since=live_since, health="Unknown", health_since=None),),
    )
    incident = history.incident_of(seen, (remediation,), NOW)
    effects, _ = history.observe(replace(seen, incident=incident), minutes(10), NOW)
    return incident, [effect.health for effect in effects if isinstance(effect, MarkRevision)]


@pytest.mark.parametrize("state", OPEN)
def test_an_alert_about_something_else_does_not_count_against_what_runs_well(state: Any) -> None:
    assert in_incident(state, ALERT, live_since=BORN) == ("none", ["Healthy"])


@pytest.mark.parametrize("state", OPEN)
def test_what_pods_have_shown_since_the_template_is_live_counts_against_it(state: Any) -> None:
    assert in_incident(state, SHOWN, live_since=BORN, pods=(FOR_A_MOMENT,)) == ("open", [])
    assert in_incident(state, SHOWN, live_since=None)[0] == "open", "unknown since when: it may be its own"


@pytest.mark.parametrize("state", OPEN)
def test_what_runs_well_for_long_is_healthy_though_nobody_has_closed_its_incident(state: Any) -> None:
    assert in_incident(state, SHOWN, live_since=BORN) == ("open", ["Healthy"])


@pytest.mark.parametrize("state", OPEN)
def test_what_was_shown_before_it_was_live_is_another_templates(state: Any) -> None:
    """People have mended it, and the incident is not let go yet."""
    assert in_incident(state, SHOWN, live_since=NOW - minutes(1)) == ("none", ["Healthy"])


def test_a_fact_that_goes_on_is_its_own_where_its_pods_fail_as_well() -> None:
    """A known fact is not written again, so the pods have to tell."""
    sick = a_sick_pod("api-3-a", revision_hash="pth-3")
    assert in_incident("Escalated", SHOWN, live_since=NOW - minutes(1), pods=(sick,)) == ("open", [])


def test_nothing_is_said_while_an_attempt_changes_it() -> None:
    assert in_incident("Verifying", SHOWN, live_since=BORN)[0] == "changing"


def test_what_is_resolved_says_nothing() -> None:
    assert in_incident("Escalated", replace(SHOWN, resolved_at=NOW), live_since=BORN) == ("none", ["Healthy"])


def test_a_lost_post_state_is_no_own_write() -> None:
    """A restart or a scale restores no template."""
    another = replace(RESTORED, changes=scaled(4))
    release = release_of(sighting(attempts=(another,)))
    assert release is not None
    assert release.released_at is not None
