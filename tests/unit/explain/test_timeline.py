"""The timeline: every source in one list, in order, each thing told once, and no template in it."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from platelet.cli import output
from platelet.cli import timeline as timeline_command
from platelet.explain import timeline
from platelet.explain.timeline import Timeline
from platelet.model.escalation import EscalationRecord
from platelet.model.recent_change import RecentChange
from platelet.model.remediation import DecisionRecord, Remediation
from platelet.model.snapshot import Snapshot
from platelet.model.workload import Revision
from tests.unit.pins import scaled
from tests.unit.situations import (
    A_MINUTE_AGO,
    BAD,
    BORN,
    GOOD,
    NOW,
    RELEASED,
    TARGET,
    a_record,
    a_remediation,
    a_revision,
    a_signal,
    a_status,
    a_well_workload,
    an_alert,
    an_attempt,
    evidence_of,
    minutes,
    seconds,
)

SECRET = "hunter2-the-password"
TEMPLATE = {
    "spec": {"containers": [{"name": "app", "image": "shop:2", "env": [{"name": "PASSWORD", "value": SECRET}]}]}
}
SIGHT = Snapshot(
    workload=a_well_workload(),
    revisions=(
        a_revision(2, BAD, created_at=RELEASED, template=TEMPLATE),
        a_revision(1, GOOD, template=TEMPLATE),
    ),
    records=(a_record(template=TEMPLATE), a_record(BAD, health="Bad", health_since=NOW, first_seen=RELEASED)),
)
NOTHING = Snapshot(workload=None)
DECISION = DecisionRecord(
    step="undo", by="tooYoung", reason="TooYoung", message="younger than 1m", first_at=RELEASED + seconds(61),
    last_at=RELEASED + seconds(90), count=3,
)  # fmt: skip
STORY = a_remediation(
    status=a_status(
        evidence=(evidence_of(a_signal()), evidence_of(an_alert(), resolved_at=NOW + minutes(2))),
        decisions=(DECISION,),
        attempts=(
            an_attempt(verdict="Failed", verdict_at=NOW, verdict_message="the rollout timed out"),
            an_attempt(
                id="rem-1/0/1/back",
                kind="Revert",
                summary="back to 2 replicas",
                intended_at=NOW + minutes(3),
                changes=scaled(2),
            ),
        ),
        escalation=EscalationRecord(reason="NoStepLeft", message="people are told", at=NOW + minutes(1)),
        state="Closed",
        reason="ResolvedByPeople",
        message="healthy for 1m",
        closed_at=NOW + minutes(4),
    )
)


def an_event(**changes: Any) -> dict[str, Any]:
    """Build an Event of the Deployment controller on `shop/api`."""
    event = {
        "metadata": {"name": "e", "namespace": "shop", "creationTimestamp": "2026-11-21T11:55:01Z"},
        "regarding": {"kind": "Deployment", "namespace": "shop", "name": "api"},
        "reportingController": "deployment-controller",
        "reason": "ScalingReplicaSet",
        "note": "Scaled up replica set api-2 from 0 to 2",
    }
    return event | changes


def compiled(
    *events: dict[str, Any], snapshot: Snapshot = SIGHT, story: Remediation = STORY, **changes: Any
) -> Timeline:
    """Compile the story of `shop/api`."""
    return timeline.compile_timeline(TARGET, snapshot, [story], events, changes.get("since"), NOW + minutes(5))


def test_one_list_by_time_holds_every_kind_of_entry() -> None:
    """A cause is told before its effect, also within one moment."""
    story = compiled(an_event())
    assert [(entry.kind, entry.reason) for entry in story.entries] == [
        ("rollout", ""),
        ("revision", "Healthy"),
        ("rollout", ""),
        ("alert", "ApiDown"),
        ("pods", "CrashLoopBackOff"),
        ("event", "ScalingReplicaSet"),
        ("opened", ""),
        ("decision", "TooYoung"),
        ("rollout", ""),
        ("attempt", "Done"),
        ("revision", "Bad"),
        ("verdict", "Failed"),
        ("escalation", "NoStepLeft"),
        ("resolved", "ApiDown"),
        ("revert", "Done"),
        ("closed", "ResolvedByPeople"),
    ]


def test_people_read_one_line_for_each() -> None:
    """With the time to the second, what it is, and a sentence."""
    shown = "\n".join(timeline_command.text(compiled(), wide=False))
    assert shown.startswith("Deployment shop/api: 15 entries\n  2026-11-18T12:00:00Z  rollout     revision 1 (api-1): ")
    assert "2026-11-21T11:55:00Z  rollout     revision 2 (api-2): app=shop:2\n" in shown
    assert "2026-11-21T11:56:01Z  decision    tooYoung: TooYoung: younger than 1m (3 times)\n" in shown
    assert "2026-11-21T11:59:00Z  attempt     rolloutUndo: Done: undo\n" in shown


def test_the_wide_list_says_of_which_remediation_and_attempt_each_is() -> None:
    """And how long ago it was."""
    shown = [" ".join(line.split()) for line in timeline_command.text(compiled(), wide=True)]
    assert "2026-11-21T11:59:00Z (6m ago) attempt deployment-api-1 rem-1/0/1 rolloutUndo: Done: undo" in shown


def test_what_was_changed_before_stands_before_the_opening() -> None:
    """All of it is in `explain`: here the first five."""
    names = [f"app env NAME_{number} added" for number in range(7)]
    change = RecentChange(template=BAD, healthy_template=GOOD, differences=tuple(names))
    entries = compiled(story=replace(STORY, status=replace(STORY.status, recent_change=change))).entries
    at = next(number for number, entry in enumerate(entries) if entry.kind == "opened")
    assert entries[at - 1].kind == "change"
    assert entries[at - 1].message.endswith(f"ran well last: {', '.join(names[:5])} and 2 more")


def test_no_template_and_no_secret_is_told() -> None:
    """Only the images of containers."""
    story = compiled()
    document = output.render("json", timeline.document(story))
    assert "shop:2" in document
    assert SECRET not in document + "\n".join(timeline_command.text(story, wide=True))


def test_machines_read_the_same_in_json_and_yaml() -> None:
    """What does not apply is absent; times are RFC 3339."""
    document = timeline.document(compiled())
    assert yaml.safe_load(output.render("yaml", document)) == document
    attempt = next(entry for entry in document["entries"] if entry["kind"] == "attempt")
    assert attempt == {
        "at": "2026-11-21T11:59:00Z",
        "kind": "attempt",
        "reason": "Done",
        "message": "undo",
        "by": "rolloutUndo",
        "remediation": "deployment-api-1",
        "attempt": "rem-1/0/1",
        "count": 1,
        "lastAt": "2026-11-21T11:59:00Z",
    }


def test_since_keeps_what_began_earlier_and_still_went_on() -> None:
    """An alert that has fired for days is part of today's story."""
    story = compiled(since=NOW - seconds(30))
    assert [entry.kind for entry in story.entries][:3] == ["alert", "pods", "revision"]
    assert timeline.document(story)["since"] == "2026-11-21T11:59:30Z"


