"""What is known about health: nothing counts as proven before its time, and what failed proves itself anew."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from platelet.core import history
from platelet.model.effects import ForgetRevision, MarkRelease, MarkRevision, RememberRevision
from platelet.model.revision import RevisionRecord
from tests.properties.any_situation import Chance, many
from tests.unit.situations import (
    GOOD,
    NOW,
    a_container,
    a_pod,
    a_record,
    a_revision,
    a_sick_pod,
    a_well_workload,
    a_workload,
    minutes,
    seconds,
)

HEALTHY_FOR = minutes(10)
CAP = 20


def sightings() -> st.SearchStrategy[history.Sighting]:
    """Of any workload, with up to forty records."""
    return st.integers(0, 2**48).map(lambda seed: _sighting(Chance(seed)))


def _sighting(chance: Chance) -> history.Sighting:
    def a_moment() -> datetime:
        return NOW - seconds(chance.one_of((0, 1, 59, 599, 600, 601, 3600, 86_400)))

    def a_hash() -> str:
        return chance.rarely(GOOD, f"hash-{chance.number(1, 45)}")

    started = a_moment()
    pods = tuple(
        chance.rarely(
            a_sick_pod(f"api-{number}"),
            a_pod(
                f"api-{number}",
                created_at=started - seconds(chance.number(0, 99)),
                ready_changed_at=started,
                containers=(a_container(started_at=started, restarts=chance.number(0, 3)),),
            ),
            9,
        )
        for number in range(chance.number(1, 3))
    )
    records = [
        a_record(
            f"hash-{number}" if number else GOOD,
            uid=f"uid-{number}",
            first_seen=a_moment(),
            health=chance.one_of(("Unknown", "Healthy", "Suspect", "Bad")),
            health_since=chance.maybe(a_moment),
            ever_healthy=chance.once_in(2),
        )
        for number in range(chance.one_of((0, 1, 2, 5, 25, 40)))
    ]
    return history.Sighting(
        workload=chance.one_of((a_well_workload, a_well_workload, a_workload))(
            template_hash=chance.rarely(a_hash(), GOOD)
        ),
        revisions=tuple(
            a_revision(9 - number, a_hash(), replicas=chance.rarely(1, 0, 9)) for number in range(chance.number(0, 4))
        ),
        pods=pods,
        records=tuple(records),
        incident=chance.one_of(("none", "none", "open", "changing")),
    )


def live_of(sighting: history.Sighting) -> RevisionRecord | None:
    return next(
        (record for record in sighting.records if record.template_hash == sighting.workload.template_hash), None
    )


def last_change(sighting: history.Sighting) -> datetime:
    """When a container last started or ended, or readiness changed, by the pods' own status."""
    moments = []
    for pod in sighting.pods:
        moments += [pod.created_at, pod.ready_changed_at]
        for container in pod.containers:
            moments += [container.started_at, container.finished_at, container.last_finished_at]
    return max(moment for moment in moments if moment is not None)


def marks(sighting: history.Sighting, now: datetime = NOW) -> list[MarkRevision]:
    effects, _ = history.observe(sighting, HEALTHY_FOR, now)
    return [effect for effect in effects if isinstance(effect, MarkRevision)]


@many
@given(sightings())
def test_healthy_is_only_the_live_template_that_ran_for_healthy_for_without_a_restart(
    sighting: history.Sighting,
) -> None:
    for mark in marks(sighting):
        live = live_of(sighting)
        assert live is not None
        assert (mark.record, mark.resource_version) == (live.name, live.resource_version)
        assert mark.health in ("Healthy", "Suspect")
        if mark.health == "Suspect":
            assert (sighting.incident, live.health) == ("open", "Healthy")
            continue
        assert sighting.incident != "changing"
        assert all(pod.ready for pod in sighting.pods)
        assert len(sighting.pods) >= sighting.workload.replicas
        assert last_change(sighting) + HEALTHY_FOR <= NOW
        if live.health in ("Suspect", "Bad") and live.health_since is not None:
            assert live.health_since + HEALTHY_FOR <= NOW, "one that failed proves itself anew"


@many
@given(sightings())
def test_what_is_recorded_as_healthy_is_the_live_template_that_ran_for_healthy_for_without_a_restart(
    sighting: history.Sighting,
) -> None:
    """As above: that nobody looked before makes nothing healthy."""
    for effect in history.observe(sighting, HEALTHY_FOR, NOW)[0]:
        if not isinstance(effect, RememberRevision) or effect.health == "Unknown":
            continue
        assert (effect.template_hash, effect.health) == (sighting.workload.template_hash, "Healthy")
        assert (live_of(sighting), effect.health_since) == (None, NOW)
        assert sighting.incident != "changing"
        assert all(pod.ready for pod in sighting.pods)
        assert len(sighting.pods) >= sighting.workload.replicas
        assert last_change(sighting) + HEALTHY_FOR <= NOW


@many
@given(sightings())
def test_what_is_not_proven_yet_is_looked_at_when_it_will_be(sighting: history.Sighting) -> None:
    """And then, with everything as it is, it is marked."""
    effects, again_at = history.observe(sighting, HEALTHY_FOR, NOW)
    if again_at is None:
        return
    assert again_at > NOW
    assert not any(isinstance(effect, MarkRevision) for effect in effects)
    assert [mark.health for mark in marks(sighting, again_at)] == ["Healthy"]
    assert not marks(sighting, again_at - timedelta(microseconds=1))


def applied(sighting: history.Sighting, now: datetime) -> history.Sighting:
    """What the API server makes of the effects."""
    records = {record.name: record for record in sighting.records}
    for effect in history.observe(sighting, HEALTHY_FOR, now)[0]:
        match effect:
            case RememberRevision():
                new = a_record(effect.template_hash, first_seen=effect.first_seen, health=effect.health, uid="new")
                assert new.name not in records, "remembered twice"
                records[new.name] = replace(
                    new, ever_healthy=False, health_since=effect.health_since, live_since=effect.live_since
                )
            case MarkRevision():
                records[effect.record] = replace(records[effect.record], health=effect.health, health_since=effect.at)
            case MarkRelease():
                records[effect.record] = replace(records[effect.record], live_since=effect.live_since)
            case ForgetRevision():
                assert records[effect.record].uid == effect.uid
                del records[effect.record]
            case _:
                raise AssertionError(effect)
    return replace(sighting, records=tuple(records.values()))


@many
@given(sightings())
def test_records_stay_under_the_cap_and_those_that_may_return_stay(sighting: history.Sighting) -> None:
    """Nothing that an undo could go to is forgotten, nor the newest five that were proven."""
    after = applied(applied(sighting, NOW), NOW)
    reachable = {revision.template_hash for revision in sighting.revisions} | {sighting.workload.template_hash}
    left = {record.template_hash for record in after.records}
    assert reachable <= left
    assert len([record for record in after.records if record.template_hash not in reachable]) <= CAP + 5
    newest_first = sorted(after.records, key=lambda record: record.first_seen, reverse=True)
    spared = [record for record in newest_first[CAP:] if record.template_hash not in reachable]
    assert all(record.health == "Healthy" for record in spared)


@many
@given(sightings())
def test_in_one_moment_it_comes_to_rest(sighting: history.Sighting) -> None:
    for _ in range(4):
        after = applied(sighting, NOW)
        if after == sighting:
            return
        sighting = after
    raise AssertionError("still something to remember, mark or forget")
