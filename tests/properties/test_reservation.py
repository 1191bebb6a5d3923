"""The ActionBudget: whatever happens in whatever order, no window ever holds more effects than a limit allows."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from platelet.core import reservation
from platelet.model import reasons, windows
from platelet.model.budget import Budget, BudgetSpec, BudgetStatus, Entry, EntryOutcome, PendingRevert
from platelet.model.effects import Settle
from platelet.model.policy import DAY, Rate
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import WorkloadRef
from tests.properties.any_situation import Chance
from tests.unit.pins import scaled
from tests.unit.situations import (
    NOW,
    a_budget,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    an_attempt,
    an_entry,
    change,
    limits,
    minutes,
    seconds,
)

OPERATOR = (Rate(max_actions=2, per=minutes(5)), Rate(max_actions=3, per=minutes(60)))
PER_TARGET = Rate(max_actions=1, per=minutes(15))
PER_POLICY = Rate(max_actions=2, per=minutes(30))
AT_ONCE = 3
ENDS: tuple[EntryOutcome, ...] = ("Done", "Unknown", "Superseded", "Refused")
orders = settings(
    max_examples=200,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Cluster:
    """A budget with its leaders, and the effects that attempts have had: what really happened to workloads."""

    chance: Chance
    clocks: tuple[timedelta, ...] = (timedelta(),)  # of API servers, by how much they lead; one is the leader's
    real: datetime = NOW
    lead: timedelta = timedelta()
    budget: Budget = field(default_factory=lambda: a_budget(spec=BudgetSpec(limits=OPERATOR)))
    intended: set[str] = field(default_factory=set)  # attempts whose intent is on a Remediation
    effects: dict[str, tuple[datetime, Entry]] = field(default_factory=dict)
    granted: int = 0

    @property
    def now(self) -> datetime:
        """What the leader takes for the time."""
        return self.real + self.lead

    @property
    def epoch(self) -> int:
        """The present leader's."""
        return self.budget.status.epoch

    def entries(self) -> list[Entry]:
        """Those that are remembered."""
        return list(self.budget.status.entries)

    def store(self, status: BudgetStatus) -> None:
        """Write the budget."""
        self.budget = replace(self.budget, status=status)

    def happen(self) -> None:
        """Something, and then some time passes."""
        often = (self.reserve, self.reserve, self.intend, self.intend, self.act, self.act, self.end)
        happening = self.succeed if self.chance.once_in(20) else self.chance.one_of(often)
        happening()
        self.real += self.chance.one_of((seconds(0), seconds(1), seconds(5), seconds(30), minutes(1), minutes(9)))

    def reserve(self) -> None:
        """One of nine remediations of three targets and two policies asks for its next place, if it holds none."""
        number = self.chance.number(1, 9)
        mine = [entry for entry in self.entries() if entry.id.startswith(f"rem-{number}/")]
        if any(entry.outcome is None for entry in mine):
            return
        taken = [int(held.id.rpartition("/")[2]) for held in mine]
        entry = self.an_entry(number, max(taken, default=0) + 1 + self.granted)
        before = self.budget.status
        answer = reservation.reserve(self.budget, entry, self.a_situation(entry, mine), self.now)
        if isinstance(answer, Deny):
            assert self.budget.status == before
            return
        self.granted += 1
        self.store(answer)
        again = reservation.reserve(self.budget, entry, self.a_situation(entry, mine), self.now)
        assert again == answer, "the same id twice is one reservation"

    def reserve_as_deposed(self) -> None:
        """A leader that was replaced gets nothing, however much room there is."""
        entry = replace(self.an_entry(9, 1), epoch=self.epoch - 1)
        situation = change(self.a_situation(entry, []), epoch=self.epoch - 1)
        denial = reservation.reserve(self.budget, entry, situation, self.now)
        assert isinstance(denial, Deny)
        assert denial.reason == reasons.NOT_LEADER

    def intend(self) -> None:
        """An intent is stored: only under a place of this leader whose outcome is open."""
        free = [entry for entry in self.entries() if entry.outcome is None and entry.epoch == self.epoch]
        if free:
            self.intended.add(self.chance.one_of(free).id)

    def act(self) -> None:
        """A pinned write reaches its workload, once, however late and whoever sent it."""
        due = [entry for entry in self.entries() if entry.id in self.intended and entry.outcome is None]
        due = [entry for entry in due if entry.id not in self.effects]
        if due:
            entry = self.chance.one_of(due)
            self.effects[entry.id] = self.real, entry

    def end(self) -> None:
        """An outcome is recorded. Refused is only what had none; then, or later, its verification is over."""
        if not self.entries():
            return
        entry = self.chance.one_of(self.entries())
        outcome = self.chance.one_of(ENDS)
        if outcome == "Refused" and entry.id in self.effects:
            outcome = "Done"
        over = outcome != "Done" or self.chance.once_in(2)
        settle = Settle(attempt=entry.id, outcome=outcome, at=self.now, refunded=outcome == "Refused", verified=over)
        self.store(reservation.settle(self.budget.status, settle))
        assert reservation.settle(self.budget.status, settle) == self.budget.status

    def succeed(self) -> None:
        """Another leader takes over, maybe at another API server; what has an intent is live."""
        left_at, self.lead = self.now, self.chance.one_of(self.clocks)
        status = reservation.take_over(
            self.budget,
            holder="next",
            known_uid=self.budget.uid,
            longest=minutes(60),
            live=self.intended,
            now=self.now,
            left_at=left_at,
        )
        assert status.epoch == self.epoch + 1
        self.store(status)
        self.reserve_as_deposed()

    def an_entry(self, number: int, n: int) -> Entry:
        """The place that remediation `number` asks for."""
        target = WorkloadRef(kind="Deployment", namespace="shop", name=f"api-{number % 3}")
        return Entry(
            id=f"rem-{number}/0/{n}",
            target=target,
            policy=f"shop/policy-{number % 2}",
            epoch=self.epoch,
            reserved_at=self.now,
        )

    def a_situation(self, entry: Entry, mine: Iterable[Entry]) -> Situation:
        """What the flow would hand over with it."""
        number = entry.id.partition("/")[0]
        phases = {entry.id: entry.outcome for entry in mine if entry.outcome not in (None, "Abandoned")}
        ended = [an_attempt(id=name, phase=phase) for name, phase in phases.items()]
        remediation = a_remediation(uid=number, status=a_status(attempts=tuple(ended)))
        spec = replace(remediation.spec, target_ref=replace(remediation.spec.target_ref, name=entry.target.name))
        return a_situation(
            remediation=replace(remediation, spec=spec),
            policy=a_policy(
                name=entry.policy.partition("/")[2],
                limits=limits(rate=PER_TARGET, per_policy=PER_POLICY, max_concurrent=AT_ONCE, cooldown=timedelta()),
            ),
            budget=None,  # whatever was known before: the newest is asked
            epoch=entry.epoch,
        )


