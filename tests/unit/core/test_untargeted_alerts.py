"""Which alerts without a workload are on record, who is called for one by level, and who hears that it is over."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from platelet.core import recorded_acknowledgements, recorded_calls, untargeted_alerts
from platelet.core.deliveries import Ledger
from platelet.core.recorded_calls import Announcement
from platelet.core.untargeted_alerts import Stray
from platelet.model import approval, reasons
from platelet.model.alert import Alert
from platelet.model.effects import Publish
from platelet.model.policy import Policy
from platelet.model.recorded_call import RecordedCall
from platelet.model.untargeted_alert import MAX_UNTARGETED, UntargetedAlert
from tests.unit.core.test_recorded_calls import FIRST, NOBODY, SECOND, of
from tests.unit.situations import NOW, minutes

POLICY = of(FIRST, SECOND)
DAY = timedelta(days=1)


def a_stray(number: int = 1, *, started: datetime = NOW, over: bool = False, **more: str) -> Stray:
    name, severity = more.pop("name", "ApiDown"), more.pop("severity", "")
    alert = Alert(
        fingerprint=f"f{number}", status="resolved" if over else "firing", labels={"alertname": name}, starts_at=started
    )
    return Stray(alert=alert, why=more.pop("why", "no label names a workload"), severity=severity, **more)


def bring(
    *news: Stray,
    known: tuple[UntargetedAlert, ...] = (),
    ledger: Ledger = NOBODY,
    policy: Policy = POLICY,
    at: datetime = NOW,
) -> Announcement[UntargetedAlert]:
    """What is on record afterwards, and what sinks are to hear of it."""
    return untargeted_alerts.announce(policy, known, untargeted_alerts.judge(policy, known, news, at), ledger, at)


FIRED = bring(a_stray())
(OPEN,) = FIRED.listed
ENDED = bring(a_stray(over=True, why="it is resolved"), known=FIRED.listed, ledger=FIRED.ledger, at=NOW + minutes(40))
(OVER,) = ENDED.listed


def told(announced: Announcement[UntargetedAlert]) -> list[tuple[str, str]]:
    return [(known.kind, known.sink) for known in announced.ledger.notifications]


def test_the_first_level_is_called_in_the_write_that_puts_it_on_record() -> None:
    assert told(FIRED) == [("Untargeted", "oncall")]
    assert OPEN.call == replace(RecordedCall(at=NOW), told=OPEN.call.told if OPEN.call else ())
    assert [effect.reason for effect in FIRED.effects if isinstance(effect, Publish)] == [reasons.NO_TARGET]


def climb(entry: UntargetedAlert, after: float, ledger: Ledger = NOBODY, policy: Policy = POLICY) -> list[str]:
    """Which sinks are called that long after the first."""
    climbed, _ = recorded_calls.climb(policy, [entry], ledger, NOW + minutes(after))
    return [known.sink for known in climbed.notifications if known not in ledger.notifications]


@pytest.mark.parametrize(("after", "expected"), [(0, []), (29, []), (30, ["lead"]), (300, ["lead"])])
def test_the_next_level_is_called_at_its_time_also_by_a_process_that_has_told_nobody(
    after: float, expected: list[str]
) -> None:
    """How far each level was told is on record; the notifications themselves may have made room."""
    assert climb(OPEN, after, FIRED.ledger) == climb(OPEN, after) == expected


def observed(cluster: str = "") -> tuple[UntargetedAlert, ...]:
    """On record of a policy that observes."""
    return bring(a_stray(cluster=cluster), policy=replace(POLICY, mode="Observe")).listed


def test_a_policy_that_no_longer_observes_calls_for_what_fires_already_by_its_levels() -> None:
    begun = untargeted_alerts.call(POLICY, observed(), NOW + minutes(9))
    (entry,) = begun
    assert entry.call == RecordedCall(at=NOW + minutes(9))
    announced = recorded_calls.announce(POLICY, observed(), begun, NOBODY, NOW + minutes(9))
    assert told(announced) == [("Untargeted", "oncall")]
    assert [effect.reason for effect in announced.effects if isinstance(effect, Publish)] == [reasons.NO_TARGET]


STAYS_AS_IT_IS: dict[str, tuple[tuple[UntargetedAlert, ...], Policy]] = {
    "the policy observes": (observed(), replace(POLICY, mode="Observe")),
    "the policy is not ready": (observed(), replace(POLICY, ready=False)),
    "it is over": (tuple(replace(entry, resolved_at=NOW) for entry in observed()), POLICY),
    "it is about another cluster": (observed(cluster="west"), POLICY),
    "people are called already": (FIRED.listed, POLICY),
}


@pytest.mark.parametrize(("listed", "policy"), STAYS_AS_IT_IS.values(), ids=STAYS_AS_IT_IS)
def test_nobody_is_called_anew(listed: tuple[UntargetedAlert, ...], policy: Policy) -> None:
    assert untargeted_alerts.call(policy, listed, NOW + minutes(9)) == listed


def silenced(entry: UntargetedAlert, *, active: bool = False, after: float = 0) -> UntargetedAlert:
    """What Alertmanager says of it that long after."""
    names = frozenset({entry.about})
    suppressed, fires = (frozenset[str](), names) if active else (names, frozenset[str]())
    return untargeted_alerts.suppress([entry], suppressed, fires, NOW + minutes(after))[0]


def test_a_silence_counts_from_when_it_was_seen_first_until_the_alert_is_active_again() -> None:
    again = silenced(silenced(OPEN, after=5), after=9)
    assert again.suppressed_at == NOW + minutes(5)
    assert untargeted_alerts.suppress([again], frozenset(), frozenset(), NOW) == (again,), "nothing is said of it"
    assert silenced(again, active=True) == OPEN


def test_while_it_is_silenced_no_level_is_due_and_none_is_waited_for() -> None:
    quiet = silenced(OPEN)
    assert climb(quiet, 300, FIRED.ledger) == []
    assert recorded_calls.next_at(POLICY, [quiet], FIRED.ledger, NOW) is None
    assert climb(silenced(quiet, active=True), 300, FIRED.ledger) == ["lead"]


def test_what_only_another_sender_knows_is_not_silenced_by_alertmanager() -> None:
    for entry in (replace(OPEN, sender="Grafana"), replace(OPEN, source="query"), OVER):
        assert silenced(entry) == entry


GRAVE: dict[str, tuple[str, list[str]]] = {
    "a page is critical": ("page", ["lead"]),
    "P1 is critical": ("P1", ["lead"]),
    "an info is none of them": ("info", []),
    "what is unknown is a warning": ("", ["oncall"]),
}


@pytest.mark.parametrize(("severity", "expected"), GRAVE.values(), ids=GRAVE)
def test_its_severity_decides_which_levels_are_for_it(severity: str, expected: list[str]) -> None:
    policy = of(
        replace(FIRST, severities=("warning",)), replace(SECOND, after=timedelta(), severities=("critical", "error"))
    )
    assert [sink for _, sink in told(bring(a_stray(severity=severity), policy=policy))] == expected


def test_a_level_is_told_again_until_it_is_over() -> None:
    often = of(replace(FIRST, repeat_every=minutes(15)), SECOND)
    (entry,) = bring(a_stray(), policy=often).listed
    assert climb(entry, 29, policy=often) == ["oncall"]
    assert climb(replace(entry, resolved_at=NOW), 29, policy=often) == []


def test_all_who_were_called_hear_the_end_and_nobody_else() -> None:
    assert told(ENDED) == [("Untargeted", "oncall"), ("UntargetedOver", "oncall")]
    ledger, climbed = recorded_calls.climb(POLICY, FIRED.listed, FIRED.ledger, NOW + minutes(31))
    both = bring(a_stray(over=True), known=climbed, ledger=ledger, at=NOW + minutes(40))
    assert told(both)[2:] == [("UntargetedOver", "oncall"), ("UntargetedOver", "lead")]
    assert climb(OVER, 300) == []
    assert OVER.resolution == "it is resolved"


def test_an_end_is_told_once_and_one_of_what_nobody_knows_is_none() -> None:
    again = bring(a_stray(over=True), known=ENDED.listed, ledger=ENDED.ledger, at=NOW + minutes(50))
    assert (again.listed, again.ledger, again.effects) == (ENDED.listed, ENDED.ledger, ())
    assert bring(a_stray(2, over=True)).listed == ()


RETURNS: dict[str, tuple[Stray, float, bool]] = {
    "a late report of before": (a_stray(), 41, False),
    "the same start, minutes later": (a_stray(), 43, True),
    "it has begun anew since its end": (a_stray(started=NOW + minutes(40.5)), 41, True),
}


@pytest.mark.parametrize(("news", "after", "expected"), RETURNS.values(), ids=RETURNS)
def test_what_fires_again_is_told_anew_under_an_id_of_its_own(news: Stray, after: float, expected: bool) -> None:  # noqa: FBT001 - a table
    back = bring(news, known=ENDED.listed, ledger=ENDED.ledger, at=NOW + minutes(after))
    assert back.listed[0].is_open == expected
    ids = [known.id for known in back.ledger.notifications if known.kind == "Untargeted"]
    assert len(set(ids)) == (2 if expected else 1)


def test_a_querys_result_is_on_record_by_the_query() -> None:
    """Two queries may give a series of the same labels."""
    one, other = a_stray(query="query/uid/a/f1"), a_stray(query="query/uid/b/f1")
    listed = bring(one, other).listed
    assert [(entry.source, entry.fingerprint) for entry in listed] == [("query", one.query), ("query", other.query)]
    over = replace(one, alert=replace(one.alert, status="resolved"))
    assert [entry.is_open for entry in bring(over, known=listed).listed] == [False, True]


def test_nobody_is_called_for_another_cluster_which_is_on_record_once() -> None:
    announced = bring(a_stray(cluster="a/b"), a_stray(2, cluster="a/b"))
    assert [(entry.reason, entry.call) for entry in announced.listed] == [(reasons.ANOTHER_CLUSTER, None)]
    assert announced.ledger == NOBODY
    assert len(announced.effects) == 1


def test_a_policy_that_observes_calls_nobody() -> None:
    observing = replace(POLICY, mode="Observe")
    announced = bring(a_stray(), policy=observing)
    assert (announced.listed[0].call, announced.ledger) == (None, NOBODY)
    assert climb(announced.listed[0], 300, policy=POLICY) == [], "what was there before calls nobody later"


def full(*, age: timedelta = timedelta()) -> tuple[UntargetedAlert, ...]:
    return tuple(
        replace(OPEN, fingerprint=f"f{number}/1", last_seen=NOW - age) for number in range(100, 100 + MAX_UNTARGETED)
    )


def test_what_is_over_makes_room_before_what_fires() -> None:
    old = full(age=2 * DAY)
    listed = bring(a_stray(), known=(*old[:-1], replace(old[-1], resolved_at=NOW))).listed
    assert {entry.fingerprint for entry in old[:-1]} < {entry.fingerprint for entry in listed}


def test_what_fires_makes_room_after_a_day_only_and_whoever_was_called_hears_that() -> None:
    young = bring(a_stray(), known=full())
    assert young.listed == full()
    assert [effect.note for effect in young.effects if isinstance(effect, Publish)] == [
        "1 more alerts have no target and are not listed"
    ]
    first, *_ = full(age=2 * DAY)
    crowded = bring(a_stray(), known=full(age=2 * DAY))
    assert first.fingerprint not in {entry.fingerprint for entry in crowded.listed}
    ends = [known for known in crowded.ledger.notifications if known.kind == "UntargetedOver"]
    assert [(end.sink, end.known_as) for end in ends] == [("oncall", first.known_as)]
    assert "nobody is called for it any more" in ends[0].message


def test_who_has_heard_ends_the_levels_and_it_is_told_to_all_who_were_called() -> None:
    token = approval.ACKNOWLEDGED_ON_POLICY + OPEN.token(POLICY.uid)
    heard = recorded_acknowledgements.hear(POLICY, {token: "ann"}, [OPEN], FIRED.ledger, NOW + minutes(1))
    (entry,) = heard.listed
    assert entry.is_acknowledged
    assert climb(entry, 300) == []
    lasting = of(FIRST, replace(SECOND, until="Resolved"))
    assert climb(entry, 300, policy=lasting) == ["lead"]
    again = bring(a_stray(), known=(replace(entry, resolved_at=NOW),), at=NOW + minutes(60))
    assert not again.listed[0].is_acknowledged, "it holds for no later one"


def test_what_an_older_version_has_on_record_calls_nobody() -> None:
    """It was told to the first level, and nobody may know that it is over."""
    older = replace(OPEN, call=None)
    assert climb(older, 300) == []
    assert bring(a_stray(), known=(older,)).listed == (older,)
