"""Slack, by buttons on a message: what people press comes to the request URL of an app of their own.

Signature and time: docs.slack.dev, "Verifying requests from Slack"; payload: "block_actions". What a button is about
stands in its value, with the token of exactly what was shown: pressed again, or after that has changed, it is nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qs

from pydantic import ConfigDict, Field

from platelet.model import reply
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL
from platelet.model.reply import Reply
from platelet.model.request import SecretRef
from platelet.model.rules import Callback, Incoming
from platelet.model.signature import is_signed

NAME = "slack"
SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
_VERSION = "v0="
_FRESH = timedelta(minutes=5)
_MOST_FIELDS = 10  # of the form; there is one
UserId = Annotated[
    str,
    Matches("^[UW][A-Z0-9]+$", "not the ID of a user in Slack, such as U0123456789", goes_on=True),
    Field(max_length=32),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackApp:
    """An app in Slack with interactivity: its messages have buttons."""

    secret_ref: Annotated[SecretRef, Field(description="The app's signing secret, in a Secret of this namespace.")]
    approvers: Annotated[
        tuple[UserId, ...],
        Field(
            max_length=50,
            description="The IDs of the users who may approve or reject plans. Empty: nobody may. All who see the "
            "message may acknowledge.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def find_fault(incoming: Incoming, keys: Sequence[bytes], now: datetime) -> str:
    """Why it is not from there, or too old."""
    timestamp = incoming.headers.get(TIMESTAMP, "")
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        return "it has no timestamp"
    if abs(now.timestamp() - int(timestamp)) > _FRESH.total_seconds():
        return "its timestamp is not within five minutes of now"
    signature = incoming.headers.get(SIGNATURE, "")
    message = b"v0:" + timestamp.encode() + b":" + incoming.body
    fits = signature.startswith(_VERSION) and is_signed(message, [signature.removeprefix(_VERSION)], keys)
    return "" if fits else "its signature does not fit"


def read(body: bytes) -> Reply | None:
    """Read what was pressed; None where it is no button of ours. Raises ValueError where it is no such payload."""
    try:
        form = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
        payload = json.loads(form.get("payload", [""])[0])
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(payload, Mapping) or payload.get("type") != "block_actions":
        return None
    pressed = _first(payload.get("actions"))
    word = reply.WORDS.get(str(pressed.get("action_id")))
    if word is None:
        return None
    about, _, token = str(pressed.get("value")).partition(" ")
    if not about or not token:
        raise ValueError("the button has no value of ours")
    user = payload.get("user")
    if not isinstance(user, Mapping) or not isinstance(user.get("id"), str) or not user["id"]:
        raise ValueError("it has no user")
    name = user.get("username") or user.get("name") or ""
    uid, course, known_as = reply.read_about(about)
    return Reply(
        uid=uid,
        course=course,
        known_as=known_as,
        word=word,
        user=user["id"],
        name=str(name),
        token=token,
        at=_moment(pressed),
    )


def _first(actions: object) -> Mapping[str, Any]:
    first = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(first, Mapping):
        raise ValueError("it has no actions")  # noqa: TRY004 - all that is wrong with it is one error
    return first


def _moment(pressed: Mapping[str, Any]) -> datetime:
    """When it was pressed. Raises ValueError where that is no moment."""
    try:
        return datetime.fromtimestamp(float(str(pressed.get("action_ts"))), UTC)
    except (OverflowError, OSError):
        raise ValueError("action_ts is no moment") from None


CALLBACK = Callback(
    name=NAME,
    settings=SlackApp,
    keys=lambda settings: (settings.secret_ref,),
    find_fault=find_fault,
    read=read,
    shows_refusals=True,
    approvers=lambda settings: settings.approvers,
)
