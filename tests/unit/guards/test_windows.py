"""Sliding windows: whatever happens, slots that the guards grant never hold more effects than the limit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from platelet.guards import cooldown, operator_rate, target_rate
from platelet.model import windows
from platelet.model.budget import BudgetSpec, Entry
from platelet.model.policy import Rate
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import WorkloadRef
from tests.unit.situations import NOW, a_budget, a_policy, a_remediation, a_situation, an_entry, limits, seconds


@dataclass(frozen=True)
class Wish:
    """Someone wants to act: how long after the wish before, how long its write takes, where in it the effect is."""

    after: int
    takes: int
    effect: float
    target: int
    refused: bool


@dataclass(frozen=True)
class Granted:
    """A wish that got a slot; it ends at `outcome_at`, and its effect is somewhere before."""

    entry: Entry
    outcome_at: datetime
    effect_at: datetime
    refused: bool

    def seen(self, now: datetime) -> Entry:
        """What the budget shows of it at this moment."""
        if now < self.outcome_at:
            return self.entry
        return replace(self.entry, outcome="Done", outcome_at=self.outcome_at, refunded=self.refused)


WISHES = st.lists(
    st.builds(
        Wish,
        after=st.integers(0, 40),
        takes=st.integers(0, 60),
        effect=st.floats(0, 1),
        target=st.integers(0, 2),
        refused=st.booleans(),
    ),
    max_size=40,
)
RATE = st.builds(
    lambda number, length: Rate(max_actions=number, per=seconds(length)), st.integers(1, 4), st.integers(1, 90)
)


def a_target(number: int) -> WorkloadRef:
    return WorkloadRef(kind="Deployment", namespace="shop", name=f"api-{number}")


def looks_at(wish: Wish, granted: list[Granted], rate: Rate, now: datetime) -> Situation:
    """Build what the guards see: the wish is a remediation of its own on its target."""
    remediation = a_remediation(uid=f"uid-{now.isoformat()}-{len(granted)}")
    target = replace(remediation.spec.target_ref, name=a_target(wish.target).name)
    return a_situation(
        remediation=replace(remediation, spec=replace(remediation.spec, target_ref=target)),
        policy=a_policy(limits=limits(rate=rate, cooldown=rate.per)),
        budget=a_budget(*(attempt.seen(now) for attempt in granted), spec=BudgetSpec(limits=(rate,))),
    )


def play(wishes: list[Wish], rate: Rate, deny: Callable[[Situation, datetime], Deny | None]) -> list[Granted]:
    """Let every wish ask the guard; those that are allowed get a slot at once."""
    now, granted = NOW, list[Granted]()
    for number, wish in enumerate(wishes):
        now += seconds(wish.after)
        if deny(looks_at(wish, granted, rate, now), now) is not None:
            continue
        entry = an_entry(
            id=f"wish-{number}/0/1",
            target=a_target(wish.target),
            reserved_at=now,
            outcome=None,
            outcome_at=None,
            settled_at=None,
        )
        granted.append(
            Granted(
                entry=entry,
                outcome_at=now + seconds(wish.takes),
                effect_at=now + seconds(wish.takes) * wish.effect,
                refused=wish.refused,
            )
        )
    return granted


def most_in_any_window(moments: list[datetime], length: timedelta) -> int:
    """Count the effects in the fullest half-open window that begins at one of them."""
    return max((sum(1 for other in moments if start <= other < start + length) for start in moments), default=0)


@given(wishes=WISHES, rate=RATE)
def test_the_operators_rate_holds_in_every_sliding_window(wishes: list[Wish], rate: Rate) -> None:
    """However long writes take and wherever in them the effect is: at most N effects in any window."""
    effects = [attempt.effect_at for attempt in play(wishes, rate, operator_rate.deny) if not attempt.refused]
    assert most_in_any_window(effects, rate.per) <= rate.max_actions


@given(wishes=WISHES, rate=RATE)
def test_the_targets_rate_holds_for_each_target(wishes: list[Wish], rate: Rate) -> None:
    """The same, for every target by itself."""
    granted = play(wishes, rate, target_rate.deny)
    for number in range(3):
        of_target = [e.effect_at for e in granted if e.entry.target == a_target(number) and not e.refused]
        assert most_in_any_window(of_target, rate.per) <= rate.max_actions


@given(wishes=WISHES, rate=RATE)
def test_the_cooldown_keeps_effects_on_one_target_apart(wishes: list[Wish], rate: Rate) -> None:
    """Two remediations of one target never act within one cooldown."""
    granted = play(wishes, rate, cooldown.deny)
    for number in range(3):
        of_target = [e.effect_at for e in granted if e.entry.target == a_target(number) and not e.refused]
        assert most_in_any_window(of_target, rate.per) <= 1


@given(wishes=WISHES, rate=RATE)
def test_until_is_neither_too_early_nor_needlessly_late(wishes: list[Wish], rate: Rate) -> None:
    """With all outcomes known, a slot is free at `until`, and not a moment before."""
    entries = [attempt.seen(attempt.outcome_at) for attempt in play(wishes, rate, operator_rate.deny)]
    now = max((entry.outcome_at or entry.reserved_at for entry in entries), default=NOW)
    full = windows.full(entries, rate, now)
    if full is None:
        return
    assert full.until is not None
    assert full.until > now
    assert windows.full(entries, rate, full.until) is None
    assert windows.full(entries, rate, full.until - timedelta(microseconds=1)) is not None


@given(wishes=WISHES, rate=RATE)
def test_a_slot_is_never_free_before_one_window_after_its_reservation(wishes: list[Wish], rate: Rate) -> None:
    """One window after the reservation at the earliest, whether or not the outcome is known."""
    now, granted = NOW, play(wishes, rate, operator_rate.deny)
    taken = windows.used([attempt.entry for attempt in granted], rate.per, now)
    assert len(taken) == len(granted)
    for attempt in granted:
        until = windows.free_at([attempt.entry], rate.per, now)
        assert until is None or until >= attempt.entry.reserved_at + rate.per
