"""Who is called for a failed Job, level by level: by what is on record and the time, and never twice."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from platelet.core import deliveries, policy_notices, recorded_calls
from platelet.core.deliveries import Ledger
from platelet.core.policy_notices import Listed
from platelet.model.escalation_levels import Level
from platelet.model.failed_job import MAX_FAILED_JOBS, FailedJob
from platelet.model.notification import MAX_NOTIFICATIONS, Notification
from platelet.model.policy import Policy
from platelet.model.recorded_call import RecordedCall
from platelet.model.situation import DeliveryResult
from platelet.sinks.webhook import Webhook
from tests.unit.situations import NOW, a_notification, a_policy, minutes

HOOK = Webhook(url="https://hooks.example.com/oncall")
FIRST = Level(after=timedelta(), sinks=("oncall",))
SECOND = Level(after=minutes(30), sinks=("lead",))
NOBODY = Ledger(notifications=(), most=20)


def of(*wanted: Level) -> Policy:
    return a_policy(levels=wanted, sinks=dict.fromkeys([sink for level in wanted for sink in level.sinks], HOOK))


def a_job(number: int = 1, at: datetime = NOW) -> FailedJob:
    return FailedJob(
        namespace="shop",
        name=f"job-{number}",
        uid=f"u{number}",
        message="it has failed",
        since=NOW,
        failed_at=NOW,
        call=RecordedCall(at=at),
    )


def called(policy: Policy, entry: FailedJob, at: datetime, ledger: Ledger = NOBODY) -> list[tuple[str, str]]:
    """Which sinks are called, and under which id of the Job."""
    climbed, _ = recorded_calls.climb(policy, [entry], ledger, at)
    new = [known for known in climbed.notifications if known not in ledger.notifications]
    return [(known.sink, known.occasion.replace(entry.known_as, "job")) for known in new]


@pytest.mark.parametrize(("after", "expected"), [(0, ["oncall"]), (29, ["oncall"]), (30, ["oncall", "lead"])])
def test_levels_begin_one_after_the_other(after: int, expected: list[str]) -> None:
    assert [sink for sink, _ in called(of(FIRST, SECOND), a_job(), NOW + minutes(after))] == expected


QUIET: dict[str, tuple[FailedJob, Policy]] = {
    "it is over": (replace(a_job(), resolved_at=NOW), of(FIRST)),
    "nobody is called for it": (replace(a_job(), call=None), of(FIRST)),
    "the policy observes": (a_job(), replace(of(FIRST), mode="Observe")),
    "the policy is not ready": (a_job(), replace(of(FIRST), ready=False)),
    "no level is for a warning": (a_job(), of(replace(FIRST, severities=("critical",)))),
    "there is nobody to call": (a_job(), a_policy(sinks={})),
}


def test_a_grave_one_reaches_the_levels_for_that() -> None:
    both = of(replace(FIRST, severities=("critical",)), replace(SECOND, after=timedelta(), severities=("warning",)))
    assert called(both, replace(a_job(), severity="critical"), NOW) == [("oncall", "job")]
    assert called(both, a_job(), NOW) == [("lead", "job/level-2")]


@pytest.mark.parametrize(("entry", "policy"), QUIET.values(), ids=QUIET)
def test_nobody_is_called(entry: FailedJob, policy: Policy) -> None:
    assert called(policy, entry, NOW + minutes(90)) == []


def test_sinks_that_a_policy_has_written_itself_are_told_at_once_and_once() -> None:
    policy = a_policy(sinks={"webhook": HOOK})
    ledger, (noted,) = recorded_calls.climb(policy, [a_job()], NOBODY, NOW)
    assert [(known.sink, known.occasion) for known in ledger.notifications] == [("webhook", noted.known_as)]
    assert recorded_calls.next_at(policy, [noted], ledger, NOW) is None


def test_nothing_is_told_twice_once_its_record_has_made_room() -> None:
    often = replace(FIRST, repeat_every=minutes(15))
    _, (noted,) = recorded_calls.climb(of(often, SECOND), [a_job()], NOBODY, NOW + minutes(20))
    assert called(of(often, SECOND), noted, NOW + minutes(29)) == []
    assert called(of(often, SECOND), noted, NOW + minutes(31)) == [("oncall", "job/repeat-2"), ("lead", "job/level-2")]


def test_a_repetition_waits_while_the_call_itself_is_still_to_be_told() -> None:
    often = replace(FIRST, repeat_every=minutes(15))
    ledger, (noted,) = recorded_calls.climb(of(often), [a_job()], NOBODY, NOW)
    assert called(of(often), noted, NOW + minutes(16), ledger) == []


def test_when_the_next_level_is_due() -> None:
    policy = of(FIRST, SECOND)
    ledger, (noted,) = recorded_calls.climb(policy, [a_job()], NOBODY, NOW)
    assert recorded_calls.next_at(policy, [noted], ledger, NOW) == NOW + minutes(30)


def test_who_was_called_hears_the_end_also_where_only_the_notification_tells_it() -> None:
    """As an older version has left it."""
    entry = a_job()
    known = a_notification(id=f"uid/jobfailed/{entry.known_as}", kind="JobFailed", sink="oncall", state="Delivered")
    over = replace(entry, resolved_at=NOW, resolution="it is gone")
    news = recorded_calls.announce(of(FIRST, SECOND), [entry], [over], replace(NOBODY, notifications=(known,)), NOW)
    assert [(new.kind, new.sink) for new in news.ledger.notifications[1:]] == [("JobOver", "oncall")]


def look(policy: Policy, jobs: tuple[FailedJob, ...], ledger: Ledger, at: datetime) -> policy_notices.Telling:
    return policy_notices.tell(policy, Listed(jobs=jobs), ledger, (), (), at)


def test_what_is_on_its_way_comes_before_the_end() -> None:
    """Whoever learns of a page after its end keeps it for ever."""
    policy, ended = of(FIRST), replace(a_job(), resolved_at=NOW, resolution="it is gone")
    ledger, _ = recorded_calls.climb(policy, [a_job()], NOBODY, NOW)
    (call,) = ledger.notifications

    def states(in_flight: tuple[tuple[str, str], ...]) -> list[str]:
        telling = policy_notices.tell(policy, Listed(jobs=[ended]), ledger, (), in_flight, NOW)
        return [known.state for known in telling.ledger.notifications]

    assert states(()) == ["Withdrawn"]
    assert states(((call.id, call.sink),)) == ["Pending"]


def test_a_crowd_that_nobody_takes_stays_within_bounds_and_is_told_when_it_can_be() -> None:
    """All the Jobs, levels and sinks that there may be, and hours in which nobody is there: none is forgotten."""
    sinks = tuple(f"s{number}" for number in range(8))
    often = [Level(after=minutes(10 * number), sinks=sinks, repeat_every=minutes(5)) for number in range(6)]
    policy, ledger = of(*often), NOBODY
    jobs = tuple(a_job(number) for number in range(MAX_FAILED_JOBS))
    for number in range(12):
        telling = look(policy, jobs, ledger, NOW + minutes(5 * number))
        jobs, ledger = telling.jobs, telling.ledger
        assert len(ledger.notifications) <= MAX_NOTIFICATIONS
    taken: set[tuple[str, str]] = set()
    for second in range(30):
        waiting = [known for known in ledger.notifications if known.state == "Pending"]
        taken |= {(known.known_as, known.sink) for known in waiting}
        at = NOW + minutes(60) + timedelta(seconds=second)
        ledger = replace(ledger, notifications=deliveries.account(ledger.notifications, take(waiting), at))
        telling = look(policy, jobs, ledger, at)
        jobs, ledger = telling.jobs, telling.ledger
    assert {(job.known_as, sink) for job in jobs for sink in sinks} - taken == set()


def take(waiting: list[Notification]) -> tuple[DeliveryResult, ...]:
    """A sink takes all of it."""
    return tuple(
        DeliveryResult(id=known.id, sink=known.sink, number=known.tries + 1, delivered=True) for known in waiting
    )


def test_a_notice_of_a_job_knows_what_is_on_record_of_telling_people_of_it_and_of_no_other() -> None:
    both = (a_job(1), a_job(2, NOW + minutes(1)))
    ledger, listed = recorded_calls.climb(of(FIRST), both, NOBODY, NOW + minutes(1))
    (kept,) = recorded_calls.calls_for(listed[0], ledger.notifications)
    over = replace(kept, id=f"uid-policy/jobover/{kept.known_as}", kind="JobOver")
    notice = recorded_calls.notice_of(of(FIRST), over, listed, (), (*ledger.notifications, over))
    assert (notice.job, notice.told) == (listed[0], (kept, over))
