"""However streams lag: what is done is right, and late by no more than the lag and a resync (I5, docs/adr/0021)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from platelet.shell import kube
from tests.scenarios.heals import effects
from tests.scenarios.incidents import MINUTE, begin, images_written, is_well, states
from tests.scenarios.manifests import step
from tests.scenarios.operator_in_model import RESYNC
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_memory_that_lags import EVERYTHING, STOPS

SECOND = timedelta(seconds=1)
LONGEST = 240  # seconds that one stream stands still


@dataclass(frozen=True)
class Lag:
    """The streams of some kinds stand still for a while. Times in seconds since the bad release."""

    begins: int
    ends: int
    kinds: frozenset[str]


def _lag(begins: int, lasts: int, kinds: Collection[str]) -> Lag:
    return Lag(begins, begins + lasts, frozenset(kinds))


lags = st.lists(
    st.builds(
        _lag,
        st.integers(0, 60),
        st.integers(1, LONGEST),
        st.one_of(st.just(EVERYTHING), st.sets(st.sampled_from(sorted(EVERYTHING)), min_size=1)),
    ),
    min_size=1,
    max_size=4,
)
some_examples = settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


def play(simulation: Simulation, schedule: Collection[Lag], until: int) -> None:
    """Let streams stand still and go on until so many seconds after now."""
    began = simulation.world.now
    moments = {moment for lag in schedule for moment in (lag.begins, lag.ends) if moment < until}
    for moment in sorted({0, *moments}):
        if moment > 0:  # what begins at once begins before the release is heard of
            simulation.run(began + moment * SECOND - simulation.world.now)
        for process in simulation.processes:
            active = [lag.kinds for lag in schedule if lag.begins <= moment < lag.ends]
            process.unseen = set().union(*active)
    simulation.run(began + until * SECOND - simulation.world.now)


def first_effect(simulation: Simulation) -> datetime:
    """When the workload was first changed by an attempt."""
    audit = simulation.world.server.audit
    return next(call.at for call in audit if call.changed and call.agent in effects([call]))


@pytest.fixture(scope="module")
def undisturbed() -> timedelta:
    """From the bad release to the undo, where no stream lags."""
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"))
        released_at = simulation.world.now
        simulation.world.release("api", "app:crash")
        simulation.run(10 * MINUTE)
        return first_effect(simulation) - released_at


@some_examples
@given(schedule=lags)
@example(schedule=[_lag(0, 180, [kube.DEPLOYMENTS.plural])])  # the release itself is not seen, only what it does
def test_a_heal_is_late_by_the_lag_and_a_resync_at_most(undisturbed: timedelta, schedule: list[Lag]) -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
        released_at = simulation.world.now
        simulation.world.release("api", "app:crash")
        ends = max(lag.ends for lag in schedule)
        play(simulation, schedule, ends + 1)
        simulation.run(30 * MINUTE)
        assert images_written(simulation) == ["app:good-1"], simulation.describe()
        assert set(effects(simulation.world.server.audit).values()) == {1}
        assert {state for state, _ in states(simulation)} == {"Closed"}
        assert is_well(simulation)
        assert first_effect(simulation) - released_at <= undisturbed + ends * SECOND + RESYNC


@some_examples
@given(schedule=lags, deed=st.sampled_from(sorted(STOPS)), at=st.integers(0, 40))
def test_what_people_stop_stays_stopped_whatever_was_seen_of_it(schedule: list[Lag], deed: str, at: int) -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
        simulation.world.release("api", "app:crash")
        play(simulation, schedule, at)
        before = effects(simulation.world.server.audit)
        STOPS[deed](simulation)
        lasting = [Lag(0, lag.ends - at, lag.kinds) for lag in schedule if lag.begins <= at < lag.ends]
        later = [Lag(lag.begins - at, lag.ends - at, lag.kinds) for lag in schedule if lag.begins > at]
        play(simulation, [*lasting, *later], LONGEST + 60)
        simulation.run(20 * MINUTE)
        assert effects(simulation.world.server.audit) == before, simulation.describe()
