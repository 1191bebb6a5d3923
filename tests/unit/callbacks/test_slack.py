"""What comes back from Slack: only what its app has signed just now, and of that only our buttons."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.callbacks import slack
from platelet.model.notification import OF_A_JOB
from platelet.model.rules import Incoming
from tests.published import slack as published

# Slack's own example: docs.slack.dev, "Verifying requests from Slack".
SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
FIELDS = {
    "token": "xyzz0WbapA4vBCDEFasx0q6G",
    "team_id": "T1DC2JH3J",
    "team_domain": "testteamnow",
    "channel_id": "G8PSS9T3V",
    "channel_name": "foobar",
    "user_id": "U2CERLKJA",
    "user_name": "roadrunner",
    "command": "/webhook-collect",
    "text": "",
    "response_url": "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN",
    "trigger_id": "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
}
BODY = urlencode(FIELDS).encode()
SIGNATURE = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
THEN = datetime.fromtimestamp(int(TIMESTAMP), UTC)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BUTTON = {"type": "button", "action_id": "platelet-approve", "value": "rem-1 1-1-abc"}


def fault(signature: str = f"v0={SIGNATURE}", body: bytes = BODY, *keys: bytes, **changes: Any) -> str:
    headers = {"x-slack-signature": signature, "x-slack-request-timestamp": changes.get("timestamp", TIMESTAMP)}
    return slack.find_fault(Incoming(headers=headers, body=body), keys or (SECRET,), changes.get("now", THEN))


def test_the_published_example_is_from_there() -> None:
    assert fault() == ""


@pytest.mark.parametrize(("seconds", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_it_is_taken_within_five_minutes_only(seconds: int, taken: bool) -> None:  # noqa: FBT001
    assert (fault(now=THEN + timedelta(seconds=seconds)) == "") is taken


NOT_SIGNED: dict[str, str] = {
    "without a signature": fault(""),
    "without its version": fault(SIGNATURE),
    "of another version": fault(f"v1={SIGNATURE}"),
    "an empty one": fault("v0="),
    "half of it": fault(f"v0={SIGNATURE[:32]}"),
    "without a timestamp": fault(timestamp=""),
    "with a timestamp that is none": fault(timestamp="now"),
    "with another timestamp": fault(timestamp=str(int(TIMESTAMP) + 1)),
    "with a timestamp in other digits": fault(timestamp="\u0661" * 10),
    "with a timestamp of the far future": fault(timestamp="9" * 12),
    "with another key": fault(f"v0={SIGNATURE}", BODY, b"another signing secret of a Slack app"),
}


@pytest.mark.parametrize("why", NOT_SIGNED.values(), ids=NOT_SIGNED)
def test_what_is_not_signed_is_refused(why: str) -> None:
    assert why != ""


@given(place=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_body_is_refused(place: int, bit: int) -> None:
    flipped = bytearray(BODY)
    flipped[place] ^= 1 << bit
    assert fault(f"v0={SIGNATURE}", bytes(flipped)) != ""


@given(place=st.integers(0, len(SIGNATURE) - 1), other=st.sampled_from("0123456789abcdef"))
def test_a_changed_digit_of_the_signature_is_refused(place: int, other: str) -> None:
    changed = SIGNATURE[:place] + other + SIGNATURE[place + 1 :]
    assert (fault(f"v0={changed}") == "") == (changed == SIGNATURE)


@pytest.mark.parametrize("word", ["Acknowledge", "Approve", "Reject"])
def test_a_button_says_who_has_answered_what_to_which_token(word: str) -> None:
    button = {**BUTTON, "action_id": f"platelet-{word.lower()}"}
    reply = slack.read(published.pressed(button, "s", NOW)[1])
    assert reply is not None
    assert (reply.uid, reply.word, reply.token, reply.at) == ("rem-1", word, "1-1-abc", NOW)
    assert (reply.user, reply.by("slack")) == ("U0123456789", "slack:U0123456789 (ann)")


def test_a_button_of_a_failed_job_says_of_which() -> None:
    button = {**BUTTON, "action_id": "platelet-acknowledge", "value": "pol-1/job/feed 1234"}
    reply = slack.read(published.pressed(button, "s", NOW)[1])
    assert reply is not None
    assert (reply.uid, reply.course, reply.known_as) == ("pol-1", OF_A_JOB, "feed")
    assert (reply.word, reply.token) == ("Acknowledge", "1234")


def payload(**changes: Any) -> bytes:
    """What a button of ours sends, with other fields."""
    form = parse_qs(published.pressed(BUTTON, "s", NOW)[1].decode())
    return urlencode({"payload": json.dumps(json.loads(form["payload"][0]) | changes)}).encode()


NOT_FOR_US = {
    "a button of others": payload(actions=[{**BUTTON, "action_id": "deploy"}]),
    "a shortcut": payload(type="shortcut"),
    "a list": urlencode({"payload": "[]"}).encode(),
}


@pytest.mark.parametrize("body", NOT_FOR_US.values(), ids=NOT_FOR_US)
def test_what_is_no_button_of_ours_is_passed_over(body: bytes) -> None:
    assert slack.read(body) is None


PRESSED = {**BUTTON, "action_ts": "1.5"}
NO_PAYLOADS = {
    "nothing": b"",
    "a command": BODY,
    "no UTF-8": b"payload=\xff\xfe",
    "no JSON": b"payload=x",
    "no actions": payload(actions=[]),
    "actions that are none": payload(actions=["x"]),
    "a value without a token": payload(actions=[{**PRESSED, "value": "rem-1"}]),
    "no value": payload(actions=[{**PRESSED, "value": None}]),
    "no user": payload(user=None),
    "a user without an ID": payload(user={"username": "ann"}),
    "no moment": payload(actions=[{**PRESSED, "action_ts": "soon"}]),
    "a moment beyond all time": payload(actions=[{**PRESSED, "action_ts": "1e99"}]),
    "a moment that is no number": payload(actions=[{**PRESSED, "action_ts": "nan"}]),
    "too many fields": b"&".join(b"a=1" for _ in range(100)),
    "nested too deep": urlencode({"payload": "[" * 100_000}).encode(),
}


@pytest.mark.parametrize("body", NO_PAYLOADS.values(), ids=NO_PAYLOADS)
def test_what_is_no_payload_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it, nothing of it is repeated
        slack.read(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_passed_over_or_an_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert slack.read(body) is None
