"""A request to a place outside the cluster's API, as data; and the Secret whose value goes with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL
from platelet.model.workload import Name

SIGNING = "signingSecretRef"
"""The field in which a policy names a signing secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """One key of one Secret. Its value is read when the request is sent, and never kept."""

    namespace: str
    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """One key of a Secret in the policy's own namespace."""

    name: Name
    key: Annotated[str, Field(min_length=1, max_length=253)]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def within(self, namespace: str) -> SecretKey:
        """The key that is meant where the policy is in this namespace."""
        return SecretKey(namespace=namespace, name=self.name, key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `body` is its JSON object where a request is judged by it, else empty."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an answer means."""

    error: str = ""  # what the host did, in our words: `answered 503`; empty: it has taken it
    permanent: bool = False  # sending it again cannot help
    receipt: str = ""  # by what the place knows it, if it said so


def judge_by_status(answer: Answer) -> Outcome:
    """Only a 2xx counts as taken."""
    taken = 200 <= answer.status < 300  # noqa: PLR2004 - HTTP's successes
    return Outcome(error="" if taken else f"answered {answer.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """By what a request is signed as Standard Webhooks has it, and under which id: the same at every try."""

    id: str
    secret: SecretKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Where to, how, and what; and what its answer means."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any  # JSON; None: nothing is sent
    signing: Signing | None = None  # signed as Standard Webhooks has it
    bearer: SecretKey | None = None  # sent as `Authorization: Bearer`
    secret_headers: Mapping[str, SecretKey] = field(default_factory=dict)  # headers that hold a Secret's value
    secrets: Mapping[str, SecretKey] = field(default_factory=dict)  # fields of the body that hold a Secret's value
    judge: Callable[[Answer], Outcome] = judge_by_status
    reads_answer: bool = False  # whether it is judged by the answer's body
    then: "Callable[[str], Request] | None" = None  # sent once this one is taken; made of its receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a sink's requests lead, as a policy has it: what the operator's settings and a Secret must allow."""

    url: str
    secret_ref: SecretRef | None = None
    named_as: str = "secretRef"  # the field in which a policy names the Secret
    signing_ref: SecretRef | None = None  # of a signing secret

    @property
    def secrets(self) -> Mapping[str, SecretRef]:
        """The Secrets that it takes, by the field in which a policy names them."""
        named = {self.named_as: self.secret_ref, SIGNING: self.signing_ref}
        return {name: reference for name, reference in named.items() if reference is not None}
