"""The RemediationPolicy: when, for whom, within which limits, and who is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from platelet.api import invalid, unions, usable_triggers
from platelet.api.conditions import Readiness, ReadinessStatus
from platelet.api.outside import Outside
from platelet.api.runbook import Runbook, check_runbook
from platelet.api.selectors import LabelSelector
from platelet.api.targets import Targets
from platelet.api.usable_triggers import Unusable
from platelet.guards import maintenance_window, protected_namespace
from platelet.model import reasons
from platelet.model.budget import Pause
from platelet.model.durations import CAMEL
from platelet.model.policy import ApprovalRules, Limits, Mode, Policy
from platelet.model.signal import Evidence
from platelet.model.workload import Name
from platelet.triggers import TRIGGERS
from platelet.triggers.alert import AlertTrigger
from platelet.triggers.pod import PodTrigger
from platelet.triggers.query import QueryTrigger
from platelet.triggers.workload import WorkloadTrigger

MAX_TRIGGERS = 16
_KEYS = " or ".join(TRIGGERS)
_URL_PATTERN = "^https?://[^/]+"
_URL_RULE = "not a URL that can be called: write it like https://hooks.example.com/platelet"

TRIGGER = unions.Union(
    name="TriggerSpec",
    doc="One rule that a signal matches.",
    kinds=TRIGGERS,
    none=f"a trigger needs its kind: {_KEYS}; one without settings is written with braces",
    several="write one trigger per entry of the list: any of them is enough",
)
if TYPE_CHECKING:
    TriggerSpec = Any
else:
    TriggerSpec = TRIGGER.build()


def _read_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is {_URL_RULE}")
    return url


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRef:
    """A Runbook in the policy's own namespace."""

    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """One key of a Secret in the policy's own namespace."""

    name: Name
    key: Annotated[str, Field(min_length=1, max_length=253)]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where people are called: a POST with a CloudEvents body."""

    url: Annotated[
        str,
        AfterValidator(_read_url),
        Field(
            max_length=2048,
            json_schema_extra={
                "x-kubernetes-validations": [{"rule": f"self.matches('{_URL_PATTERN}')", "message": _URL_RULE}]
            },
        ),
    ]
    secret_ref: Annotated[
        SecretRef | None, Field(description="A token that is sent as `Authorization: Bearer`. Absent: none.")
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationSpec:
    """Who is called when automation cannot help."""

    webhook: Webhook

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
    targets: Targets
    priority: Annotated[
        int,
        Field(
            ge=-1000,
            le=1000,
            description="If several policies are for the same workload, the one with the highest number acts.",
        ),
    ] = 0
    runbook_ref: Annotated[RunbookRef, Field(description="The Runbook to follow, in the policy's namespace.")]
    limits: Limits = field(default_factory=Limits)
    approval: ApprovalRules = field(default_factory=ApprovalRules)
    force: Annotated[
        bool,
        Field(description="Act even if GitOps or another operator owns the workload and may take the change back."),
    ] = False
    suspended: Annotated[Pause | None, Field(description="While this is set, the policy starts nothing new.")] = None
    escalation: EscalationSpec | None = None
    namespace_selector: Annotated[
        LabelSelector | None,
        Field(description="Act in these namespaces, too. Only for policies in the operator's own namespace."),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


MAX_UNTARGETED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStatus(ReadinessStatus):
    """Whether the policy is in use, and the alerts that matched it but name no workload."""

    untargeted_alerts: Annotated[
        tuple[Evidence, ...],
        Field(
            max_length=MAX_UNTARGETED,
            description="Alerts that matched but lead to no workload: give them labels that do, or use targets.refs.",
        ),
    ] = ()
    untargeted_dropped: Annotated[
        int, Field(ge=0, description="How many more such alerts there have been than the list has room for.")
    ] = 0

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPolicy:
    """A RemediationPolicy as read: what decisions see of it, and what finds its signals and targets."""

    policy: Policy
    generation: int
    pod_triggers: tuple[PodTrigger, ...]
    workload_triggers: tuple[WorkloadTrigger, ...]
    alert_triggers: tuple[AlertTrigger, ...]
    targets: Targets
    runbook: str
    query_triggers: tuple[QueryTrigger, ...] = ()
    namespace_selector: LabelSelector | None = None
    webhook: Webhook | None = None
    suspension: Pause | None = None
    unusable: tuple[Unusable, ...] = ()  # triggers that are not among the others any more

    @property
    def looked_for(self) -> tuple[PodTrigger | WorkloadTrigger, ...]:
        """The triggers on what pods and workload show by themselves."""
        return (*self.pod_triggers, *self.workload_triggers)

    @property
    def has_triggers(self) -> bool:
        """Whether anything can open an incident."""
        return any((self.pod_triggers, self.workload_triggers, self.alert_triggers, self.query_triggers))

    def with_usable_triggers(self, outside: Outside | None) -> "LoadedPolicy":
        """Set aside the triggers that cannot be used, so that the others go on."""
        found = usable_triggers.find_unusable((*self.alert_triggers, *self.query_triggers), outside)
        without = [each.trigger for each in found]
        return replace(
            self,
            alert_triggers=tuple(each for each in self.alert_triggers if each not in without),
            query_triggers=tuple(each for each in self.query_triggers if each not in without),
            unusable=(*self.unusable, *found),
        )

    def at(self, now: datetime) -> Policy:
        """Take the policy as it is at `now`: a suspension whose `until` is over no longer holds."""
        until = self.suspension.until if self.suspension is not None else None
        return replace(self.policy, suspended="") if until is not None and until <= now else self.policy


_SPEC = TypeAdapter(PolicySpec)


def read_policy(obj: Mapping[str, Any]) -> LoadedPolicy:
    """Read a policy. Raises InvalidSpec that names the field, the value and the fix; KeyError without metadata."""
    metadata = obj["metadata"]
    spec = invalid.read(_SPEC, invalid.mapping(obj.get("spec"), "spec"), "spec")
    triggers = [TRIGGER.chosen(trigger) for trigger in spec.triggers]
    webhook = spec.escalation.webhook if spec.escalation is not None else None
    return LoadedPolicy(
        policy=Policy(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            mode=spec.mode,
            priority=spec.priority,
            limits=spec.limits,
            approval=spec.approval,
            force=spec.force,
            suspended=_suspended(spec.suspended),
            has_webhook=webhook is not None,
        ),
        generation=metadata.get("generation", 1),
        pod_triggers=tuple(trigger for _, trigger in triggers if isinstance(trigger, PodTrigger)),
        workload_triggers=tuple(trigger for _, trigger in triggers if isinstance(trigger, WorkloadTrigger)),
        alert_triggers=tuple(trigger for _, trigger in triggers if isinstance(trigger, AlertTrigger)),
        query_triggers=tuple(trigger for _, trigger in triggers if isinstance(trigger, QueryTrigger)),
        targets=spec.targets,
        runbook=spec.runbook_ref.name,
        namespace_selector=spec.namespace_selector,
        webhook=webhook,
        suspension=spec.suspended,
    )


def _suspended(suspension: Pause | None) -> str:
    return (suspension.reason or "no reason given") if suspension is not None else ""


def check_policy(
    loaded: LoadedPolicy, runbook: Runbook | None, runbook_error: str, operator_namespace: str, outside: Outside | None
) -> Readiness:
    """Judge what the API server cannot. A policy that is not ready does nothing; all others go on.

    `runbook` is None when there is none of that name, or when it could not be read: then `runbook_error` says why.
    """
    if loaded.namespace_selector is not None and loaded.policy.namespace != operator_namespace:
        return _not_ready(
            reasons.NAMESPACE_SELECTOR_NOT_ALLOWED,
            f"namespaceSelector is for policies in {operator_namespace} only: remove it, or move the policy there",
        )
    if loaded.namespace_selector is None and loaded.policy.namespace in _protected(operator_namespace, outside):
        said = f"namespace {loaded.policy.namespace} is protected, and no action is taken there whatever a policy says"
        return _not_ready(reasons.PROTECTED_NAMESPACE, f"{said}: move the policy beside the workloads that it heals")
    usable = loaded.with_usable_triggers(outside)
    if not usable.has_triggers:
        return usable_triggers.say(usable.unusable)
    for index, window in enumerate(loaded.policy.limits.maintenance_windows):
        fault = maintenance_window.find_fault(window)
        if fault:
            said = f"spec.limits.maintenanceWindows[{index}].{fault}"
            return _not_ready(reasons.INVALID_MAINTENANCE_WINDOW, said)
    if runbook_error:
        return _not_ready(reasons.RUNBOOK_NOT_READY, f"Runbook {loaded.runbook}: {runbook_error}")
    if runbook is None:
        missing = f"there is no Runbook {loaded.runbook} in namespace {loaded.policy.namespace}: create it"
        return _not_ready(reasons.RUNBOOK_NOT_FOUND, missing)
    return _by_runbook(check_runbook(runbook, outside), runbook)


def _protected(operator_namespace: str, outside: Outside | None) -> frozenset[str]:
    """The namespaces in which nothing is done, as far as they are known here."""
    settings = outside.protected_namespaces if outside is not None else frozenset()
    return protected_namespace.ALWAYS | {operator_namespace} | settings


def _by_runbook(found: Readiness, runbook: Runbook) -> Readiness:
    if found.ready:
        return Readiness(ready=True, reason=reasons.READY, message=f"follows Runbook {runbook.name}")
    reason = reasons.RUNBOOK_NOT_READY if found.reason == reasons.INVALID_SPEC else found.reason
    return _not_ready(reason, f"Runbook {runbook.name}: {found.message}")


def _not_ready(reason: str, message: str) -> Readiness:
    return Readiness(ready=False, reason=reason, message=message)
