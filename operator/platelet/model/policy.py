"""The limits and scope of a policy, and the steps of a runbook, as decisions read them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from platelet.model.blocking import Blocks
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.escalation_levels import Level
from platelet.model.maintenance import MaintenanceWindows
from platelet.model.message_template import NoticeTemplate
from platelet.model.workload import Kind, WorkloadRef

OPERATOR_NAMESPACE: Final = "platelet-system"  # its own, unless its settings name another
Mode = Literal["Observe", "Approve", "Enforce"]
ACTING: tuple[Mode, ...] = ("Approve", "Enforce")  # the modes in which something may be done
OnFailure = Literal["Next", "Escalate", "Stop", "Revert"]
OnInconclusive = Literal["Escalate", "Next"]
DAY = timedelta(hours=24)  # the budget's memory: no window and no cooldown may be longer
_MAX_UNHEALTHY = r"^([0-9]{1,2}|100)%$|^[0-9]{1,4}$"


def _read_max_unhealthy(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(_MAX_UNHEALTHY, value):
        raise ValueError(f"{value!r} is neither a share nor a number of targets: write it like 30% or 3")
    return value


MaxUnhealthy = Annotated[
    str,
    BeforeValidator(_read_max_unhealthy),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 20,  # room for what people write instead, so that the rule below answers
            "x-kubernetes-validations": [
                {
                    "rule": f"type(self) == int ? self >= 0 && self <= 9999 : self.matches('{_MAX_UNHEALTHY}')",
                    "message": "neither a share nor a number of targets: write it like 30% or 3",
                }
            ],
        }
    ),
]
"""How many targets may be sick: a share such as `30%`, or a number, which YAML reads as an integer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `max_actions` attempts in every window of length `per`."""

    max_actions: Annotated[int, Field(ge=1, le=1000)]
    per: Annotated[Duration, Between("1s", "24h")]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one policy, with their defaults (DESIGN 3.6)."""

    cooldown: Annotated[Duration, Between("0s", "24h")] = timedelta(minutes=10)  # between two incidents of one workload
    rate: Rate = field(default_factory=lambda: Rate(max_actions=3, per=timedelta(hours=1)))  # for one workload
    per_policy: Rate | None = None  # for all the policy's workloads together
    max_unhealthy: MaxUnhealthy = "30%"  # act only while no more workloads than this are sick; one may always be
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = 1  # Remediations that may act or be verified at once
    give_up_after: Annotated[Duration, Between("1s", "24h")] = timedelta(hours=2)  # then people are called
    reopen_within: Annotated[Duration, Between("0s", "24h")] = timedelta(minutes=15)  # how long a recovery is watched
    maintenance_windows: MaintenanceWindows = ()  # for attempts; temporary changes are reverted in any case
    block_while: Blocks = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRules:
    """Which plans a person must approve, besides all of mode Approve and the steps that ask for it."""

    expires_after: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="How long to wait for an answer before people are called."),
    ] = timedelta(minutes=30)
    kinds: Annotated[
        tuple[Kind, ...],
        Field(
            max_length=3,
            description="Steps that replace the pods of these kinds (restart, undo) need a person's approval in mode "
            "Enforce, too: a data store that a machine restarts is an incident. Empty: none.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ("StatefulSet",)

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRules:
    """What is kept for people before the first act, besides what is looked at anyway."""

    logs: Annotated[
        bool,
        Field(
            description="Keep the last lines of the failing container's log, without what looks like a credential. "
            "Whoever may read the Remediation reads them. The operator needs the role in deploy/logs for that, and the "
            "author of the policy the right `get pods/log`."
        ),
    ] = False

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A RemediationPolicy as decisions see it, live. Only `ready` policies may act."""

    namespace: str
    name: str
    uid: str
    mode: Mode
    priority: int = 0
    limits: Limits = field(default_factory=Limits)
    approval: ApprovalRules = field(default_factory=ApprovalRules)
    evidence: EvidenceRules = field(default_factory=EvidenceRules)
    force: bool = False  # act even where GitOps or another operator owns the workload
    suspended: str = ""  # the reason, when people suspended the policy
    queries_look_back: timedelta = timedelta()  # how far the queries of its triggers see into the past, at most
    sinks: Mapping[str, Any] = field(default_factory=dict)  # where people are told besides: a name, a sink's settings
    templates: Mapping[str, NoticeTemplate] = field(default_factory=dict)  # the words of sinks, by their names
    levels: tuple[Level, ...] = ()  # of an escalation; none: all sinks are told at once
    callbacks: frozenset[str] = frozenset()  # kinds of sinks from where people may answer
    ready: bool = True
    not_ready_reason: str = ""

    @property
    def key(self) -> str:
        """`namespace/name`, as reservations name the policy."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How a step's recovery is proven. `timeout` runs from the write to the complete rollout, and again from there."""

    timeout: timedelta = timedelta(minutes=5)
    stable_for: timedelta = timedelta(minutes=1)
    checks: tuple[Any, ...] = ()  # what the step asks for besides: settings of the room's files, already validated


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTraits:
    """What guards must know of an action, without knowing the action."""

    name: str = ""
    changes_template: bool = False  # to another template: undo (a restart only stamps)
    changes_replicas: bool = False
    replaces_pods: bool = False  # undo and restart; more replicas leave those alone that there are
    needs_room: bool = False  # nothing comes of it where no pods can be made: restart, more replicas
    leaves_target_alone: bool = False  # a Job: it writes nothing of the workload, and stops no rollout of it
    heals_rollout: bool = False  # may act on an unfinished rollout whose own pods are sick


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a runbook: an optional condition in CEL, one action with its settings, a verification."""

    name: str
    action: str  # the key in the Runbook: rolloutRestart, rolloutUndo, scale
    settings: Any  # the action's own dataclass, already validated
    traits: ActionTraits  # of the action with these settings
    when: str = ""
    needs_approval: bool = False  # by a person, whatever the policy's mode
    verify: Verification = field(default_factory=Verification)
    on_failure: OnFailure = "Next"
    on_inconclusive: OnInconclusive = "Escalate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator's configuration adds to every decision."""

    namespace: str  # the operator's own
    healthy_for: timedelta = timedelta(minutes=10)
    protected_namespaces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """All targets of a policy that want pods, and those of them that are sick. None where it could not be read."""

    total: int
    sick: frozenset[WorkloadRef]
    told_by_others: frozenset[str] = frozenset()  # what the policy waits for, as people were told by other incidents
    left_to_others: frozenset[str] = frozenset()  # the same, as they will be by one that is older than this
    at_fault: frozenset[WorkloadRef] = frozenset()  # the sick ones whose cause is known to be their own new template
