"""What comes back from PagerDuty: only what its secret has signed, and of that only what a person answered to us."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.callbacks import pagerduty
from platelet.model.notification import OF_A_JOB, OF_AN_ALERT, Course
from platelet.model.rules import Incoming
from tests.published import pagerduty as published

# PagerDuty's own example: github.com/PagerDuty/go-pagerduty, webhookv3/webhookv3_test.go.
SECRET = b"lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
SIGNATURE = "0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"
URL = "https://acme.pagerduty.com"
API = "https://api.pagerduty.com"


def reference(kind: str, plural: str, id_: str, summary: str) -> dict[str, str]:
    return {
        "html_url": f"{URL}/{plural}/{id_}",
        "id": id_,
        "self": f"{API}/{plural}/{id_}",
        "summary": summary,
        "type": kind,
    }


EXAMPLE: dict[str, Any] = {
    "event": {
        "id": "01BWDWL3NYY7LUFPZCC28QUCMK",
        "event_type": "incident.priority_updated",
        "resource_type": "incident",
        "occurred_at": "2021-04-26T17:36:27.458Z",
        "agent": reference("user_reference", "users", "PLH1HKV", "Tenex Engineer"),
        "client": None,
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "self": f"{API}/incidents/PGR0VU2",
            "html_url": f"{URL}/incidents/PGR0VU2",
            "number": 2,
            "status": "triggered",
            "title": "A little bump in the road",
            "service": reference("service_reference", "services", "PF9KMXH", "API Service"),
            "assignees": [reference("user_reference", "users", "PTUXL6G", "User 123")],
            "escalation_policy": reference("escalation_policy_reference", "escalation_policies", "PUS0KTE", "Default"),
            "teams": [reference("team_reference", "teams", "PFCVPS0", "Engineering")],
            "priority": {
                "html_url": f"{URL}/account/incident_priorities",
                "id": "PSO75BM",
                "self": f"{API}/priorities/PSO75BM",
                "summary": "P1",
                "type": "priority_reference",
            },
            "urgency": "high",
            "conference_bridge": {"conference_number": 1000, "conference_url": "https://example.com"},
            "resolve_reason": None,
        },
    }
}
BODY = json.dumps(EXAMPLE, separators=(",", ":")).encode()
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OURS = ("platelet/rem-1", "s" * 32)


def fault(signature: str | None, body: bytes = BODY, *keys: bytes) -> str:
    headers = {} if signature is None else {"x-pagerduty-signature": signature}
    return pagerduty.find_fault(Incoming(headers=headers, body=body), keys or (SECRET,), NOW)


SIGNED = {
    "the published example": f"v1={SIGNATURE}",
    "one of several, while the secret is changed": f"v1={'0' * 64},v1={SIGNATURE}",
    "one of several with a blank between": f"v1={'0' * 64}, v1={SIGNATURE}",
    "beside a version that nobody knows": f"v2={'0' * 64},v1={SIGNATURE}",
}


@pytest.mark.parametrize("signature", SIGNED.values(), ids=SIGNED)
def test_what_the_secret_has_signed_is_from_there(signature: str) -> None:
    assert fault(signature) == ""


def test_any_of_the_secrets_may_have_signed() -> None:
    assert fault(f"v1={SIGNATURE}", BODY, b"another secret of some length", SECRET) == ""


NOT_SIGNED: dict[str, str | None] = {
    "no header": None,
    "an empty one": "",
    "no version": SIGNATURE,
    "another version only": f"v0={SIGNATURE}",
    "an empty signature": "v1=",
    "half of it": f"v1={SIGNATURE[:32]}",
    "more than it": f"v1={SIGNATURE}00",
    "what is no ASCII": "v1=\udcff\udce9",
}


@pytest.mark.parametrize("signature", NOT_SIGNED.values(), ids=NOT_SIGNED)
def test_what_is_not_signed_is_refused(signature: str | None) -> None:
    assert fault(signature) != ""


def test_without_a_key_nothing_is_signed() -> None:
    assert pagerduty.find_fault(Incoming(headers={"x-pagerduty-signature": f"v1={SIGNATURE}"}, body=BODY), (), NOW)


@given(place=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_body_is_refused(place: int, bit: int) -> None:
    flipped = bytearray(BODY)
    flipped[place] ^= 1 << bit
    assert fault(f"v1={SIGNATURE}", bytes(flipped)) != ""


@given(place=st.integers(0, len(SIGNATURE) - 1), other=st.sampled_from("0123456789abcdef"))
def test_a_changed_digit_of_the_signature_is_refused(place: int, other: str) -> None:
    changed = SIGNATURE[:place] + other + SIGNATURE[place + 1 :]
    assert (fault(f"v1={changed}") == "") == (changed == SIGNATURE)


@given(place=st.integers(0, len(SECRET) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_key_is_refused(place: int, bit: int) -> None:
    flipped = bytearray(SECRET)
    flipped[place] ^= 1 << bit
    assert fault(f"v1={SIGNATURE}", BODY, bytes(flipped)) != ""


@pytest.mark.parametrize("event_type", ["incident.acknowledged", "incident.resolved"])
def test_who_acknowledges_or_resolves_there_has_heard(event_type: str) -> None:
    _, body = published.webhook(*OURS, event_type=event_type, occurred_at=NOW)
    reply = pagerduty.read(body)
    assert reply is not None
    assert (reply.uid, reply.word, reply.token, reply.at) == ("rem-1", "Acknowledge", "", NOW)
    assert reply.by("pagerduty") == "pagerduty:PLH1HKV (Tenex Engineer)"


ABOUT: dict[str, tuple[str, str, Course | None, str]] = {
    "an incident": ("platelet/rem-1", "rem-1", None, ""),
    "a failed Job on record of a policy": ("platelet/pol-1/job/feed", "pol-1", OF_A_JOB, "feed"),
    "an alert without a target": ("platelet/pol-1/untargeted/feed", "pol-1", OF_AN_ALERT, "feed"),
    "a Job without a record": ("platelet/pol-1/job/", "pol-1/job/", None, ""),
    "a Job of no policy": ("platelet//job/feed", "/job/feed", None, ""),
    "what no policy has on record": ("platelet/pol-1/pod/feed", "pol-1/pod/feed", None, ""),
}


@pytest.mark.parametrize(("key", "uid", "course", "known_as"), ABOUT.values(), ids=ABOUT)
def test_the_key_says_what_it_is_about(key: str, uid: str, course: Course | None, known_as: str) -> None:
    reply = pagerduty.read(published.webhook(key, OURS[1], occurred_at=NOW)[1])
    assert reply is not None
    assert (reply.uid, reply.course, reply.known_as) == (uid, course, known_as)


def event(**changes: Any) -> bytes:
    """An acknowledgement with other fields; None: without it."""
    content = json.loads(published.webhook(*OURS, occurred_at=NOW)[1])
    for path, value in changes.items():
        *parents, last = path.split("__")
        owner = content["event"]
        for parent in parents:
            owner = owner[parent]
        owner[last] = value
    return json.dumps(content).encode()


NOT_FOR_US = {
    "of another kind": event(event_type="incident.triggered"),
    "taken back": event(event_type="incident.unacknowledged"),
    "a test of the subscription": event(event_type="pagey.ping"),
    "of an incident that others opened": event(data__incident_key="d3640fbd41094207a1c11e58e46b1662"),
    "without a key": event(data__incident_key=None),
    "by nobody": event(agent=None),
    "by an integration, such as our own event": event(agent={"id": "P1", "summary": "x", "type": "service_reference"}),
}


@pytest.mark.parametrize("body", NOT_FOR_US.values(), ids=NOT_FOR_US)
def test_what_is_no_answer_of_a_person_to_us_is_passed_over(body: bytes) -> None:
    assert pagerduty.read(body) is None


NO_EVENTS = {
    "no JSON": b"incident.acknowledged",
    "no UTF-8": b"\xff\xfe",
    "nothing": b"",
    "a list": b"[]",
    "no event": b"{}",
    "an event that is a text": b'{"event": "incident.acknowledged"}',
    "no data": event(data=None),
    "no time": event(occurred_at=None),
    "a time without a zone": event(occurred_at="2026-11-27T12:00:00"),
    "a person without a name": event(agent__summary=None),
    "a person with a number for an id": event(agent__id=7),
    "nested too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it, nothing of it is repeated
        pagerduty.read(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_an_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert pagerduty.read(body) is None


def test_a_name_is_one_short_line() -> None:
    _, body = published.webhook(
        *OURS,
        occurred_at=NOW,
        agent={"id": "P1", "summary": "Ann\nadmin\u202e" + "n" * 300, "type": "user_reference"},
    )
    reply = pagerduty.read(body)
    assert reply is not None
    assert reply.by("pagerduty") == f"pagerduty:P1 (Annadmin{'n' * 92})"
