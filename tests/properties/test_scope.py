"""How much of a policy's scope is sick: counted by what has changed it is what counting all of it would give."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from platelet.api.kinds import policy as policy_contract
from platelet.api.kinds import remediation as contract
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.targets import Targets, WorkloadName
from platelet.api.readers.selectors import LabelSelector
from platelet.core import places
from platelet.model.held import Held
from platelet.model.policy import ACTING, Mode, Scope
from platelet.model.remediation import BEFORE_ACTING, PinnedRef, Remediation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell import kube
from platelet.shell.kube.journal import Journal
from platelet.shell.read.scope import ScopeReader
from platelet.shell.read.sources import sources_of
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.store.remediations import StoredRemediations, state_of
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.properties.any_situation import Chance, many
from tests.scenarios.manifests import policy
from tests.unit.shell.memory_kube import MemoryKube
from tests.unit.situations import NOW, a_remediation, a_situation, a_status, minutes

Key = tuple[str, str]
KINDS: tuple[Kind, ...] = ("Deployment", "StatefulSet")
NAMESPACES = ("shop", "bank", "park")
NAMES = ("a", "b", "c")
TARGETS = (
    Targets(all=True),
    Targets(all=True, kinds=KINDS),
    Targets(selector=LabelSelector(match_labels={"heal": "yes"}), kinds=KINDS),
    Targets(refs=(WorkloadName(kind="Deployment", name="a"), WorkloadName(kind="StatefulSet", name="b"))),
)
REACHES = (frozenset({"shop"}), frozenset({"shop", "bank"}), frozenset(NAMESPACES))
MODES: tuple[Mode, ...] = ("Observe", "Enforce")
STATES = ("Waiting", "AwaitingApproval", "Acting", "Verifying", "Monitoring", "Escalated", "Closed")
FEW = 3  # changes that are remembered: now and then more has changed


class Cluster:
    """What streams, kopf and the API server show of workloads and Remediations, and two policies."""

    def __init__(self, runner: asyncio.Runner) -> None:
        """Nothing is there yet."""
        self.runner = runner
        self.version = 0
        self.workloads: dict[Kind, dict[Key, WorkloadRecord]] = {kind: {} for kind in KINDS}
        self.changes: dict[Kind, Journal[Key]] = {kind: Journal(FEW) for kind in KINDS}
        self.api = MemoryKube()
        self.index = RemediationIndex(self.api)
        self.index.take_all([])
        memory = ClusterMemory(
            streams=StreamMemory(workloads=self.workloads, changes=self.changes), knows_workloads=lambda _kind: True
        )
        self.reader = ScopeReader(sources_of(self.api, memory).remembered, memory, self.index)
        self.policies = [_a_policy("heal"), _a_policy("other")]

    def show_workload(self, chance: Chance) -> None:
        """One comes, or changes in any way."""
        kind, key = chance.one_of(KINDS), _any_key(chance)
        self.version += 1
        self.workloads[kind][key] = WorkloadRecord(
            namespace=key[0],
            name=key[1],
            uid=f"{kind}-{key}",
            resource_version=str(self.version),
            labels=chance.one_of(({}, {"heal": "yes"})),
            replicas=chance.number(0, 2),
            available_replicas=chance.number(0, 2),
            deleting=chance.once_in(5),
            unavailable=chance.once_in(2),
        )
        self.changes[kind].note(key)

    def end_workload(self, chance: Chance) -> None:
        """One goes."""
        kind, key = chance.one_of(KINDS), _any_key(chance)
        if self.workloads[kind].pop(key, None) is not None:
            self.changes[kind].note(key)

    def show_incident(self, chance: Chance) -> None:
        """One is opened, goes on, is closed, is handed from one target to another of the same name, or is spoilt."""
        self.version += 1
        key = _any_key(chance)
        self.index.take_answer(_stored(_any_incident(chance, key), self.version, spoilt=chance.once_in(5)))

    def end_incident(self, chance: Chance) -> None:
        """One is deleted."""
        key = _any_key(chance)
        stored = self.index.find(*key)
        if stored is not None:
            self.index.see_deleted(key[0], key[1], stored["metadata"]["uid"])

    def list_anew(self, chance: Chance) -> None:
        """We led no more, and lead again."""
        known = [self.index.find(*key) for key in _all_keys() if chance.once_in(2)]
        self.index.forget()
        self.index.take_all([stored for stored in known if stored is not None])

    def change_policy(self, chance: Chance) -> None:
        """One is for others than before."""
        place = chance.number(0, 1)
        changed = self.policies[place]
        loaded = replace(changed.loaded, targets=chance.one_of(TARGETS))
        self.policies[place] = replace(changed, loaded=loaded, namespaces=chance.one_of(REACHES))

    def one_of_them(self, chance: Chance) -> Remediation:
        """One that looks around: as it is known, or of a newer state than that, or not known yet."""
        new = _any_incident(chance, _any_key(chance))
        known = self.index.read_open((new.namespace, new.name))
        return known if isinstance(known, Remediation) and chance.once_in(2) else new

    def read(self, mine: Remediation, resolved: ResolvedPolicy) -> Scope:
        """What is counted, by one look."""
        situation = replace(a_situation(), remediation=mine, policy=None)
        scope = self.runner.run(self.reader.read(situation, resolved))
        assert scope is not None
        return scope

    def count(self, mine: Remediation, resolved: ResolvedPolicy) -> Scope:
        """All of it, plainly."""
        reach = {mine.target.namespace, *resolved.namespaces}
        stored = [self.index.find(*key) for key in _all_keys() if key[0] in reach]
        near = StoredRemediations(
            [remediation for remediation in stored if remediation is not None and state_of(remediation) != "Closed"]
        )
        targets, ill = resolved.loaded.targets, {spoilt.target for spoilt in near.unreadable}
        ill |= {incident.target for incident in near.readable if _is_unwell(incident)} | {mine.target}
        total, sick = 0, {mine.target}
        for kind in KINDS:
            for record in self.workloads[kind].values():
                ref = WorkloadRef(kind=kind, namespace=record.namespace, name=record.name)
                if _is_member(targets, resolved.namespaces, ref, record) and (record.replicas > 0 or ref in ill):
                    total += 1
                    sick |= {ref} if ref in ill or _is_short(kind, record) else set()
        others = [
            incident
            for incident in near.readable
            if incident.uid != mine.uid and incident.policy_key == mine.policy_key and incident.status.held is not None
        ]
        told_reasons, left = _told(others, mine)
        return Scope(total=total, sick=frozenset(sick), told_by_others=told_reasons, left_to_others=left)


def _a_policy(name: str) -> ResolvedPolicy:
    written = policy()
    loaded = policy_contract.read_policy(
        {**written, "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"}}
    )
    return ResolvedPolicy(loaded=replace(loaded, targets=TARGETS[0]), runbook=None, namespaces=REACHES[0])


def _is_member(targets: Targets, namespaces: Collection[str], ref: WorkloadRef, record: WorkloadRecord) -> bool:
    return not record.deleting and ref.namespace in namespaces and targets.matches(record.labels, ref.name, ref.kind)


def _is_short(kind: Kind, record: WorkloadRecord) -> bool:
    short = record.unavailable if kind == "Deployment" else record.available_replicas < record.replicas
    return record.replicas > 0 and short


def _is_unwell(incident: Remediation) -> bool:
    status = incident.status
    over = status.state in ("Monitoring", "Closed") or status.quiet_since is not None
    return not over and not incident.mere_request


def _told(others: Collection[Remediation], mine: Remediation) -> tuple[frozenset[str], frozenset[str]]:
    told_reasons, left = set(), set()
    for incident in others:
        held = incident.status.held
        assert held is not None
        if held.told_at is not None:
            told_reasons.add(held.reason)
        elif incident.status.state in BEFORE_ACTING and incident.spec.mode in ACTING:
            left |= {held.reason} if places.seniority(incident) < places.seniority(mine) else set()
    return frozenset(told_reasons), frozenset(left)


def _all_keys() -> list[Key]:
    return [(namespace, name) for namespace in NAMESPACES for name in NAMES]


def _stored(incident: Remediation, version: int, *, spoilt: bool) -> kube.Json:
    """As the API server stores it; a spoilt one cannot be read."""
    metadata = {
        "namespace": incident.namespace,
        "name": incident.name,
        "uid": incident.uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-21T11:00:00Z",
    }
    status = contract.write_status(incident.status)
    stored = {"metadata": metadata, "spec": contract.write_spec(incident.spec), "status": status}
    return {**stored, "status": {**status, "attempts": 1}} if spoilt else stored


def _any_key(chance: Chance) -> Key:
    return chance.one_of(_all_keys())


def _any_incident(chance: Chance, key: Key) -> Remediation:
    """One of any policy, state and age; another object of the same name may have been there before."""
    held = Held(reason=chance.one_of(("R", "S")), since=NOW, told_at=chance.one_of((None, NOW)))
    remediation = a_remediation(
        namespace=key[0],
        name=key[1],
        uid=f"{key}-{chance.number(0, 1)}",
        status=a_status(
            state=chance.one_of(STATES),
            opened_at=chance.one_of((None, NOW, NOW - minutes(1))),
            quiet_since=chance.rarely(NOW, None),
            held=chance.one_of((None, held)),
            evidence=(),
        ),
    )
    spec = remediation.spec
    target = replace(spec.target_ref, kind=chance.one_of(KINDS), name=chance.one_of(NAMES))
    named = PinnedRef(name=chance.one_of(("heal", "other")), namespace="shop")
    signal = replace(spec.signal, source=chance.rarely("request", "pod"))
    return replace(
        remediation,
        spec=replace(spec, policy_ref=named, target_ref=target, mode=chance.one_of(MODES), signal=signal),
    )


STEPS: tuple[Callable[[Cluster, Chance], None], ...] = (
    Cluster.show_workload,
    Cluster.show_workload,
    Cluster.show_incident,
    Cluster.show_incident,
    Cluster.end_workload,
    Cluster.end_incident,
    Cluster.change_policy,
    Cluster.list_anew,
)


@many
@given(st.integers(0, 2**48).map(Chance))
def test_what_is_counted_by_what_has_changed_is_what_counting_all_of_it_gives(chance: Chance) -> None:
    with asyncio.Runner() as runner:
        cluster = Cluster(runner)
        for _ in range(30):
            chance.one_of(STEPS)(cluster, chance)
            if chance.once_in(2):  # else more changes until the next look
                mine = cluster.one_of_them(chance)
                resolved = next(policy for policy in cluster.policies if policy.policy.key == mine.policy_key)
                assert cluster.read(mine, resolved) == cluster.count(mine, resolved)
