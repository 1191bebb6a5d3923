"""What people are asked, and how they answer: annotations on a Remediation, which plain kubectl can write."""

import shlex
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Timestamp
from platelet.model.intent import Changes, PreState
from platelet.model.signal import ShortText, Text

Answer = Literal["Approved", "Rejected", "Expired", "Void"]
Word = Literal["Acknowledge", "Approve", "Reject"]

APPROVE: Final = "platelet.dev/approve"  # the token of the plan
APPROVED_BY: Final = "platelet.dev/approved-by"  # admission holds it equal to the user who writes it
REJECT: Final = "platelet.dev/reject"
REJECTED_BY: Final = "platelet.dev/rejected-by"
REJECT_REASON: Final = "platelet.dev/reject-reason"
RETRY: Final = "platelet.dev/retry"  # the token of the escalation
RETRIED_BY: Final = "platelet.dev/retried-by"  # held equal to the user, too
ACKNOWLEDGE: Final = "platelet.dev/acknowledge"  # the token of a plan, or of what people were told last
ACKNOWLEDGED_BY: Final = "platelet.dev/acknowledged-by"  # held equal to the user, too
ANNOTATIONS: Final = (
    *(APPROVE, APPROVED_BY, REJECT, REJECTED_BY, REJECT_REASON),
    *(RETRY, RETRIED_BY, ACKNOWLEDGE, ACKNOWLEDGED_BY),
)
ACKNOWLEDGED_ON_POLICY: Final = "acknowledge.platelet.dev/"  # of a policy, with the token of a record: who has heard
VERB: Final = "approve"  # the RBAC verb on remediations that an answer needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The plan that a person is asked to approve, and what became of the question."""

    token: ShortText  # what an answer must carry: it holds for this remediation, step, attempt and plan only
    attempt: ShortText  # the id that the attempt will have
    step: int
    step_name: ShortText
    action: ShortText
    summary: Text  # what will be done
    why: Text  # a person is asked
    plan_hash: ShortText  # of all that the plan relies on and writes, but for times
    pre: PreState
    changes: Changes
    asked_at: Timestamp
    expires_at: Timestamp
    answer: Answer | None = None
    by: ShortText = ""  # who answered
    answered_at: Timestamp | None = None  # when the operator heard it
    acknowledged_by: ShortText = ""  # who looks at it: nobody else is asked meanwhile, and it is no answer
    message: Text = ""  # why it was rejected or is void; or what is wrong with the last answer

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered, and somebody still may."""
        return self.answer is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReply:
    """An answer as it is kept on a Remediation, like an annotation that people write."""

    word: Word
    token: ShortText  # of what was answered to
    by: ShortText
    at: Timestamp  # when it was stored

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


Replies = Annotated[
    tuple[RecordedReply, ...],
    Field(
        max_length=3,
        description="What people have answered where they were told, such as PagerDuty: of each word the last one. "
        "Others answer by annotations.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["word"]},
    ),
]


def how_to_approve(namespace: str, name: str) -> str:
    """Say what a person types."""
    return f"platelet approve remediation/{name} -n {namespace} (or: platelet reject)"


def how_to_retry(namespace: str, name: str) -> str:
    """Say what a person types who hands an escalated incident back."""
    return f"platelet retry remediation/{name} -n {namespace}"


def how_to_annotate_a_retry(namespace: str, name: str, token: str) -> str:
    """Say it for those who have only kubectl."""
    return f"kubectl annotate --overwrite rem {name} -n {namespace} {RETRY}={token} {RETRIED_BY}=YOU"


def how_to_annotate(namespace: str, name: str, token: str) -> str:
    """Say it for those who have only kubectl."""
    return f"kubectl annotate --overwrite rem {name} -n {namespace} {APPROVE}={token} {APPROVED_BY}=YOU"


def how_to_acknowledge(namespace: str, name: str) -> str:
    """Say what a person types who has heard of an escalation, or looks at a question."""
    return f"platelet acknowledge remediation/{name} -n {namespace}"


def how_to_annotate_an_acknowledgement(namespace: str, name: str, token: str) -> str:
    """Say how a person lets others know that they have heard of it."""
    annotations = f"{ACKNOWLEDGE}={token} {ACKNOWLEDGED_BY}=YOU"
    return f"kubectl annotate --overwrite rem {name} -n {namespace} {annotations}"


def how_to_acknowledge_job(subject: tuple[str, str, str]) -> str:
    """Say what a person types who has heard of a failed Job: kind, namespace and name."""
    kind, namespace, name = subject
    return f"platelet acknowledge {kind.lower()}/{name} -n {namespace}"


def how_to_acknowledge_alert(namespace: str, name: str) -> str:
    """Say what a person types who has heard of an alert without a target: the policy's namespace, the alert's name."""
    return f"platelet acknowledge {shlex.quote(f'alert/{name}')} -n {namespace}"


def how_to_annotate_a_policy(namespace: str, name: str, token: str) -> str:
    """Say it for those who have only kubectl."""
    return f"kubectl annotate --overwrite rempol {name} -n {namespace} {ACKNOWLEDGED_ON_POLICY}{token}=YOU"
