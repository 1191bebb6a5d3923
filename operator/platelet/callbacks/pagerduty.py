"""PagerDuty, by its V3 webhooks: who acknowledges or resolves an incident there has heard of ours.

Payload, signature and behaviour: developer.pagerduty.com, "Webhooks": Overview, Verifying Signatures, Behavior. An
event carries no time that is signed apart from its body; a repeated one says when it occurred, so it acknowledges
nothing that people were told later. After three answers 4xx in a row PagerDuty sends nothing for a day: what is signed
and is not for us is answered 200.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import reply
from platelet.model.durations import CAMEL
from platelet.model.reply import Reply
from platelet.model.request import SecretRef
from platelet.model.rules import Callback, Incoming
from platelet.model.signature import is_signed

NAME = "pagerduty"
HEADER = "x-pagerduty-signature"
_VERSION = "v1="
_ACKNOWLEDGING = ("incident.acknowledged", "incident.resolved")


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyWebhooks:
    """Webhook subscriptions in PagerDuty (V3) whose events come back."""

    secret_refs: Annotated[
        tuple[SecretRef, ...],
        Field(
            min_length=1,
            max_length=8,
            description="The secret of each subscription, in Secrets of this namespace. An event is taken that is "
            "signed with one of them.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def find_fault(incoming: Incoming, keys: Sequence[bytes], _now: datetime) -> str:
    """Why it is not from there; while a secret is changed, a request has several signatures."""
    parts = [part.strip() for part in incoming.headers.get(HEADER, "").split(",")]
    signatures = [part.removeprefix(_VERSION) for part in parts if part.startswith(_VERSION)]
    if not signatures:
        return "it has no signature of version v1"
    return "" if is_signed(incoming.body, signatures, keys) else "no signature fits"


def read(body: bytes) -> Reply | None:
    """Read an event; None for those that are no answer of a person to us. Raises ValueError where it is no event."""
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    event = _object(content, "event")
    if event.get("event_type") not in _ACKNOWLEDGING:
        return None
    data = _object(event, "data")
    key, agent = data.get("incident_key"), event.get("agent")
    if not isinstance(key, str) or not key.startswith(reply.KEY_PREFIX):
        return None
    if not isinstance(agent, Mapping) or agent.get("type") != "user_reference":
        return None  # by an integration, such as our own events, or by a rule: no person has heard
    uid, course, known_as = reply.read_about(key.removeprefix(reply.KEY_PREFIX))
    return Reply(
        uid=uid,
        course=course,
        known_as=known_as,
        word="Acknowledge",
        user=_text(agent, "id"),
        name=_text(agent, "summary"),
        at=_moment(event),
    )


def _object(parent: object, name: str) -> Mapping[str, Any]:
    value = parent.get(name) if isinstance(parent, Mapping) else None
    if not isinstance(value, Mapping):
        raise ValueError(f"it has no object {name}")  # noqa: TRY004 - all that is wrong with it is one error
    return value


def _text(parent: Mapping[str, Any], name: str) -> str:
    value = parent.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"agent.{name} is no text")
    return value


def _moment(event: Mapping[str, Any]) -> datetime:
    """When it occurred. Raises ValueError where that is no moment."""
    moment = datetime.fromisoformat(str(event.get("occurred_at")))
    if moment.tzinfo is None:
        raise ValueError("occurred_at has no time zone")
    return moment


CALLBACK = Callback(
    name=NAME,
    settings=PagerDutyWebhooks,
    keys=lambda settings: settings.secret_refs,
    find_fault=find_fault,
    read=read,
    shows_refusals=False,
)
