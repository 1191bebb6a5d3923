"""Opens Remediations, or merges facts into the open one: durable before anybody is told that it was received."""

from collections.abc import Sequence

import structlog

from platelet.api import remediation as contract
from platelet.api import workloads
from platelet.core import continuing, opening
from platelet.model.remediation import Remediation
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.kube import REMEDIATIONS, WORKLOADS, Conflict, Kube, NotFound, Refused
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.survey import Survey, survey

log = structlog.get_logger("platelet.opener")

_TRIES = 8
POLICY_LABEL = "platelet.dev/policy"
TARGET_LABEL = "platelet.dev/target"
_LABEL_LENGTH = 63


class Opener:
    """Brings facts to Remediations. Losing a race means looking again."""

    def __init__(self, kube: Kube, clock: Clock, book: PolicyBook) -> None:
        """Take the API, the time, and the policies among which one may take precedence."""
        self._kube = kube
        self._clock = clock
        self._book = book

    async def bring(
        self,
        target: WorkloadRef,
        facts: Sequence[Evidence],
        matching: Sequence[Standing],
        known: Survey | None = None,
    ) -> str:
        """Record facts with the one acting policy and with every observing one. Raises ApiError when it cannot.

        `known` are Remediations that were just read, to spare a read; after a lost race they are read anew.
        Returns why the acting policy has none for them, which is not to be mended by another try; mostly nothing.
        """
        acting = opening.choose([each.policy for each in matching])
        chosen = [
            each
            for each in matching
            if each.runbook is not None and (each.policy.mode == "Observe" or each.policy == acting)
        ]
        said = [await self._record(target, facts, each, known) for each in chosen]
        return next((each for each in said if each), "")

    async def adopt(self, target: WorkloadRef, attempt: str, policy: str) -> None:
        """Open a Remediation whose only task is a take-back that has outlived its own. Raises ApiError."""
        others = await survey(self._kube, target.namespace)
        await self._store(opening.adopt(target, attempt, policy, others.readable, self._clock.now()))

    async def _record(
        self,
        target: WorkloadRef,
        facts: Sequence[Evidence],
        standing: Standing,
        known: Survey | None,
    ) -> str:
        for remaining in reversed(range(_TRIES)):
            found = known if known is not None else await survey(self._kube, target.namespace)
            known, others = None, found.readable
            policies = {each.policy.key: each.policy for each in self._book.standings}
            siblings = [each for each in others if each.target == target]
            if standing.runbook is None:
                break
            live = await self._live_template(target, siblings)
            now = self._clock.now()
            step = opening.receive(target, facts, standing.policy, standing.runbook, others, policies, live, now)
            if step is None:
                break
            busy = found.busy(target) if standing.policy.mode != "Observe" else ""
            if busy and isinstance(step, opening.Create):
                log.warning("not opened: an unreadable one may be acting", target=str(target), remediation=busy)
                return f"Remediation {busy} of {target} cannot be read: delete it, or upgrade platelet"
            try:
                await self._store(step)
            except (Conflict, NotFound):
                if not remaining:
                    raise
        return ""

    async def _live_template(self, target: WorkloadRef, siblings: Sequence[Remediation]) -> str | None:
        """The hash of the target's template, where it matters."""
        if not continuing.asks_for_template(siblings):
            return None
        try:
            stored = await self._kube.get(WORKLOADS[target.kind], target.namespace, target.name)
        except NotFound:
            return None
        return workloads.read_workload(target.kind, stored).template_hash

    async def _store(self, step: opening.Create | opening.Update) -> None:
        if isinstance(step, opening.Create):
            await self._kube.create(REMEDIATIONS, step.namespace, _new_object(step))
        else:
            await store_status(self._kube, step.remediation, step)


async def store_status(kube: Kube, remediation: Remediation, update: opening.Update) -> None:
    """Compare-and-swap of a Remediation's status. Raises Conflict when it has changed since it was read.

    The answer is the object as stored: Refused where the API server took it and kept what was there.
    """
    status = contract.write_status(update.status)
    if status == contract.write_status(remediation.status):
        return
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
