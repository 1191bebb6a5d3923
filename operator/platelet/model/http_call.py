"""A request to a place outside of the cluster that a step makes, as people write it."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from platelet.model import constraint
from platelet.model.constraint import Matches, Rule
from platelet.model.digest import digest
from platelet.model.outside import URL_PATTERN, host_of, names_a_host
from platelet.model.request import Request, SecretRef

_URL_RULE = "not a URL that can be called: write it like https://api.example.com/reconcile, without user or password"

_OURS: Final = (
    "authorization",
    "connection",
    "content-length",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
)
_OF_HEADERS = (
    constraint.exactly_one("value", "secret_ref"),
    Rule(
        cel=f"!(self.name.lowerAscii() in [{', '.join(map(repr, _OURS))}])",
        broken=lambda header: header.name.lower() in _OURS,
        message="this header is set by platelet or by HTTP itself: Authorization is that of the step's secretRef",
    ),
)
_OF_CALLS = (
    Rule(
        cel="!has(self.headers) || self.headers.all(one, self.headers.exists_one(other, "
        "other.name.lowerAscii() == one.name.lowerAscii()))",
        broken=lambda call: len({header.name.lower() for header in call.headers}) < len(call.headers),
        message="headers name one twice: keep one of them",
    ),
)


def _is_json(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON: write it like '{\"full\": true}'") from None
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header: with its value here, or with that of a Secret."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=64),
        Matches("^[A-Za-z][A-Za-z0-9-]*$", "write a name of letters, digits and -, such as X-Api-Key"),
    ]
    value: Annotated[
        str | None,
        Field(min_length=1, max_length=1024, description="No secret: whoever may read the Runbook can read it here."),
        Matches("^[!-~]([ -~]*[!-~])?$", "write printable ASCII characters, without spaces at the ends"),
    ] = None
    secret_ref: Annotated[
        SecretRef | None, Field(description="A value in the policy's namespace, read when the request is sent.")
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_OF_HEADERS)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_OF_HEADERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """Make one request, at most once. A 2xx is success; where no answer is known, nobody sends it again.

    The header Idempotency-Key is the attempt's id. Redirects are not followed.
    """

    url: Annotated[
        str,
        names_a_host(_URL_RULE),
        Matches(URL_PATTERN, _URL_RULE, goes_on=True),
        Field(max_length=2048, description="Its host must be one of the allowedHosts of the operator's settings."),
    ]
    method: Literal["POST", "PUT", "GET"] = "POST"
    body: Annotated[str, AfterValidator(_is_json), Field(max_length=4096, description="JSON. Not with GET.")] = "{}"
    secret_ref: Annotated[
        SecretRef | None,
        Field(description="A token in the policy's namespace that is sent as `Authorization: Bearer`. Absent: none."),
    ] = None

    headers: Annotated[
        tuple[Header, ...],
        Field(
            max_length=8,
            description="Further ones. Authorization is that of `secretRef`.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_OF_CALLS)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_OF_CALLS)

    @property
    def host(self) -> str:
        """Where it leads: what of the URL may be repeated."""
        return host_of(self.url)

    @property
    def name(self) -> str:
        """A digest of all of it."""
        return digest(repr(self))

    def request(self, namespace: str, key: str) -> Request:
        """What is sent, with the Secret of this namespace."""
        reference = self.secret_ref
        bearer = reference.within(namespace) if reference is not None else None
        body: Any = None if self.method == "GET" else json.loads(self.body)
        written = {header.name: header.value for header in self.headers if header.value is not None}
        kept = {header.name: header.secret_ref.within(namespace) for header in self.headers if header.secret_ref}
        headers = {**written, "Idempotency-Key": key}
        return Request(url=self.url, method=self.method, headers=headers, secret_headers=kept, body=body, bearer=bearer)