@pytest.mark.parametrize(
    ("event", "is_told"),
    [
        pytest.param(an_event(), True, id="of the workload"),
        pytest.param(an_event(regarding={"kind": "ReplicaSet", "name": "api-2"}), True, id="of its ReplicaSet"),
        pytest.param(an_event(regarding={"kind": "ReplicaSet", "name": "web-1"}), False, id="of another's"),
        pytest.param(an_event(regarding={"kind": "Service", "name": "api"}), False, id="of a namesake"),
        pytest.param(an_event(regarding=None), False, id="of nothing"),
        pytest.param(an_event(metadata={}), False, id="at no time"),
        pytest.param(
            an_event(reportingController="platelet.dev/operator", note="Remediation shop/deployment-api-1: Acted"),
            False,
            id="ours, which the Remediation tells",
        ),
        pytest.param(
            an_event(reportingController="platelet.dev/operator", note="Remediation shop/deployment-api-0: Acted"),
            True,
            id="ours, whose Remediation was deleted",
        ),
    ],
)
def test_events_are_told_when_they_are_of_this_workload_and_say_something_new(
    event: dict[str, Any],
    is_told: bool,  # noqa: FBT001 - a column
) -> None:
    """They come as others wrote them."""
    assert any(entry.kind == "event" for entry in compiled(event).entries) is is_told


def test_a_series_of_events_is_counted() -> None:
    """Old and new Events say so in different fields."""
    series = an_event(
        eventTime="2026-11-21T11:55:01.5Z", series={"count": 4, "lastObservedTime": "2026-11-21T11:57:00Z"}
    )
    old = an_event(reason="Unhealthy", deprecatedCount=7, deprecatedFirstTimestamp="2026-11-21T11:55:02Z")
    events = [entry for entry in compiled(series, old).entries if entry.kind == "event"]
    assert [(entry.count, entry.last_at) for entry in events] == [(4, NOW - minutes(3)), (7, None)]


