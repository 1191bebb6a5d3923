"""Slack's Web API: which messages it takes, as its reference says.

api.slack.com/methods/chat.postMessage, /methods/chat.update, /reference/block-kit/blocks.
"""

import hashlib
import hmac
import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


def faults(method: str, body: dict[str, Any]) -> list[str]:
    """Why a message would be answered `ok: false`, or be cut; none: `ok: true`."""
    needed = {"chat.postMessage": ("channel", "text"), "chat.update": ("channel", "ts", "text")}
    if method not in needed:
        return [f"there is no {method}"]
    faults = [f"{name} is missing" for name in needed[method] if not body.get(name)]
    faults += _faults_of_text(body.get("text", ""), 4000, "text")
    blocks = body.get("blocks", [])
    if len(blocks) > 50:
        faults.append("blocks: at most 50")
    for block in blocks:
        faults += _faults_of_block(block)
    return faults


def _faults_of_block(block: dict[str, Any]) -> list[str]:
    match block["type"]:
        case "header":
            is_plain = block["text"]["type"] == "plain_text"
            return _faults_of_text(block["text"]["text"], 150, "header") + ([] if is_plain else ["header: plain_text"])
        case "section" if "fields" in block:
            many = ["fields: at most 10"] if not 1 <= len(block["fields"]) <= 10 else []
            return many + [
                fault for field in block["fields"] for fault in _faults_of_text(field["text"], 2000, "field")
            ]
        case "section":
            return _faults_of_text(block["text"]["text"], 3000, "section")
        case "context":
            many = ["elements: at most 10"] if not 1 <= len(block["elements"]) <= 10 else []
            return many + [
                fault for part in block["elements"] for fault in _faults_of_text(part["text"], 3000, "context")
            ]
        case "actions":
            many = ["elements: at most 25"] if not 1 <= len(block["elements"]) <= 25 else []
            return many + [fault for button in block["elements"] for fault in _faults_of_button(button)]
        case other:
            return [f"{other} is unknown"]


def _faults_of_button(button: dict[str, Any]) -> list[str]:
    faults = [] if button["type"] == "button" else [f"{button['type']} is unknown"]
    if button["text"]["type"] != "plain_text":
        faults.append("button: plain_text")
    faults += _faults_of_text(button["text"]["text"], 75, "button")
    if not 1 <= len(button["action_id"]) <= 255:
        faults.append("action_id: at most 255 characters")
    if len(button.get("value", "")) > 2000:
        faults.append("value: at most 2000 characters")
    return faults


def pressed(  # noqa: PLR0913 - a request has these parts
    button: dict[str, Any], secret: str, now: datetime, *, user: str = "U0123456789", name: str = "ann", at: str = ""
) -> tuple[dict[str, str], bytes]:
    """The request that comes of a button: its headers and body.

    docs.slack.dev: "block_actions payload", "Verifying requests from Slack".
    """
    action = {**button, "block_id": "b1", "action_ts": at or f"{now.timestamp():.6f}"}
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": name, "name": name, "team_id": "T0CAG"},
        "api_app_id": "A0CA5",
        "token": "Shh_its_a_seekrit",
        "container": {"type": "message", "message_ts": "1.000100", "channel_id": "C0123456789"},
        "trigger_id": "12466734323.1395872398",
        "team": {"id": "T0CAG", "domain": "acme"},
        "channel": {"id": "C0123456789", "name": "incidents"},
        "response_url": "https://hooks.slack.com/actions/T0CAG/1/x",
        "actions": [action],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(now.timestamp()))
    signature = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={signature}"}, body


def _faults_of_text(text: str, most: int, where: str) -> list[str]:
    faults = [] if 1 <= len(text) <= most else [f"{where}: 1 to {most} characters, not {len(text)}"]
    if _ENTITY.search(text) or "<" in text or ">" in text:
        faults.append(f"{where}: &, < and > are escaped")
    return faults
