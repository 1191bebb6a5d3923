"""The timeline: every source in one list, in order, each thing told once, and no template in it."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from platelet.cli import chronicle, output, timeline
from platelet.cli.chronicle import Chronicle
from platelet.model.escalation import EscalationRecord
from platelet.model.intent import PostState
from platelet.model.remediation import DecisionRecord, Remediation
from platelet.model.workload import Revision
from platelet.shell.sight import Sight
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
SIGHT = Sight(
    workload=a_well_workload(),
    revisions=(
        a_revision(2, BAD, created_at=RELEASED, template=TEMPLATE),
        a_revision(1, GOOD, template=TEMPLATE),
    ),
    records=(a_record(template=TEMPLATE), a_record(BAD, health="Bad", health_since=NOW, first_seen=RELEASED)),
)
NOTHING = Sight(workload=None)
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
                kind="TakeBack",
                summary="back to 2 replicas",
                intended_at=NOW + minutes(3),
                post=PostState(replicas=2),
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


def compiled(*events: dict[str, Any], sight: Sight = SIGHT, story: Remediation = STORY, **changes: Any) -> Chronicle:
    """Compile the story of `shop/api`."""
    return chronicle.compile_chronicle(TARGET, sight, [story], events, changes.get("since"), NOW + minutes(5))


def test_one_list_by_time_holds_every_kind_of_entry() -> None:
    """A cause is told before its effect, also within one moment."""
    told = compiled(an_event())
    assert [(each.kind, each.reason) for each in told.entries] == [
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
        ("takeBack", "Done"),
        ("closed", "ResolvedByPeople"),
    ]


def test_people_read_one_line_for_each() -> None:
    """With the time to the second, what it is, and a sentence."""
    shown = "\n".join(timeline.text(compiled(), wide=False))
    assert shown.startswith("Deployment shop/api: 15 entries\n  2026-11-18T12:00:00Z  rollout     revision 1 (api-1): ")
    assert "2026-11-21T11:55:00Z  rollout     revision 2 (api-2): app=shop:2\n" in shown
    assert "2026-11-21T11:56:01Z  decision    tooYoung: TooYoung: younger than 1m (3 times)\n" in shown
    assert "2026-11-21T11:59:00Z  attempt     rolloutUndo: Done: undo\n" in shown


def test_the_wide_list_says_of_which_remediation_and_attempt_each_is() -> None:
    """And how long ago it was."""
    shown = [" ".join(line.split()) for line in timeline.text(compiled(), wide=True)]
    assert "2026-11-21T11:59:00Z (6m ago) attempt deployment-api-1 rem-1/0/1 rolloutUndo: Done: undo" in shown


def test_no_template_and_no_secret_is_told() -> None:
    """Only the images of containers."""
    told = compiled()
    document = output.render("json", chronicle.document(told))
    assert "shop:2" in document
    assert SECRET not in document + "\n".join(timeline.text(told, wide=True))


def test_machines_read_the_same_in_json_and_yaml() -> None:
    """What does not apply is absent; times are RFC 3339."""
    document = chronicle.document(compiled())
    assert yaml.safe_load(output.render("yaml", document)) == document
    attempt = next(each for each in document["entries"] if each["kind"] == "attempt")
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
    told = compiled(since=NOW - seconds(30))
    assert [each.kind for each in told.entries][:3] == ["alert", "pods", "revision"]
    assert chronicle.document(told)["since"] == "2026-11-21T11:59:30Z"


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
    assert any(each.kind == "event" for each in compiled(event).entries) is is_told


def test_a_series_of_events_is_counted() -> None:
    """Old and new Events say so in different fields."""
    series = an_event(
        eventTime="2026-11-21T11:55:01.5Z", series={"count": 4, "lastObservedTime": "2026-11-21T11:57:00Z"}
    )
    old = an_event(reason="Unhealthy", deprecatedCount=7, deprecatedFirstTimestamp="2026-11-21T11:55:02Z")
    told = [each for each in compiled(series, old).entries if each.kind == "event"]
    assert [(each.count, each.last_at) for each in told] == [(4, NOW - minutes(3)), (7, None)]


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
    told = compiled(story=replace(STORY, status=status)).entries
    assert [each.reason for each in told if each.kind == "decision"] == ["GitOpsManaged", "Cooldown"]


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
    ],
)
def test_a_revision_keeps_its_first_number_and_is_told_again_when_it_comes_back(
    revision: Revision, messages: list[str]
) -> None:
    """A Deployment's ReplicaSet gets a new number when it is rolled out again; its beginning stays where it was."""
    told = compiled(sight=Sight(workload=a_well_workload(), revisions=(revision,))).entries
    rollouts = [each for each in told if each.kind == "rollout"]
    assert [each.message for each in rollouts] == messages
    assert [each.at for each in rollouts] == [BORN, A_MINUTE_AGO][: len(messages)]


def test_what_the_controllers_did_pod_by_pod_is_one_entry_for_each_rollout() -> None:
    """With how often, until when, and the last word of the workload's own controller."""
    moments = ["11:55:01", "11:55:03", "11:55:09", "11:59:01", "11:59:04"]  # two rollouts: at 11:55 and our undo's
    events = [
        an_event(eventTime=f"2026-11-21T{at}Z", note=f"Scaled at {at}", reason=reason)
        for at, reason in zip(moments, ["ScalingReplicaSet", "SuccessfulCreate", "ScalingReplicaSet"] * 2, strict=False)
    ]
    told = [each for each in compiled(*events).entries if each.kind == "event"]
    assert [(each.at.strftime("%X"), each.count, each.message) for each in told] == [
        ("11:55:01", 3, "Scaled at 11:55:09"),
        ("11:59:01", 2, "Scaled at 11:59:01"),
    ]


def test_what_the_workloads_own_controller_says_is_told_whichever_event_is_first() -> None:
    """Both have the same second, and any order."""
    made = an_event(reason="SuccessfulCreate", note="Created pod", reportingController="replicaset-controller")
    for events in ([made, an_event()], [an_event(), made]):
        (told,) = [each for each in compiled(*events).entries if each.kind == "event"]
        assert (told.reason, told.by, told.count) == ("ScalingReplicaSet", "deployment-controller", 2)


def test_what_is_gone_is_told_from_what_remains() -> None:
    """A deleted workload leaves its records and its Remediations."""
    told = compiled(sight=replace(NOTHING, records=(a_record(template=TEMPLATE),)))
    assert told.entries[0].at == BORN
    assert told.entries[0].message == "template good: app=shop:2"
    assert "(does not exist any more)" in timeline.text(told, wide=False)[0]