def most_in_a_window(moments: Iterable[datetime], per: timedelta) -> int:
    known = sorted(moments)
    return max((sum(start <= entry < start + per for entry in known) for start in known), default=0)


WRONG_CLOCKS = (timedelta(), minutes(70), -minutes(125), timedelta(days=400))


@orders
@given(st.integers(0, 2**48), st.sampled_from(((timedelta(),), WRONG_CLOCKS)))
def test_no_window_of_any_limit_holds_more_effects_than_it_allows(seed: int, clocks: tuple[timedelta, ...]) -> None:
    """Effects are what workloads have felt, wherever between reservation and outcome it was, in real time."""
    cluster = Cluster(Chance(seed), clocks)
    for _ in range(90):
        cluster.happen()
        running: dict[str, set[str]] = {}
        for entry in cluster.entries():
            if entry.settled_at is None and entry.outcome in (None, "Done") and not entry.refunded:
                running.setdefault(entry.policy, set()).add(entry.id.partition("/")[0])
        assert all(len(uids) <= AT_ONCE for uids in running.values())
    felt = list(cluster.effects.values())
    for rate in OPERATOR:
        assert most_in_a_window((at for at, _ in felt), rate.per) <= rate.max_actions
    for target in {entry.target for _, entry in felt}:
        moments = [at for at, entry in felt if entry.target == target]
        assert most_in_a_window(moments, PER_TARGET.per) <= PER_TARGET.max_actions
    for policy in {entry.policy for _, entry in felt}:
        moments = [at for at, entry in felt if entry.policy == policy]
        assert most_in_a_window(moments, PER_POLICY.per) <= PER_POLICY.max_actions


def test_the_orders_see_limits_at_their_end() -> None:
    """The property means something: each limit is reached by effects."""
    most: dict[str, int] = {}
    for seed in range(60):
        cluster = Cluster(Chance(seed))
        for _ in range(90):
            cluster.happen()
        felt = cluster.effects.values()
        counts = {
            "operator, short": most_in_a_window((at for at, _ in felt), OPERATOR[0].per),
            "operator, long": most_in_a_window((at for at, _ in felt), OPERATOR[1].per),
            "target": most_in_a_window((at for at, entry in felt if entry.target.name == "api-1"), PER_TARGET.per),
            "policy": most_in_a_window((at for at, entry in felt if entry.policy == "shop/policy-1"), PER_POLICY.per),
        }
        most = {name: max(count, most.get(name, 0)) for name, count in counts.items()}
    assert most == {"operator, short": 2, "operator, long": 3, "target": 1, "policy": 2}