def test_each_decision_is_told_once() -> None:
    """The trace of the record repeats attempts, verdicts and the escalation in words of its own."""
    attempt = an_attempt(verdict="Failed", verdict_at=NOW, verdict_message="pods restarted")
    repeated = [
        ("rolloutUndo", "Intended", attempt.intended_at),
        ("rolloutUndo", "Written", attempt.outcome_at),
        ("verification", "RolloutIncomplete", NOW),
        ("escalation", "NoStepLeft", NOW + minutes(1)),
    ]
    decisions = tuple(
        DecisionRecord(step="undo", by=by, reason=reason, message="m", first_at=at or NOW, last_at=at or NOW)
        for by, reason, at in [*repeated, ("cooldown", "Cooldown", NOW), ("rolloutUndo", "GitOpsManaged", BORN)]
    )
    status = replace(STORY.status, attempts=(attempt,), decisions=decisions)
    entries = compiled(story=replace(STORY, status=status)).entries
    assert [entry.reason for entry in entries if entry.kind == "decision"] == ["GitOpsManaged", "Cooldown"]


@pytest.mark.parametrize(
    ("revision", "messages"),
    [
        pytest.param(
            a_revision(1, GOOD), ["revision 1 (api-1): ", "a revision (api-1), back again: "], id="number kept"
        ),
        pytest.param(
            a_revision(3, GOOD, name="api-1", earlier_numbers=(1,)),
            ["revision 1 (api-1): ", "revision 3 (api-1), back again: "],
            id="by our undo",
        ),
        pytest.param(
            a_revision(5, GOOD, name="api-1", earlier_numbers=(1, 3)),
            ["revision 1 (api-1): ; rolled out again by others as revision 3", "revision 5 (api-1), back again: "],
            id="by others, and by our undo",
        ),
        pytest.param(
            a_revision(3, "other", name="api-1", earlier_numbers=(1,)),
            ["revision 1 (api-1): ; rolled out again by others as revision 3"],
            id="by others alone",
        ),
        pytest.param(
            a_revision(1, GOOD, created_at=A_MINUTE_AGO), ["revision 1 (api-1): "], id="our own write has made it"
        ),
    ],
)
def test_a_revision_keeps_its_first_number_and_is_told_again_when_it_comes_back(
    revision: Revision, messages: list[str]
) -> None:
    """A Deployment's ReplicaSet gets a new number when it is rolled out again; its beginning stays where it was."""
    entries = compiled(snapshot=Snapshot(workload=a_well_workload(), revisions=(revision,))).entries
    rollouts = [entry for entry in entries if entry.kind == "rollout"]
    assert [rollout.message for rollout in rollouts] == messages
    assert [rollout.at for rollout in rollouts] == [revision.created_at, A_MINUTE_AGO][: len(messages)]


def test_what_the_controllers_did_pod_by_pod_is_one_entry_for_each_rollout() -> None:
    """With how often, until when, and the last word of the workload's own controller."""
    moments = ["11:55:01", "11:55:03", "11:55:09", "11:59:01", "11:59:04"]  # two rollouts: at 11:55 and our undo's
    events = [
        an_event(eventTime=f"2026-11-21T{at}Z", note=f"Scaled at {at}", reason=reason)
        for at, reason in zip(moments, ["ScalingReplicaSet", "SuccessfulCreate", "ScalingReplicaSet"] * 2, strict=False)
    ]
    entries = [entry for entry in compiled(*events).entries if entry.kind == "event"]
    assert [(entry.at.strftime("%X"), entry.count, entry.message) for entry in entries] == [
        ("11:55:01", 3, "Scaled at 11:55:09"),
        ("11:59:01", 2, "Scaled at 11:59:01"),
    ]


def test_what_the_workloads_own_controller_says_is_told_whichever_event_is_first() -> None:
    """Both have the same second, and any order."""
    made = an_event(reason="SuccessfulCreate", note="Created pod", reportingController="replicaset-controller")
    for events in ([made, an_event()], [an_event(), made]):
        (entry,) = [entry for entry in compiled(*events).entries if entry.kind == "event"]
        assert (entry.reason, entry.by, entry.count) == ("ScalingReplicaSet", "deployment-controller", 2)


def test_what_is_gone_is_told_from_what_remains() -> None:
    """A deleted workload leaves its records and its Remediations."""
    story = compiled(snapshot=replace(NOTHING, records=(a_record(template=TEMPLATE),)))
    assert story.entries[0].at == BORN
    assert story.entries[0].message == "template good: app=shop:2"
    assert "(does not exist any more)" in timeline_command.text(story, wide=False)[0]
