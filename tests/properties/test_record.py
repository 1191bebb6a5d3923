"""A Remediation's status: bounded whatever is merged, honest about what was dropped, unchanged by what is known."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from platelet.api.kinds import remediation as contract
from platelet.core import record
from platelet.model.remediation import MAX_ATTEMPTS, MAX_DECISIONS, MAX_EVIDENCE, RemediationStatus
from platelet.model.signal import Evidence
from tests.unit.situations import NOW, a_signal, a_status, an_alert, an_attempt, evidence_of, seconds

LONGEST_OBJECT = 1_000_000  # bytes; etcd takes 1.5 MB
usual = settings(max_examples=200, deadline=None)
times = st.integers(0, 7200).map(seconds)


@st.composite
def facts(draw: st.DrawFn) -> Evidence:
    """Of pods and of alerts, known and new, firing and resolved, in no order of time."""
    signal = draw(st.sampled_from((a_signal(), an_alert())))
    at = NOW + draw(times)
    fingerprint = f"{signal.source}/{draw(st.integers(0, 40))}"
    resolved = signal.source == "alert" and draw(st.booleans())
    return evidence_of(signal, fingerprint=fingerprint, last_seen=at, resolved_at=at if resolved else None)


@usual
@given(st.lists(facts(), max_size=60))
def test_evidence_is_bounded_and_one_line_per_fingerprint(merged: list[Evidence]) -> None:
    status = a_status(evidence=())
    for fact in merged:
        before, status = status, record.merge_evidence(status, fact)
        assert len(status.evidence) <= MAX_EVIDENCE
        names = [fact.fingerprint for fact in status.evidence]
        assert len(set(names)) == len(names)
        assert status.evidence_dropped >= before.evidence_dropped
        assert all(1 <= fact.count <= len(merged) for fact in status.evidence)
    distinct = len({fact.fingerprint for fact in merged})
    assert (status.evidence_dropped > 0) >= (distinct > MAX_EVIDENCE)


@usual
@given(st.lists(facts(), max_size=30), facts())
def test_a_fact_that_was_just_merged_says_nothing_new(merged: list[Evidence], fact: Evidence) -> None:
    """At-least-once delivery changes nothing."""
    status = a_status(evidence=())
    for other in merged:
        status = record.merge_evidence(status, other)
    once = record.merge_evidence(status, fact)
    assert record.merge_evidence(once, fact).evidence == once.evidence


@usual
@given(st.lists(facts(), max_size=30))
def test_an_alert_that_has_ended_stays_ended(merged: list[Evidence]) -> None:
    """Whatever is delivered late."""
    status = a_status(evidence=())
    ended: dict[str, object] = {}
    for fact in merged:
        status = record.merge_evidence(status, fact)
        now_known = {fact.fingerprint: fact.resolved_at for fact in status.evidence}
        for name, at in ended.items():
            assert now_known.get(name, at) == at or name not in now_known
        ended = {name: at for name, at in now_known.items() if at is not None}


@usual
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("Cooldown", "Paused")), st.integers(0, 2)), max_size=80)
)
def test_every_decision_is_noted_or_counted(notes: list[tuple[str, str, int]]) -> None:
    """Also each "no" (I27): new reasons get a line, new words for the same reason are counted on it."""
    status = a_status()
    changes, lines = 0, 0
    last: tuple[str, str] | None = None
    words = -1
    for number, (by, reason, message) in enumerate(notes):
        at = NOW + seconds(number)
        status = record.note(status, at, step="s", by=by, reason=reason, message=str(message))
        assert record.note(status, at, step="s", by=by, reason=reason, message=str(message)) == status
        changes += (by, reason) != last or message != words
        lines += (by, reason) != last
        last, words = (by, reason), message
        assert len(status.decisions) <= MAX_DECISIONS
    assert len(status.decisions) + status.decisions_dropped == lines
    if not status.decisions_dropped:
        assert sum(decision.count for decision in status.decisions) == changes
    assert all(decision.first_at <= decision.last_at for decision in status.decisions)


@usual
@given(st.lists(st.integers(0, 40), max_size=60))
def test_attempts_are_bounded_keep_their_order_and_are_never_doubled(numbers: list[int]) -> None:
    status = a_status()
    for number in numbers:
        attempt = an_attempt(id=f"rem-1/{number}/1", summary=f"{number}")
        status = record.put_attempt(status, attempt)
        assert record.put_attempt(status, attempt) == status
        assert attempt in status.attempts, "the newest is never the one that is dropped"
        assert len(status.attempts) <= MAX_ATTEMPTS
    names = [attempt.id for attempt in status.attempts]
    assert len(set(names)) == len(names)
    if len(set(numbers)) <= MAX_ATTEMPTS:
        assert names == [f"rem-1/{number}/1" for number in dict.fromkeys(numbers)]


@usual
@given(st.text(max_size=1100), st.integers(1, 1100))
def test_a_text_is_cut_to_what_the_api_admits(text: str, length: int) -> None:
    cut = record.clip(text, length)
    assert len(cut) <= length
    assert record.clip(cut, length) == cut
    assert (cut == text) == (len(text) <= length)


def test_a_status_that_is_full_of_the_longest_texts_fits_into_one_object() -> None:
    """I27: a Remediation never outgrows what the API server stores, with four bytes for every character."""
    longest, short = "\U0001f525" * 1024, "\U0001f525" * 256
    status = RemediationStatus(message=longest, opened_at=NOW)
    for number in range(100):
        fact = evidence_of(an_alert(), fingerprint=f"{number:03}{short[3:]}", message=longest, reason=short)
        status = record.merge_evidence(status, fact)
        by = f"{number:03}{short[3:]}"
        status = record.note(status, NOW, step=short, by=by, reason=short, message=longest)
        attempt = an_attempt(id=f"{number:03}{short[3:]}", summary=longest, message=longest, verdict_message=longest)
        status = record.put_attempt(status, attempt)
        status = record.set_condition(status, ("Recovered", "Escalated")[number % 2], short, longest, NOW)
    written = contract.write_status(record.close(status, short, longest, NOW))
    assert len(repr(written).encode()) < LONGEST_OBJECT


def test_waiting_longer_for_the_same_reason_is_not_a_new_decision() -> None:
    """The trace says it once, with the newest `until` beside it."""
    words = {"step": "s", "by": "cooldown", "reason": "Cooldown", "message": "the last action was at 12:00"}
    once = record.wait(a_status(), NOW, until=NOW + timedelta(minutes=1), **words)
    again = record.wait(once, NOW + seconds(30), until=NOW + timedelta(minutes=1), **words)
    assert again == once
    assert replace(again.decisions[0]).count == 1
