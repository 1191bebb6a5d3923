"""What looks like a credential is taken out of a text that others wrote, before anybody keeps it.

It is better to take out too much. Nothing can know every secret: values of Secrets may not be read, and so not be
recognised. The forms: keys and values of any notation, HTTP's Authorization (RFC 9110, 11.6.2) and cookies, userinfo of
URLs (RFC 3986, 3.2.1) and of database addresses, PEM (RFC 7468), JSON Web Tokens (RFC 7519), keys of AWS and of others
who give theirs a prefix, and long runs of letters without any sense.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

REDACTED: Final = "<redacted>"
SHORTEST_HIDDEN: Final = 4  # characters: what is shorter stands everywhere
_KEYS: Final = (
    "pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key"
    "|credentials?|authorization|signature|session(?:[_-]?id)?|cookie|dsn|connection[_-]?string"
)
_QUOTE: Final = r"\\{0,3}[\"'`]"
_PATTERNS: Final = (
    # a key in PEM, also where the text begins or ends within it
    (r"-----BEGIN [^\n]{0,80}(?:.*?-----END [^\n-]{0,80}-----|.*)", REDACTED),
    (r"\A(?:(?!-----BEGIN ).)*?-----END [^\n-]{0,80}-----", REDACTED),
    # scheme://user:password@host, and user:password@tcp(host)
    (r"://[^\s<>]{1,1000}@", f"://{REDACTED}@"),
    (r"[^\s:@]{1,64}:[^\s@]{1,256}@(?=[\w(\[])", f"{REDACTED}@"),
    # password: "...", 'token' => ..., SECRET_KEY=...: a quoted value with what follows without a space, else the line
    (
        rf"((?:{_KEYS})[\w.-]{{0,40}}(?:{_QUOTE})?\]?\s{{0,3}}(?:[:=]>?|:=)\s{{0,3}})[^\n]+",
        rf"\g<1>{REDACTED}",
    ),
    (r"((?<![a-z])key\s?=\s?)[^\n]+", rf"\g<1>{REDACTED}"),
    (rf"(--?[\w-]{{0,40}}(?:{_KEYS})[\w-]{{0,40}}\s{{1,3}})[^\n]+", rf"\g<1>{REDACTED}"),
    (r"((?:bearer|basic|digest|negotiate)\s{1,3})[^\s\"',;]+", rf"\g<1>{REDACTED}"),
    (r"eyJ[\w-]{5,}[\w.=-]*", REDACTED),
    (r"(?-i:A[A-Z]{2}A[A-Z0-9]{12,})", REDACTED),
    (r"(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|sk[-_]|rk_|pk_live_|AIza|npm_|pypi-|hvs\.|dop_v1_)[\w-]{8,}", REDACTED),
    (r"[a-z0-9+/]{40,}={0,2}", REDACTED),
)
_FLAGS: Final = re.IGNORECASE | re.DOTALL
_COMPILED: Final = tuple((re.compile(pattern, _FLAGS), instead) for pattern, instead in _PATTERNS)
_CREDENTIAL: Final = re.compile(rf"(?:{_KEYS}|key)", re.IGNORECASE)
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # ECMA-48: colours and other orders to a terminal


def redact(text: str, hidden: Iterable[str] = ()) -> str:
    """The text as it may be kept, without control characters; `hidden` are values that are known to be secret."""
    plain = "".join(_plain(char) for char in _CONTROL.sub("", text).replace("\r\n", "\n"))
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= SHORTEST_HIDDEN:
            plain = plain.replace(value, REDACTED)
    for pattern, instead in _COMPILED:
        plain = pattern.sub(instead, plain)
    return plain


def names_a_credential(name: str) -> bool:
    """Whether a variable of this name holds one."""
    return _CREDENTIAL.search(name) is not None


def _plain(char: str) -> str:
    is_order = char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return " " if is_order else char
