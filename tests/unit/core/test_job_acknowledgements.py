"""Who has heard of a failed Job: by the token of its record, in whoever's name, once; and what that ends."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from platelet.core import job_acknowledgements, job_notices
from platelet.core.job_notices import Announcement
from platelet.model import approval
from platelet.model.effects import Publish
from platelet.model.escalation_levels import Level
from platelet.model.failed_job import FailedJob
from platelet.model.policy import Policy
from tests.unit.core.test_job_notices import FIRST, NOBODY, SECOND, a_job, called, of
from tests.unit.situations import NOW, minutes

POLICY = of(FIRST, SECOND)
LEDGER, (CALLED,) = job_notices.climb(POLICY, [a_job()], NOBODY, NOW)
TOKEN = approval.JOB_ACKNOWLEDGED + CALLED.token(POLICY.uid)


def hear(entry: FailedJob, annotations: Mapping[str, object], policy: Policy = POLICY) -> Announcement:
    return job_acknowledgements.hear(policy, annotations, [entry], LEDGER, NOW + minutes(1))


def test_who_has_heard_is_on_record_ends_the_levels_and_is_told_to_all_who_were_called() -> None:
    news = hear(CALLED, {TOKEN: "ann"})
    (entry,) = news.listed
    assert entry.call is not None
    assert (entry.call.acknowledged_by, entry.call.acknowledged_at) == ("ann", NOW + minutes(1))
    states = [(known.kind, known.sink, known.state, known.acknowledged_by) for known in news.ledger.notifications]
    assert states == [("JobFailed", "oncall", "Acknowledged", "ann")], "a webhook hears no acknowledgement"
    assert called(POLICY, entry, NOW + minutes(90), news.ledger) == []
    assert job_notices.next_at(POLICY, [entry], news.ledger, NOW + minutes(2)) is None
    assert [type(effect) for effect in news.effects] == [Publish], "an Event on the policy"
    assert hear(entry, {TOKEN: "bob"}).listed == (entry,), "the first one stands"


def test_a_level_until_resolved_goes_on() -> None:
    lasting = of(FIRST, replace(SECOND, until="Resolved", repeat_every=minutes(30)))
    (entry,) = hear(CALLED, {TOKEN: "ann"}, lasting).listed
    assert called(lasting, entry, NOW + minutes(65)) == [("lead", "job/level-2/repeat-1")]


later = replace(CALLED, since=NOW + timedelta(days=1))
VAIN: dict[str, tuple[FailedJob, Mapping[str, object]]] = {
    "nobody has said anything": (CALLED, {}),
    "nobody's name": (CALLED, {TOKEN: ""}),
    "no text": (CALLED, {TOKEN: 7}),
    "of another policy": (CALLED, {approval.JOB_ACKNOWLEDGED + CALLED.token("uid-other"): "ann"}),
    "of an earlier failure": (later, {TOKEN: "ann"}),
    "it is over": (replace(CALLED, resolved_at=NOW), {TOKEN: "ann"}),
    "nobody is called for it": (replace(CALLED, call=None), {TOKEN: "ann"}),
}


@pytest.mark.parametrize(("entry", "annotations"), VAIN.values(), ids=VAIN)
def test_what_is_no_acknowledgement(entry: FailedJob, annotations: Mapping[str, object]) -> None:
    assert hear(entry, annotations) == Announcement(listed=(entry,), ledger=LEDGER, effects=())


def test_a_name_of_two_megabytes_is_cut() -> None:
    (entry,) = hear(CALLED, {TOKEN: "a" * 2_000_000}).listed
    assert entry.call is not None
    assert len(entry.call.acknowledged_by) <= 256


def test_what_a_level_is_still_to_be_told_is_not_told_any_more() -> None:
    both = of(FIRST, Level(after=timedelta(), sinks=("chat",), until="Resolved", severities=("warning",)))
    ledger, (entry,) = job_notices.climb(both, [a_job()], NOBODY, NOW)
    news = job_acknowledgements.hear(both, {TOKEN: "ann"}, [entry], ledger, NOW)
    states = {known.sink: known.state for known in news.ledger.notifications if known.kind == "JobFailed"}
    assert states == {"oncall": "Acknowledged", "chat": "Pending"}, "chat hears until it is over"
