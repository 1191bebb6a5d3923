"""How many of a policy's targets want pods, and which are sick: counted anew only where something has changed."""

from collections import defaultdict

from platelet.api.kinds.targets import Targets
from platelet.core import causes
from platelet.model.policy import Scope
from platelet.model.remediation import BEFORE_ACTING, Remediation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell.read.held_incidents import HeldIncidents
from platelet.shell.store.remediation_index import Key
from platelet.shell.store.remediations import Unreadable
from platelet.shell.watch.workload_records import WorkloadRecord

_TROUBLED = (*BEFORE_ACTING, "Acting", "Verifying", "Escalated")


class ScopeCount:
    """The targets of one policy and the incidents in its namespaces, each in its newest known state.

    A target is sick if it is not Available, or has an incident that is not over, of whichever policy. What is switched
    off cannot be sick, unless an incident says that it is.
    """

    def __init__(self, policy_key: str, targets: Targets) -> None:
        """Nothing is counted yet."""
        self._policy_key, self._targets = policy_key, targets
        self._members: dict[WorkloadRef, WorkloadRecord] = {}
        self._incidents: dict[Key, Remediation | Unreadable] = {}
        self._keys: dict[WorkloadRef, set[Key]] = defaultdict(set)  # of the incidents of each
        self._held = HeldIncidents()
        self._wanting: set[WorkloadRef] = set()
        self._sick: set[WorkloadRef] = set()
        self._told_sick: frozenset[WorkloadRef] | None = frozenset()  # None: to be made anew

    def see_workload(self, ref: WorkloadRef, record: WorkloadRecord | None) -> None:
        """Take a workload in the policy's namespaces as it is; None: it is gone."""
        if record is None or record.deleting or not self._targets.matches(record.labels, ref.name, ref.kind):
            self._members.pop(ref, None)
        else:
            self._members[ref] = record
        self._judge(ref)

    def see_incident(self, key: Key, incident: Remediation | Unreadable | None) -> None:
        """Take a Remediation in the policy's namespaces as it is; None: it is closed or gone."""
        before = self._incidents.pop(key, None)
        if before is not None:
            self._forget(key, before)
        if incident is None:
            return
        self._incidents[key] = incident
        if isinstance(incident, Remediation) and incident.policy_key == self._policy_key:
            self._held.add(incident)
        if incident.target is not None:
            self._keys[incident.target].add(key)
            self._judge(incident.target)

    def around(self, mine: Remediation) -> Scope:
        """The scope as one incident sees it: its own target is sick, and what others tell people it need not tell."""
        target = mine.target
        switched_off = target in self._members and target not in self._wanting
        if self._told_sick is None:
            self._told_sick = frozenset(self._sick)
        return Scope(
            total=len(self._wanting) + switched_off,
            sick=self._told_sick if target in self._told_sick else self._told_sick | {target},
            told_by_others=self._held.told_beside(mine),
            left_to_others=self._held.left_to_older(mine),
        )

    def was_acted_on_in_vain(self, target: WorkloadRef) -> bool:
        """Whether something was done in an incident of it, and did not help."""
        return any(
            isinstance(incident, Remediation) and causes.was_acted_on_in_vain(incident)
            for incident in self._incidents_of(target)
        )

    def _incidents_of(self, target: WorkloadRef) -> list[Remediation | Unreadable]:
        return [self._incidents[key] for key in self._keys.get(target, ())]

    def _forget(self, key: Key, incident: Remediation | Unreadable) -> None:
        if isinstance(incident, Remediation) and incident.policy_key == self._policy_key:
            self._held.remove(incident)
        if incident.target is not None:
            self._keys[incident.target].discard(key)
            if not self._keys[incident.target]:
                del self._keys[incident.target]
            self._judge(incident.target)

    def _judge(self, ref: WorkloadRef) -> None:
        """Count one anew, by what is known of it."""
        record = self._members.get(ref)
        troubled = any(_troubles(incident) for incident in self._incidents_of(ref))
        wants_pods = record is not None and record.replicas > 0
        _put(self._wanting, ref, belongs=record is not None and (wants_pods or troubled))
        sick = record is not None and (troubled or (wants_pods and _is_unavailable(ref.kind, record)))
        if _put(self._sick, ref, belongs=sick):
            self._told_sick = None


def _put(members: set[WorkloadRef], ref: WorkloadRef, *, belongs: bool) -> bool:
    """Add or remove one; whether that made a difference."""
    if belongs == (ref in members):
        return False
    (members.add if belongs else members.remove)(ref)
    return True


def _troubles(incident: Remediation | Unreadable) -> bool:
    """Whether it says that its target is sick; one that cannot be read counts as not over."""
    if isinstance(incident, Unreadable):
        return True
    status = incident.status
    return status.state in _TROUBLED and not incident.mere_request and status.quiet_since is None


def _is_unavailable(kind: Kind, record: WorkloadRecord) -> bool:
    """By the workload's own word; the template is not looked at, so that 1,000 of them cost little.

    A Deployment says whether too many pods are missing. The other kinds only count, so one missing pod is enough.
    """
    return record.unavailable if kind == "Deployment" else record.available_replicas < record.replicas
