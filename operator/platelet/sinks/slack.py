"""Slack, by its Web API: one message for each thing that people are called for, kept as it stands; news are its thread.

`chat.postMessage` knows no key for repetitions: a crash between its answer and our record can post the message, or what
is said in the thread, a second time. Limits: api.slack.com/reference/block-kit/blocks and /docs/rate-limits.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import answerable, approval, gravity, incident_logs, log_tail, reasons, recent_change, responders
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL, say_time
from platelet.model.notice import Notice
from platelet.model.notification import CALLS, ON_RECORD, Notification, was_announced_to, was_called
from platelet.model.remediation import Remediation
from platelet.model.reply import WORDS
from platelet.model.request import Answer, Destination, Outcome, Request, SecretKey, SecretRef
from platelet.model.rules import Sink

NAME = "slack"
TEXT_LENGTH = 3000  # of a section, and of what notifications show
HEADER_LENGTH = 150
FIELD_LENGTH = 2000
_STANDINGS = {
    "ApprovalNeeded": "APPROVAL NEEDED",
    "Held": "HELD",
    "Announced": "UPDATE",
    "Escalated": "ESCALATED",
    "Acknowledged": "ACKNOWLEDGED",
    "Answered": "ANSWERED",
    "Acted": "ACTED",
    "Recovered": "RECOVERED, WATCHED",
    "Resolved": "RESOLVED",
    "Untargeted": "ALERT WITHOUT A TARGET",
    "UntargetedAcknowledged": "ACKNOWLEDGED",
    "UntargetedOver": "ALERT WITHOUT A TARGET IS OVER",
    "JobFailed": "JOB FAILED",
    "JobAcknowledged": "ACKNOWLEDGED",
    "JobOver": "JOB NO LONGER FAILED",
}
_OF_THE_MESSAGE = frozenset(
    {"msg_too_long", "invalid_blocks", "invalid_arguments", "message_not_found", "cant_update_message"}
)  # the same again would be refused again; all else people can mend in Slack
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HALF_AN_ENTITY = re.compile(r"&[a-z]{0,4}$")
_ENDPOINT_RULE = "not the endpoint of Slack's API: https://slack.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """A channel in Slack, by an app of your own with the scope chat:write that is a member of it."""

    channel: Annotated[
        str,
        Matches("^[CGD][A-Z0-9]+$", "not the ID of a channel, such as C0123456789", goes_on=True),
        Field(max_length=32, description="Its ID, such as C0123456789."),
    ]
    token_ref: Annotated[SecretRef, Field(description="The app's bot token, in a Secret of this namespace.")]
    url: Annotated[
        str,
        Matches("^https?://[^/]+$", _ENDPOINT_RULE, goes_on=True),
        Field(max_length=253, description="Where Slack's API is; its host must be among allowedHosts."),
    ] = "https://slack.com"

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def tells(notice: Notice) -> bool:
    """What calls people, and what steps say; and what follows, once it has heard of this incident."""
    policy, remediation, name = notice.policy, notice.remediation, notice.route or NAME
    if policy is None or name not in policy.sinks:
        return False
    if notice.kind in ON_RECORD:
        return notice.reason != reasons.ANOTHER_CLUSTER
    if remediation is None or notice.kind not in _STANDINGS:
        return False
    known = remediation.status.notifications
    return notice.kind in (*CALLS, "Announced") or was_called(known, name) or was_announced_to(known, name)


def render(notice: Notice) -> tuple[Request, ...]:
    """Post the message, or bring it up to date; then say in its thread what has happened."""
    policy, remediation = notice.policy, notice.remediation
    if policy is None or not tells(notice):
        return ()
    settings: Slack = policy.sinks[notice.route or NAME]
    ask = partial(_request, settings, settings.token_ref.within(policy.namespace))
    message = _message(notice, remediation) if remediation is not None else _message_of_record(notice)
    known = remediation.status.notifications if remediation is not None else notice.told
    root = _root(known, notice.route or NAME)
    reply = partial(_reply, ask, notice, again=bool(root))
    if not root:
        then = reply if remediation is not None else None  # elsewhere the message has all details itself
        return (ask("chat.postMessage", {"channel": settings.channel, **message}, then=then),)
    channel, _, ts = root.partition(":")
    return (ask("chat.update", {"channel": channel, "ts": ts, **message}, then=lambda _: reply(root)),)


def judge(answer: Answer) -> Outcome:
    """Slack says `ok: true` or names an error, with 200 either way. The receipt is `channel:ts`."""
    said_error = str(answer.body.get("error", ""))
    word = said_error if re.fullmatch("[a-z_]{1,64}", said_error) else ""
    if answer.status == 200 and answer.body.get("ok") is True:  # noqa: PLR2004 - OK
        channel, ts = answer.body.get("channel"), answer.body.get("ts")
        return Outcome(receipt=f"{channel}:{ts}" if isinstance(channel, str) and isinstance(ts, str) else "")
    return Outcome(error=f"says {word}" if word else f"answered {answer.status}", permanent=word in _OF_THE_MESSAGE)


def _request(
    settings: Slack,
    token: SecretKey,
    method: str,
    body: dict[str, Any],
    then: Callable[[str], Request] | None = None,
) -> Request:
    return Request(
        url=f"{settings.url}/api/{method}",
        headers={"Content-Type": "application/json; charset=utf-8"},
        body={**body, "unfurl_links": False, "unfurl_media": False} if method == "chat.postMessage" else body,
        bearer=token,
        judge=judge,
        reads_answer=True,
        then=then,
    )


def _root(notifications: Sequence[Notification], name: str) -> str:
    """The receipt of the message, `channel:ts`; empty: there is none, or it is gone."""
    for known in reversed(notifications):
        if known.sink == name and (known.receipt or known.state == "GivenUp"):
            return known.receipt if known.state != "GivenUp" else ""
    return ""


def _reply(ask: Callable[..., Request], notice: Notice, receipt: str, *, again: bool) -> Request:
    """What has happened, with the details at first; a call is also shown in the channel."""
    channel, _, ts = receipt.partition(":")
    details = [] if again or notice.remediation is None else _details(notice.remediation)
    text = _escape("\n".join([_line(notice), *details]), TEXT_LENGTH)
    body = {"channel": channel, "thread_ts": ts, "text": text}
    return ask("chat.postMessage", {**body, "reply_broadcast": True} if again and notice.kind in CALLS else body)


def _details(remediation: Remediation) -> list[str]:
    status = remediation.status
    facts = [f"{fact.reason}: {fact.message}" for fact in status.evidence]
    attempts = (f"{attempt.summary}: {attempt.verdict or attempt.phase}" for attempt in status.attempts)
    return [*facts, *recent_change.say(status.recent_change), *incident_logs.say(status), *attempts]


def _line(notice: Notice) -> str:
    return f"{say_time(notice.at)} {_STANDINGS[notice.kind]}{_level(notice)}: {notice.reason}: {notice.message}"


def _level(notice: Notice) -> str:
    return f" (level {notice.level})" if notice.kind in CALLS and notice.level > 1 else ""


def _message_of_record(notice: Notice) -> dict[str, Any]:
    """What a policy has on record, as it stands."""
    name = notice.policy.key if notice.policy is not None else ""
    title = _escape(notice.title or f"{_STANDINGS[notice.kind]}{_level(notice)}: policy {name}", TEXT_LENGTH // 2)
    more = [notice.how_to_acknowledge] if notice.how_to_acknowledge else []
    if notice.job is not None and notice.kind != "JobOver":
        more += log_tail.say(notice.job.log_tail)
    body = notice.body or _escape("\n".join((notice.message, *more)), TEXT_LENGTH)
    text = _cut(f"{title}: {body}", TEXT_LENGTH)
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    if buttons := _buttons(notice):
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": text, "blocks": blocks}


def _message(notice: Notice, remediation: Remediation) -> dict[str, Any]:
    """The incident as it stands."""
    target, status = remediation.spec.target_ref, remediation.status
    title = notice.title or f"{_STANDINGS[notice.kind]}: {remediation.namespace}/{target.kind.lower()}/{target.name}"
    own_words = _escape(f"{notice.reason}: {notice.message}", TEXT_LENGTH)
    body = _cut(notice.body, TEXT_LENGTH) or own_words
    fields = {
        "Started": say_time(status.opened_at) if status.opened_at is not None else "",
        "Severity": gravity.of_incident(status),
        "Impact": ", ".join(dict.fromkeys(fact.reason for fact in status.evidence)),
        "Responder": responders.of(status) or "nobody yet",
        "Policy": remediation.policy_key,
        "Remediation": f"{remediation.namespace}/{remediation.name}",
    }
    shown = [_text(f"*{name}*\n", value, FIELD_LENGTH) for name, value in fields.items() if value]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _escape(title, HEADER_LENGTH)}},
        {"type": "section", "text": {"type": "mrkdwn", "text": body}},
        {"type": "section", "fields": shown},
    ]
    asks = notice.kind == "ApprovalNeeded" or answerable.open_question(notice, status) is not None
    if asks and notice.body:  # who says yes has seen to what, whatever the template shows
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": own_words}})
    how = _how(notice, remediation)
    if how:
        blocks.append({"type": "context", "elements": [_text("", how, TEXT_LENGTH)]})
    if buttons := _buttons(notice):
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": _cut(f"{_escape(title, HEADER_LENGTH)}: {body}", TEXT_LENGTH), "blocks": blocks}


def _how(notice: Notice, remediation: Remediation) -> str:
    """How people answer."""
    namespace, name = remediation.namespace, remediation.name
    if answerable.open_question(notice, remediation.status) is not None:
        return approval.how_to_approve(namespace, name)
    return approval.how_to_acknowledge(namespace, name) if notice.kind == "Escalated" else ""


def _buttons(notice: Notice) -> list[dict[str, Any]]:
    """What people may press, where an answer comes back to us: each button is for exactly what the message shows."""
    if notice.policy is None or NAME not in notice.policy.callbacks:
        return []
    asked = answerable.find(notice)
    ids = {word: id_ for id_, word in WORDS.items()}
    return [
        {
            "type": "button",
            "action_id": ids[word],
            "text": {"type": "plain_text", "text": word},
            "value": f"{asked.about} {token}",
        }
        for word, token in asked.tokens.items()
        if token
    ]


def _text(before: str, text: str, most: int) -> dict[str, str]:
    return {"type": "mrkdwn", "text": before + _escape(text, most - len(before))}


def escape(text: str) -> str:
    """Escape text that is not markup of ours, as Slack requires."""
    return "".join(_ESCAPES.get(char, char) for char in text)


def _cut(text: str, most: int) -> str:
    """Shorten text that is escaped already, without cutting an entity in two."""
    return text if len(text) <= most else _HALF_AN_ENTITY.sub("", text[: most - 1]) + "…"


def _escape(text: str, most: int) -> str:
    """Escape and shorten text, so that nothing in it is a mention or a link; what is cut ends in an ellipsis."""
    escaped = [escape(char) for char in text]
    if sum(map(len, escaped)) <= most:
        return "".join(escaped)
    length = 0
    for place, char in enumerate(escaped):
        length += len(char)
        if length > most - 1:
            return "".join(escaped[:place]) + "…"
    return "".join(escaped)


SINK = Sink(
    name=NAME,
    tells=tells,
    render=render,
    kept=True,
    settings=Slack,
    escape=escape,
    leads_to=lambda settings: Destination(url=settings.url, secret_ref=settings.token_ref, named_as="tokenRef"),
)
