"""The signal is old enough (TRAPS 24), and not too much is sick at once (TRAPS 26; I8)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.guards import max_unhealthy, occurrence, signal_known
from platelet.model import reasons
from platelet.model.policy import Scope
from platelet.model.situation import Situation
from platelet.model.workload import WorkloadRef
from tests.unit.situations import (
    NOW,
    TARGET,
    UNDO,
    a_budget,
    a_policy,
    a_signal,
    a_situation,
    an_alert,
    an_entry,
    asked,
    change,
    limits,
    minutes,
    seconds,
)

OLD_ENOUGH = {
    "it has held for long": (a_signal(),),
    "it holds from this very moment": (a_signal(holds_at=NOW),),
    "one of two holds": (a_signal(holds_at=NOW + minutes(1)), an_alert(holds_at=NOW - minutes(1))),
}


@pytest.mark.parametrize("signals", OLD_ENOUGH.values(), ids=OLD_ENOUGH)
def test_allows_a_signal_that_holds(signals: tuple[Any, ...]) -> None:
    """The boundary belongs to acting."""
    assert occurrence.deny(a_situation(signals=signals), NOW) is None


SOON, LATER = NOW + seconds(1), NOW + minutes(5)
TOO_YOUNG = {
    "there is no signal": ((), None),
    "it holds in a second": ((a_signal(holds_at=SOON),), SOON),
    "of two the earlier is waited for": ((a_signal(holds_at=LATER), an_alert(holds_at=SOON)), SOON),
    "only something temporary is left to be reverted": ((a_signal(source="revert"),), None),
}


@pytest.mark.parametrize(("signals", "retry_at"), TOO_YOUNG.values(), ids=TOO_YOUNG)
def test_denies_until_a_signal_holds(signals: tuple[Any, ...], retry_at: Any) -> None:
    """It is asked again when the earliest signal holds."""
    denial = occurrence.deny(a_situation(signals=signals), NOW)
    assert denial is not None
    assert (denial.reason, denial.retry_at) == (reasons.TOO_YOUNG, retry_at)


SILENCED = an_alert(suppressed=True)
UNDER_SILENCE = {
    "all that fires is silenced": ((SILENCED,), reasons.ALERT_SILENCED),
    "what is not silenced is too young": ((SILENCED, a_signal(holds_at=SOON)), reasons.TOO_YOUNG),
    "pods show it too": ((SILENCED, a_signal()), None),
    "another alert fires": ((SILENCED, an_alert(reason="Slow")), None),
}


@pytest.mark.parametrize(("signals", "reason"), UNDER_SILENCE.values(), ids=UNDER_SILENCE)
def test_a_silenced_alert_is_no_reason_to_act(signals: tuple[Any, ...], reason: str | None) -> None:
    """TRAPS 20: silences and inhibitions suppress."""
    denial = occurrence.deny(a_situation(signals=signals), NOW)
    assert (denial.reason if denial else None) == reason


def test_people_are_not_told_of_a_cause_elsewhere_while_they_silence_it() -> None:
    """A node's alert inhibits those of the workloads on it (TRAPS 21)."""
    denial = occurrence.hopeless(a_situation(signals=(SILENCED,)), NOW, reasons.CAUSE_ELSEWHERE, "the node is gone")
    assert not denial.escalate


def others(count: int) -> frozenset[WorkloadRef]:
    return frozenset(WorkloadRef(kind="Deployment", namespace="shop", name=f"other-{n}") for n in range(count))


def scoped(max_unhealthy_: str, total: int, sick: frozenset[WorkloadRef]) -> Situation:
    return a_situation(
        policy=a_policy(limits=limits(max_unhealthy=max_unhealthy_)), scope=Scope(total=total, sick=sick)
    )


