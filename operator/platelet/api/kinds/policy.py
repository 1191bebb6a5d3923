"""The RemediationPolicy: when, for whom, within which limits, and who is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter

from platelet import triggers
from platelet.api.kinds import invalid, unions, usable_triggers
from platelet.api.kinds.conditions import ReadinessStatus
from platelet.api.kinds.escalation_policy import KINDS_OF_SINK
from platelet.api.kinds.targets import NO_TARGETS, Targets
from platelet.api.kinds.trigger_spec import NEEDED_TO_ACT, TRIGGER, TriggerSpec
from platelet.api.kinds.usable_triggers import Unusable
from platelet.api.readers.selectors import LabelSelector
from platelet.model import constraint
from platelet.model.budget import Pause
from platelet.model.constraint import Rule
from platelet.model.durations import CAMEL
from platelet.model.failed_job import MAX_FAILED_JOBS, FailedJob
from platelet.model.notification import Notifications, NotificationsDropped
from platelet.model.outside import Outside
from platelet.model.policy import ApprovalRules, EvidenceRules, Limits, Mode, Policy
from platelet.model.signal import Source
from platelet.model.trigger import FromTarget, Trigger
from platelet.model.untargeted_alert import MAX_UNTARGETED, UntargetedAlert
from platelet.model.workload import Name

T = TypeVar("T", bound=Trigger)
MAX_TRIGGERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicyRef:
    """An EscalationPolicy in the policy's own namespace: people are told level by level."""

    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


_POLICY_REF = "policyRef"
_INLINE = " || ".join(f"has(self.{name})" for name in KINDS_OF_SINK)
ESCALATION = unions.Union(
    name="EscalationSpec",
    doc="Who is called when automation cannot help: by the sinks that are written here, all at once, or as an "
    "EscalationPolicy says.",
    kinds={**KINDS_OF_SINK, _POLICY_REF: EscalationPolicyRef},
    none=f"an escalation needs somebody to call: {' or '.join((*KINDS_OF_SINK, _POLICY_REF))}",
    rules=(
        Rule(
            cel=f"!has(self.{_POLICY_REF}) || !({_INLINE})",
            broken=lambda value: (
                getattr(value, _POLICY_REF) is not None
                and any(getattr(value, name) is not None for name in KINDS_OF_SINK)
            ),
            message="with policyRef, people are told as the EscalationPolicy says: move the other sinks there",
        ),
    ),
)
if TYPE_CHECKING:
    EscalationSpec = Any