def test_what_was_lent_is_never_kept_longer_because_a_clock_was_wrong() -> None:
    """A later due time is not moved on: the change may have been there for all the while."""
    due_at = NOW + minutes(30)
    back = PendingRevert(action="scale", changes=scaled(5, before=2), due_at=due_at)
    status = replace(a_budget().status, entries=(an_entry(revert=back),))
    for by in (minutes(70), timedelta()):
        (entry,) = reservation.rebase(status, by).entries
        assert entry.revert == back
    (entry,) = reservation.rebase(status, -minutes(70)).entries
    assert entry.revert == replace(back, due_at=due_at - minutes(70))


@pytest.mark.parametrize(
    "ahead", [timedelta(), minutes(2), minutes(70), timedelta(days=400), timedelta(days=900_000)], ids=str
)
def test_what_is_on_record_for_the_future_frees_its_place_one_window_after_it_was_seen(ahead: timedelta) -> None:
    """Written by a clock that led, or by people: it frees nothing now, and stops nothing for ever."""
    entry = an_entry(reserved_at=NOW + ahead, outcome_at=NOW + ahead, settled_at=NOW + ahead)
    status = replace(a_budget().status, entries=(entry,), full_until=NOW + ahead)
    mended = reservation.without_future(status, NOW)
    assert windows.used(mended.entries, minutes(60), NOW + minutes(59)) == mended.entries
    assert windows.used(mended.entries, minutes(60), NOW + minutes(61)) == ()
    assert mended.full_until is not None
    assert mended.full_until == min(NOW + ahead, NOW + DAY)
    assert reservation.without_future(mended, NOW) == mended


an_age = st.integers(0, 3 * 86_400).map(lambda count: timedelta(seconds=count))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(an_age, st.sampled_from((None, *ENDS, "Abandoned")), st.booleans(), st.booleans()), max_size=8)
)
def test_only_what_can_no_longer_count_is_forgotten(
    ages: list[tuple[timedelta, EntryOutcome | None, bool, bool]],
) -> None:
    """Never one without an outcome, never one of the last day, never one whose change is still to be reverted."""
    entries = [
        an_entry(
            id=f"rem-{number}/0/1",
            reserved_at=NOW - age,
            outcome=outcome,
            outcome_at=NOW - age if outcome else None,
            revert=PendingRevert(action="scale", changes=scaled(5, before=2), done=done) if lent else None,
        )
        for number, (age, outcome, lent, done) in enumerate(ages)
    ]
    kept = reservation.forget(entries, NOW)
    for entry in (entry for entry in entries if entry not in kept):
        assert entry.outcome_at is not None
        assert NOW - entry.outcome_at >= DAY
        owed = entry.revert is not None and not entry.revert.done
        assert not (owed and entry.outcome in ("Done", "Unknown"))
    for entry in kept:
        owed = entry.revert is not None and not entry.revert.done and entry.outcome in ("Done", "Unknown")
        assert entry.outcome_at is None or NOW - entry.outcome_at < DAY or owed, "kept for ever"


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from((None, "uid-budget", "uid-another")),
    st.integers(0, 3),
    st.sampled_from((None, NOW - minutes(1), NOW + minutes(90))),
)
def test_a_budget_whose_history_is_lost_is_full_for_the_longest_window(
    known_uid: str | None, epoch: int, full_until: datetime | None
) -> None:
    """Another uid, or a status without an epoch, where a leader has been before. What was full stays full."""
    budget = a_budget(epoch=epoch, full_until=full_until)
    after = reservation.take_over(
        budget, holder="me", known_uid=known_uid, longest=minutes(60), live=(), now=NOW
    ).full_until
    lost = known_uid is not None and (known_uid != "uid-budget" or epoch == 0)
    if lost:
        assert after is not None
        assert after >= NOW + minutes(60)
        situation = a_situation(epoch=epoch + 1)
        entry = an_entry(id="rem-1/0/1", epoch=epoch + 1, outcome=None, outcome_at=None, settled_at=None)
        full = replace(budget, status=replace(budget.status, epoch=epoch + 1, full_until=after))
        assert isinstance(reservation.reserve(full, entry, situation, NOW + minutes(59)), Deny)
    if full_until is not None:
        assert after is not None
        assert after >= full_until