THIS = frozenset({TARGET})
BOUNDARIES = {
    "one target, which is sick": ("30%", 1, THIS, True),
    "0 % still allows one": ("0%", 100, THIS, True),
    "0 % does not allow two": ("0%", 100, THIS | others(1), False),
    "1 % of a few is rounded up to one": ("1%", 3, THIS, True),
    "30 % of three is one": ("30%", 3, THIS, True),
    "30 % of three is not two": ("30%", 3, THIS | others(1), False),
    "30 % of six is one, rounded down": ("30%", 6, THIS | others(1), False),
    "30 % of seven is two": ("30%", 7, THIS | others(1), True),
    "30 % of ten is three": ("30%", 10, THIS | others(2), True),
    "30 % of ten is not four": ("30%", 10, THIS | others(3), False),
    "100 % is everything": ("100%", 4, THIS | others(3), True),
    "99 % of four is three": ("99%", 4, THIS | others(3), False),
    "a count of two": ("2", 50, THIS | others(1), True),
    "a count of two is not three": ("2", 50, THIS | others(2), False),
    "a count of zero stops everything": ("0", 50, THIS, False),
    "a count above all": ("9999", 3, THIS | others(2), True),
    "this one counts although the scope does not show it sick": ("30%", 6, others(1), False),
    "this one alone, not shown as sick": ("30%", 6, frozenset(), True),
}