else:
    EscalationSpec = ESCALATION.build()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRef:
    """A Runbook in the policy's own namespace."""

    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """When, for whom, within which limits, and who is told."""

    mode: Annotated[
        Mode,
        Field(
            description="Observe: say what would be done. Approve: do it once a person has approved the plan. "
            "Enforce: do it."
        ),
    ] = "Observe"
    triggers: Annotated[
        tuple[TriggerSpec, ...],
        Field(
            min_length=1,
            max_length=MAX_TRIGGERS,
            description="When to act: any one of them is enough.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    targets: Annotated[
        Targets | None,
        Field(description="Which workloads the policy is for. Absent, where every trigger is a `job`: none."),
    ] = None
    priority: Annotated[
        int,
        Field(
            ge=-1000,
            le=1000,
            description="If several policies are for the same workload, the one with the highest number acts.",
        ),
    ] = 0
    runbook_ref: Annotated[
        RunbookRef | None,
        Field(description="The Runbook to follow, in the policy's namespace. Absent where every trigger is a `job`."),
    ] = None
    limits: Limits = field(default_factory=Limits)
    approval: ApprovalRules = field(default_factory=ApprovalRules)
    evidence: EvidenceRules = field(default_factory=EvidenceRules)
    force: Annotated[
        bool,
        Field(description="Act even if GitOps or another operator owns the workload and may revert the change."),
    ] = False
    suspended: Annotated[Pause | None, Field(description="While this is set, the policy starts nothing new.")] = None
    escalation: EscalationSpec | None = None
    namespace_selector: Annotated[
        LabelSelector | None,
        Field(description="Act in these namespaces, too. Only for policies in the operator's own namespace."),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*NEEDED_TO_ACT)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has. Raises ValueError."""
        constraint.hold(self, *NEEDED_TO_ACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStatus(ReadinessStatus):
    """Whether the policy is in use, the alerts that matched it but name no workload, and the Jobs that have failed."""

    untargeted_alerts: Annotated[
        tuple[UntargetedAlert, ...],
        Field(
            max_length=MAX_UNTARGETED,
            description="Alerts that matched but lead to no workload: give them labels that do, or use targets.refs.",
        ),
    ] = ()
    untargeted_dropped: Annotated[
        int, Field(ge=0, description="How many more such alerts there have been than the list has room for.")
    ] = 0
    failed_jobs: Annotated[
        tuple[FailedJob, ...],
        Field(
            max_length=MAX_FAILED_JOBS,
            description="What a `job` trigger has found: CronJobs whose last Job has failed, and Jobs of their own.",
        ),
    ] = ()
    failed_jobs_unlisted: Annotated[
        int, Field(ge=0, description="How many more there are than the list has room for: nobody is told of them yet.")
    ] = 0
    notifications: Notifications = ()
    notifications_dropped: NotificationsDropped = 0

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPolicy:
    """A RemediationPolicy as read: what decisions see of it, and what finds its signals and targets."""

    policy: Policy
    generation: int
    triggers: tuple[Any, ...]  # their settings, in the order of the list
    targets: Targets
    runbook: str  # its name; empty: the policy follows none
    escalation: str = ""  # the name of an EscalationPolicy
    namespace_selector: LabelSelector | None = None
    suspension: Pause | None = None
    unusable: tuple[Unusable, ...] = ()  # triggers that are not among the others any more

    def triggers_of(self, kind: type[T]) -> tuple[tuple[T, Any], ...]:
        """Those that learn of ill health in this way, each with its settings."""
        known = ((triggers.of(settings), settings) for settings in self.triggers)
        return tuple((trigger, settings) for trigger, settings in known if isinstance(trigger, kind))

    def woken_by(self, source: Source) -> tuple[tuple[FromTarget, Any], ...]:
        """Those that look at the target itself whenever this source changes, each with its settings."""
        return tuple(chosen for chosen in self.triggers_of(FromTarget) if chosen[0].source == source)

    def with_usable_triggers(self, outside: Outside | None) -> "LoadedPolicy":
        """Set aside the triggers that cannot be used, so that the others go on."""
        unusable = usable_triggers.find_unusable(self.triggers, outside)
        without = [fault.trigger for fault in unusable]
        usable = tuple(settings for settings in self.triggers if settings not in without)
        return replace(self, triggers=usable, unusable=(*self.unusable, *unusable))

    def at(self, now: datetime) -> Policy:
        """Take the policy as it is at `now`: a suspension whose `until` is over no longer holds."""
        until = self.suspension.until if self.suspension is not None else None
        return replace(self.policy, suspended="") if until is not None and until <= now else self.policy


_SPEC = TypeAdapter(PolicySpec)


def read_policy(obj: Mapping[str, Any]) -> LoadedPolicy:
    """Read a policy. Raises InvalidSpec that names the field, the value and the fix; KeyError without metadata."""
    metadata = obj["metadata"]
    spec = invalid.read(_SPEC, invalid.mapping(obj.get("spec"), "spec"), "spec")
    called = ESCALATION.all_chosen(spec.escalation) if spec.escalation is not None else {}
    escalation = called.pop(_POLICY_REF, None)
    known = triggers.in_order(TRIGGER.chosen(trigger)[1] for trigger in spec.triggers)
    return LoadedPolicy(
        policy=Policy(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            mode=spec.mode,
            priority=spec.priority,
            limits=spec.limits,
            approval=spec.approval,
            evidence=spec.evidence,
            force=spec.force,
            suspended=(spec.suspended.reason or "no reason given") if spec.suspended is not None else "",
            queries_look_back=triggers.look_back(known),
            sinks=called,
        ),
        generation=metadata.get("generation", 1),
        triggers=known,
        targets=spec.targets or NO_TARGETS,
        runbook=spec.runbook_ref.name if spec.runbook_ref is not None else "",
        escalation=escalation.name if escalation is not None else "",
        namespace_selector=spec.namespace_selector,
        suspension=spec.suspended,
    )
