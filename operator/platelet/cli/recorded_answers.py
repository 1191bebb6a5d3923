"""Acknowledges failed Jobs, and alerts without a target: on each policy that has called people for one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS
from platelet.api.readers import lenient
from platelet.cli.session import NothingToTellError
from platelet.explain.eligibility import Unread
from platelet.model import approval
from platelet.model.failed_job import FailedJob, Subject
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledFor:
    """What a policy has called people for, and nobody has said so far that they have heard."""

    namespace: str  # of the policy
    policy: str
    entry: FailedJob | UntargetedAlert


def find_job(subject: Subject, policies: Sequence[ResolvedPolicy | Unread]) -> tuple[CalledFor, ...]:
    """Find what can be acknowledged. Raises NothingToTellError that says why there is nothing."""
    kind, namespace, name = subject
    where = f"{kind} {namespace}/{name}"
    of_it = _on_record(policies, lambda known: [entry for entry in known.failed_jobs if entry.subject == subject])
    return _unheard(of_it, where, f"platelet explain {kind.lower()}/{name} -n {namespace} says why")


def find_alert(name: str, namespace: str, policies: Sequence[ResolvedPolicy | Unread]) -> tuple[CalledFor, ...]:
    """Find what can be acknowledged of the alerts of this name, as policies for this namespace have them on record.

    Raises NothingToTellError that says why there is nothing.
    """
    of_it = _on_record(policies, lambda known: [entry for entry in known.untargeted if entry.reason == name])
    look = f"platelet get policies -n {namespace} shows the alerts that lead to no workload"
    return _unheard(of_it, f"alert {name} without a workload in {namespace}", look)


def _on_record(
    policies: Sequence[ResolvedPolicy | Unread],
    entries: Callable[[ResolvedPolicy], Iterable[FailedJob | UntargetedAlert]],
) -> list[CalledFor]:
    """These entries of each policy that can be read."""
    return [
        CalledFor(namespace=resolved.policy.namespace, policy=resolved.policy.name, entry=entry)
        for resolved in policies
        if isinstance(resolved, ResolvedPolicy)
        for entry in entries(resolved)
    ]


def _unheard(of_it: Sequence[CalledFor], where: str, look: str) -> tuple[CalledFor, ...]:
    """Those for which people are called, and nobody has heard."""
    calling = [(known, known.entry.call) for known in of_it if known.entry.is_open and known.entry.call is not None]
    if not calling:
        raise NothingToTellError(f"people are not called for {where} now: {look}")
    unheard = tuple(known for known, _ in calling if not known.entry.is_acknowledged)
    if not unheard:
        known_by = ", ".join(dict.fromkeys(call.acknowledged_by for _, call in calling))
        raise NothingToTellError(f"{where} is acknowledged already, by {known_by}")
    return unheard


async def write(client: "ClusterClient", called_for: CalledFor, user: str) -> None:
    """Annotate the policy, unless it is another one by now. Raises ApiError."""
    stored = await client.get(kube.POLICIES, called_for.namespace, called_for.policy)
    uid = stored["metadata"]["uid"]
    body = {"metadata": {"uid": uid, "annotations": annotations(stored, called_for.entry, user)}}
    await client.patch(kube.POLICIES, called_for.namespace, called_for.policy, body, agent="cli")


def annotations(stored: Mapping[str, object], entry: FailedJob | UntargetedAlert, user: str) -> dict[str, str | None]:
    """Write the acknowledgement, and take away those of what is over, so that they do not pile up."""
    metadata = lenient.mapping(stored.get("metadata"))
    uid = lenient.text(metadata.get("uid"))
    status = lenient.mapping(stored.get("status"))
    listed: list[FailedJob | UntargetedAlert] = [*FAILED_JOBS.read(status), *ALERTS.read(status)]
    standing = {approval.ACKNOWLEDGED_ON_POLICY + known.token(uid) for known in listed if known.is_open}
    written = lenient.mapping(metadata.get("annotations"))
    over = [key for key in written if key.startswith(approval.ACKNOWLEDGED_ON_POLICY) and key not in standing]
    return {**dict.fromkeys(over), approval.ACKNOWLEDGED_ON_POLICY + entry.token(uid): user}