@pytest.mark.parametrize(("setting", "total", "sick", "allowed"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_the_share_of_sick_targets(setting: str, total: int, sick: frozenset[WorkloadRef], allowed: bool) -> None:  # noqa: FBT001
    """Exact at the boundaries: rounded down, at least one, this target included."""
    denial = asked(max_unhealthy.deny, scoped(setting, total, sick), NOW)
    assert (denial is None) == allowed
    if denial is not None:
        assert denial.reason == reasons.TOO_MANY_UNHEALTHY
        assert f"maxUnhealthy {setting}" in denial.message


def test_names_the_numbers() -> None:
    """People see how many are sick, of how many, and how many may be."""
    denial = asked(max_unhealthy.deny, scoped("30%", 10, THIS | others(3)), NOW)
    assert denial is not None
    assert denial.message == "4 of 10 targets are sick; with maxUnhealthy 30% at most 3 may be"


UNKNOWN = {
    "it could not be read": a_situation(scope=None),
    "it is empty, although the target is in it": scoped("30%", 0, frozenset()),
    "more are sick than there are": scoped("100%", 2, THIS | others(2)),
}


@pytest.mark.parametrize("situation", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unreadable_scope_means_no(situation: Situation) -> None:
    """Unknown means no, and empty never means all (TRAPS 29)."""
    denial = asked(max_unhealthy.deny, situation, NOW)
    assert denial is not None
    assert denial.reason == reasons.SCOPE_UNKNOWN


@given(percent=st.integers(0, 100), total=st.integers(1, 60), sick=st.integers(0, 60))
def test_never_more_than_the_share_unless_it_is_the_only_one(percent: int, total: int, sick: int) -> None:
    """Over all shares and sizes: allowed only while sick * 100 <= percent * total, or a single one is sick."""
    sick = min(sick, total - 1)
    denial = asked(max_unhealthy.deny, scoped(f"{percent}%", total, THIS | others(sick)), NOW)
    assert (denial is None) == ((sick + 1) * 100 <= percent * total or sick == 0)


QUERY = an_alert(source="query", reason="QueryAbove", fingerprint="query/uid/1")
KNOWN: dict[str, tuple[tuple[Any, ...], Any, bool]] = {
    "its query is answered": ((QUERY,), NOW, True),
    "its query is not answered": ((QUERY,), None, False),
    "pods show it too": ((QUERY, a_signal()), None, True),
    "pods will show it later": ((QUERY, a_signal(holds_at=SOON)), None, False),
    "a silenced alert says nothing": ((QUERY, SILENCED), None, False),
    "no query is about it": ((a_signal(),), None, True),
    "it is too young anyway": ((an_alert(source="query", holds_at=SOON),), None, True),
}


@pytest.mark.parametrize(("signals", "known_at", "allowed"), KNOWN.values(), ids=KNOWN)
def test_what_only_a_query_shows_is_acted_on_only_while_it_is_answered(
    signals: tuple[Any, ...],
    known_at: Any,
    allowed: bool,  # noqa: FBT001 - a table's column
) -> None:
    """I10: a failed query says nothing."""
    denial = signal_known.deny(a_situation(signals=signals, queries_known_at=known_at), NOW)
    assert (denial is None) == allowed
    assert denial is None or denial.reason == reasons.QUERY_UNANSWERED


def test_a_replica_that_has_just_begun_to_lead_asks_first() -> None:
    """The one before may have had an answer a moment ago: that is not known, and nobody says that it is."""
    begun = a_situation(signals=(QUERY,), queries_known_at=None, leading_for=seconds(10))
    denial = signal_known.deny(begun, NOW)
    assert denial is not None
    assert "leads since a moment ago" in denial.message
    assert denial.retry_at is not None
    later = signal_known.deny(change(begun, leading_for=minutes(2)), NOW)
    assert later is not None
    assert "does not answer" in later.message


WEB = WorkloadRef(kind="Deployment", namespace="shop", name="web")
BOTH = frozenset({TARGET, WEB})
BESIDE = {
    "nothing is under way": ({}, True),
    "another of the policy is being verified": ({"settled_at": None}, False),
    "one of the sick is being verified for another policy": ({"settled_at": None, "policy": "shop/other"}, False),
    "what is verified of another policy is none of the sick": (
        {"settled_at": None, "policy": "shop/other", "target": replace(WEB, name="well")},
        True,
    ),
    "another was refused": ({"settled_at": None, "outcome": "Refused", "refunded": True}, True),
}


def at_fault(entry: Mapping[str, Any], **changes: Any) -> Situation:
    """Two of three are sick, each by a new template of its own; one attempt is on the budget."""
    attempt = an_entry(
        id="rem-web/0/1", target=entry.get("target", WEB), **{k: v for k, v in entry.items() if k != "target"}
    )
    known = {"scope": Scope(total=3, sick=BOTH, at_fault=BOTH), "budget": a_budget(attempt), "action": UNDO}
    return a_situation(**{**known, **changes})


@pytest.mark.parametrize(("entry", "allowed"), BESIDE.values(), ids=BESIDE)
def test_of_several_that_are_at_fault_themselves_one_is_undone_at_a_time(
    entry: Mapping[str, Any],
    allowed: bool,  # noqa: FBT001
) -> None:
    """The reservation asks again, on the newest budget."""
    situation = at_fault(entry)
    for denial in (asked(max_unhealthy.deny, situation, NOW), asked(max_unhealthy.deny_beside_another, situation, NOW)):
        assert (denial is None) == allowed
        if denial is not None:
            assert denial.retry_at is not None
            assert not denial.common_cause


STILL_TOO_MANY = {
    "of one of the sick it is not known": {"scope": Scope(total=3, sick=BOTH, at_fault=frozenset({TARGET}))},
    "of this one it is not known": {"scope": Scope(total=3, sick=BOTH, at_fault=frozenset({WEB}))},
    "a restart brings no other template": {"action": replace(UNDO, heals_rollout=False)},
}


@pytest.mark.parametrize("changes", STILL_TOO_MANY.values(), ids=STILL_TOO_MANY)
def test_what_is_not_known_to_be_at_fault_itself_waits_and_people_are_told(changes: Mapping[str, Any]) -> None:
    """Unknown means that the brake holds."""
    denial = asked(max_unhealthy.deny, at_fault({}, **changes), NOW)
    assert denial is not None
    assert (denial.reason, denial.common_cause) == (reasons.TOO_MANY_UNHEALTHY, True)


def test_a_budget_that_cannot_be_read_lets_nobody_go_beside_another() -> None:
    """I10."""
    situation = replace(at_fault({}), budget=None)
    denial = asked(max_unhealthy.deny, situation, NOW)
    assert denial is not None
    assert denial.reason == reasons.BUDGET_UNREADABLE
