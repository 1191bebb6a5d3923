"""Opens Remediations, or merges facts into the open one: durable before anybody is told that it was received."""

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from platelet.api.kinds import remediation as contract
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.readers import workloads
from platelet.core import earlier_incidents, opening
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import REMEDIATIONS, WORKLOADS, Conflict, Json, Kube, NotFound, Refused
from platelet.shell.kube.clock import Clock
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.store.remediations import StoredRemediations, list_remediations

log = structlog.get_logger("platelet.opener")

_TRIES = 8
POLICY_LABEL = "platelet.dev/policy"
TARGET_LABEL = "platelet.dev/target"
_LABEL_LENGTH = 63


class Opener:
    """Brings facts to Remediations. Losing a race means looking again."""

    def __init__(  # noqa: PLR0913 - its sources, and who hears
        self,
        kube: Kube,
        clock: Clock,
        book: PolicyBook,
        index: RemediationIndex | None = None,
        *,
        remembered_template: Callable[[WorkloadRef], str | None] = lambda _target: None,
        on_opening: Callable[[WorkloadRef], None] = lambda _target: None,
    ) -> None:
        """Take the API, the time, and the policies among which one may take precedence.

        `remembered_template` is the hash of a workload's template as its stream showed it: enough to merge facts into
        what is open, and for nothing else. `on_opening` hears of the target whose Remediation is about to be stored: it
        is looked at next.

        Without an index Remediations are listed. After a lost race they always are, since the index may lag: it holds
        neither what has just been stored nor, as it tells of one target only, all names that are taken.
        """
        self._index = index or RemediationIndex(kube)
        self._kube = kube
        self._clock = clock
        self._book = book
        self._remembered_template = remembered_template
        self._on_opening = on_opening

    async def bring(
        self,
        target: WorkloadRef,
        facts: Sequence[Evidence],
        matching: Sequence[ResolvedPolicy],
        known: StoredRemediations | None = None,
    ) -> str:
        """Record facts with the one acting policy and with every observing one. Raises ApiError when it cannot.

        `known` are Remediations that were just read, to spare a read; after a lost race they are read anew.
        Returns why no Remediation of the acting policy can hold them, if another try cannot help; else nothing.
        """
        acting = opening.choose([resolved.policy for resolved in matching])
        chosen = [
            resolved
            for resolved in matching
            if resolved.runbook is not None and (resolved.policy.mode == "Observe" or resolved.policy == acting)
        ]
        refusals = [await self._record(target, facts, resolved, known) for resolved in chosen]
        return next((refusal for refusal in refusals if refusal), "")

    async def adopt(self, target: WorkloadRef, attempt: str, policy: str) -> None:
        """Open a Remediation whose only task is a revert that has outlived its own. Raises ApiError."""
        others = await list_remediations(self._kube, target.namespace)
        await self._store(target, opening.adopt(target, attempt, policy, others.readable, self._clock.now()))

    async def _record(
        self,
        target: WorkloadRef,
        facts: Sequence[Evidence],
        resolved: ResolvedPolicy,
        known: StoredRemediations | None,
    ) -> str:
        stored = known if known is not None else await self._index.about(target)
        for remaining in reversed(range(_TRIES)):
            step = await self._receive(target, facts, resolved, stored.readable)
            if step is None:
                break
            busy = stored.busy(target) if resolved.policy.mode != "Observe" else ""
            if busy and isinstance(step, opening.Create):
                log.warning("not opened: an unreadable one may be acting", target=str(target), remediation=busy)
                return f"Remediation {busy} of {target} cannot be read: delete it, or upgrade platelet"
            try:
                await self._store(target, step)
            except (Conflict, NotFound):
                if not remaining:
                    raise
                stored = await list_remediations(self._kube, target.namespace)
            else:
                if isinstance(step, opening.Create):
                    facts = [fact for fact in facts if fact is not step.spec.signal]
                if not facts:
                    break
                stored = await self._index.about(target)
        return ""

    async def _receive(
        self, target: WorkloadRef, facts: Sequence[Evidence], resolved: ResolvedPolicy, others: Sequence[Remediation]
    ) -> opening.Create | opening.Update | None:
        """What the facts lead to. What is remembered of the target is enough to merge them into what is open."""
        if resolved.runbook is None:
            return None
        policies = {policy.policy.key: policy.policy for policy in self._book.resolved_policies}
        receive = partial(opening.receive, target, facts, resolved.policy, resolved.runbook, others, policies)
        matters = earlier_incidents.asks_for_template([other for other in others if other.target == target])
        template = self._remembered_template(target) if matters else None
        step = receive(template, self._clock.now())
        if matters and (template is None or not opening.is_merged(step)):
            step = receive(await self._live_template(target), self._clock.now())
        return step

    async def _live_template(self, target: WorkloadRef) -> str | None:
        """The hash of the target's template; None where there is none."""
        try:
            stored = await self._kube.get(WORKLOADS[target.kind], target.namespace, target.name)
        except NotFound:
            return None
        return workloads.read_workload(target.kind, stored).template_hash

    async def _store(self, target: WorkloadRef, step: opening.Create | opening.Update) -> None:
        if isinstance(step, opening.Create):
            self._on_opening(target)
            stored: Json | None = await self._kube.create(REMEDIATIONS, step.namespace, _new_object(step))
        else:
            stored = await store_status(self._kube, step.remediation, step)
        if stored is not None:
            self._index.take_answer(stored)


async def store_status(kube: Kube, remediation: Remediation, update: opening.Update) -> Json | None:
    """Compare-and-swap of a Remediation's status. Raises Conflict when it has changed since it was read.

    Returns the answer, which is the object as stored; None where nothing was to be written. Raises Refused where the
    API server took it and kept what was there.
    """
    status = changed_status(remediation, update.status)
    return None if status is None else await store_written(kube, remediation, status)


def changed_status(remediation: Remediation, after: RemediationStatus) -> Json | None:
    """The status as it would be stored; None where that is what is there."""
    if after == remediation.status:
        return None
    status = contract.write_status(after)
    return status if status != contract.write_status(remediation.status) else None


async def store_written(kube: Kube, remediation: Remediation, status: Json) -> Json:
    """Compare-and-swap to a status that `changed_status` gave. Raises Conflict, and Refused as above."""
    body = {
        "apiVersion": REMEDIATIONS.api_version,
        "kind": REMEDIATIONS.kind,
        "metadata": {
            "namespace": remediation.namespace,
            "name": remediation.name,
            "uid": remediation.uid,
            "resourceVersion": remediation.resource_version,
        },
        "spec": contract.write_spec(remediation.spec),
        "status": status,
    }
    stored = await kube.replace(REMEDIATIONS, remediation.namespace, remediation.name, body, subresource="status")
    if stored["metadata"]["resourceVersion"] == remediation.resource_version:
        raise Refused(200, "NotStored", "the API server took the status and changed it back")
    return stored


def _new_object(step: opening.Create) -> dict[str, object]:
    return {
        "apiVersion": REMEDIATIONS.api_version,
        "kind": REMEDIATIONS.kind,
        "metadata": {
            "namespace": step.namespace,
            "name": step.name,
            "labels": {
                POLICY_LABEL: step.spec.policy_ref.name[:_LABEL_LENGTH].rstrip("-."),
                TARGET_LABEL: step.spec.target_ref.name[:_LABEL_LENGTH].rstrip("-."),
            },
        },
        "spec": contract.write_spec(step.spec),
    }
