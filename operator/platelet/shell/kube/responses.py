"""From an answer of the API server that is not a success to the errors of `shell.kube`.

Messages never repeat what was sent: validation and decoding errors quote values, and templates carry
plaintext secrets (TRAPS 48). What is kept: the reason, the paths of the fields, who denied.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from platelet.shell import kube

_OK = range(200, 300)
_MAX_MESSAGE = 400
_MAX_FIELDS = 8
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last for JSON nested too deep
_DEEPEST = 100  # no object that we read is nested so deep, but anybody may store one that is
_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
# apiserver's strict decoding: paths of fields, which are names of a schema, and no values
_UNKNOWN_FIELD = re.compile(r'unknown field "([A-Za-z0-9_.\[\]-]{1,200})"')
_PLACE = re.compile(r"\[\d+\]")
_MAX_UNKNOWN = 3
# 429 was turned away, 408 and 425 come from a proxy that does not know what became of the request.
_UNKNOWN_OUTCOME = frozenset({408, 425, 429})
_DENIER = re.compile(r"ValidatingAdmissionPolicy '([^']{1,253})'|admission webhook \"([^\"]{1,253})\"")
_OUR_POLICIES, _DENIED = "platelet-", " denied request: "
# apimachinery errors.NewGenericServerResponse for 422: all that remains of a JSON Patch that could not be applied.
_INAPPLICABLE_PATCH = "the server rejected our request due to an error in our request"


def raise_for(code: int, raw: bytes, *, sent_body: bool, json_patch: bool = False) -> None:
    """Raise the ApiError that a status code and a Status object mean; return on a success."""
    if code in _OK:
        return
    status = _read_status(raw)
    reason = _text(status, "reason") or f"HTTP{code}"
    if code == 422 and json_patch and _is_inapplicable(status):  # noqa: PLR2004 - an HTTP status
        raise kube.Conflict(code, reason, "the JSON Patch does not fit the object anymore")
    if code == 400 and (unknown := unknown_fields(_text(status, "message"))):  # noqa: PLR2004 - an HTTP status
        raise kube.OutdatedSchema(code, reason, describe_outdated(unknown))
    message = _describe(code, status) if sent_body else _text(status, "message")
    raise _error_class(code)(code, reason, message[:_MAX_MESSAGE] or "no further words")


def unknown_fields(message: str) -> list[str]:
    """The paths that strict decoding did not know, each once, without their places in lists."""
    return list(dict.fromkeys(_PLACE.sub("", path) for path in _UNKNOWN_FIELD.findall(message)))


def describe_outdated(unknown: Sequence[str]) -> str:
    """Say what the installed CRD does not know, and the fix."""
    more = f" and {len(unknown) - _MAX_UNKNOWN} more" if len(unknown) > _MAX_UNKNOWN else ""
    fields = f"{', '.join(unknown[:_MAX_UNKNOWN])}{more}"
    return (
        f"the installed CRD is older than this platelet and does not know {fields}: kubectl apply --server-side -k crds"
    )


class _ListMeta(msgspec.Struct):
    resourceVersion: str = ""  # noqa: N815 - as the API writes it
    following: str = msgspec.field(name="continue", default="")


class Page(msgspec.Struct):
    """One page of a listing; each item is left as it came."""

    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    entries: list[msgspec.Raw] | None = msgspec.field(name="items", default=None)

    @property
    def items(self) -> list[msgspec.Raw]:
        """The objects, undecoded."""
        return self.entries or []

    @property
    def resource_version(self) -> str:
        """From where to watch on."""
        return self.metadata.resourceVersion

    @property
    def following(self) -> str:
        """The token of the next page; empty after the last."""
        return self.metadata.following


def decode_page(raw: bytes) -> Page:
    """Read a List object. Raises Unanswered for what is none."""
    try:
        try:
            return msgspec.json.decode(raw, type=Page)
        except RecursionError:
            return msgspec.json.decode(_without_depths(raw), type=Page)
    except _UNREADABLE as error:
        raise kube.Unanswered(200, "NoList", "the answer is not a list of objects") from error


def decode(code: int, raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """Read the object in a successful answer. Raises Unanswered for what is none: who knows who answered."""
    try:
        try:
            answer = msgspec.json.decode(raw)
        except RecursionError:
            answer = msgspec.json.decode(_without_depths(bytes(raw)))
    except _UNREADABLE:
        answer = None
    if not isinstance(answer, dict):
        raise kube.Unanswered(code, "NoObject", "the answer is not a JSON object")
    return answer


def _without_depths(raw: bytes) -> bytes:
    """Put null for what is nested too deep to be read, so that one such object does not hide all others of a list."""
    kept, depth, begin = bytearray(), 0, 0
    for token in _BRACKETS.finditer(raw):
        sign = token[0]
        if sign in (b"[", b"{"):
            depth += 1
            if depth == _DEEPEST + 1:
                kept += raw[begin : token.start()] + b"null"
        elif sign in (b"]", b"}"):
            depth -= 1
            if depth == _DEEPEST:
                begin = token.end()
    return bytes(kept + raw[begin:]) if depth == 0 else raw


def _error_class(code: int) -> type[kube.ApiError]:
    if code == 404:  # noqa: PLR2004 - an HTTP status
        return kube.NotFound
    if code == 409:  # noqa: PLR2004 - an HTTP status
        return kube.Conflict
    if code in range(400, 500) and code not in _UNKNOWN_OUTCOME:
        return kube.Refused
    return kube.Unanswered


def _describe(code: int, status: dict[str, Any]) -> str:
    """Say what was wrong with a request that had a body, without its content."""
    message = _text(status, "message")
    if denier := _DENIER.search(message):
        policy, webhook = denier.groups()
        if policy is not None and policy.startswith(_OUR_POLICIES):  # our own words: names of people and rights
            return message.partition(_DENIED)[2] or message
        return f"denied by the ValidatingAdmissionPolicy {policy}" if policy else f"denied by the webhook {webhook}"
    if code in (400, 415, 422):
        fields = _fields(status)
        return f"in {', '.join(fields)}" if fields else "the request was not valid"
    return message


def _is_inapplicable(status: dict[str, Any]) -> bool:
    return not _fields(status) and _text(status, "message").startswith(_INAPPLICABLE_PATCH)


def _fields(status: dict[str, Any]) -> list[str]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    fields = [_text(cause, "field") for cause in causes or () if isinstance(cause, dict)]
    return [field for field in fields if field][:_MAX_FIELDS]


def _text(status: dict[str, Any], key: str) -> str:
    value = status.get(key)
    return value if isinstance(value, str) else ""


def _read_status(raw: bytes) -> dict[str, Any]:
    """Read the Status object; empty for what proxies and the plain 404 page write."""
    try:
        return decode(0, raw)
    except kube.Unanswered:
        return {}
