"""Acknowledges failed Jobs: on each policy that has one on record and has called people for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import FAILED_JOBS
from platelet.api.readers import lenient
from platelet.cli.session import NothingToTellError
from platelet.explain.eligibility import Unread
from platelet.model import approval
from platelet.model.failed_job import FailedJob, Subject
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledFor:
    """A failed Job for which a policy has called people, and nobody has said so far that they have heard."""

    namespace: str  # of the policy
    policy: str
    entry: FailedJob


def find(subject: Subject, policies: Sequence[ResolvedPolicy | Unread]) -> tuple[CalledFor, ...]:
    """Find what can be acknowledged. Raises NothingToTellError that says why there is nothing."""
    kind, namespace, name = subject
    where = f"{kind} {namespace}/{name}"
    of_it = [
        (resolved, entry)
        for resolved in policies
        if isinstance(resolved, ResolvedPolicy)
        for entry in resolved.failed_jobs
        if entry.subject == subject and entry.is_open and entry.call is not None
    ]
    if not of_it:
        why = f"platelet explain {kind.lower()}/{name} -n {namespace}"
        raise NothingToTellError(f"people are not called for {where} now: {why} says why")
    unheard = tuple(
        CalledFor(namespace=resolved.policy.namespace, policy=resolved.policy.name, entry=entry)
        for resolved, entry in of_it
        if not entry.is_acknowledged
    )
    if not unheard:
        known_by = ", ".join(dict.fromkeys(entry.call.acknowledged_by for _, entry in of_it if entry.call is not None))
        raise NothingToTellError(f"{where} is acknowledged already, by {known_by}")
    return unheard


async def write(client: "ClusterClient", called_for: CalledFor, user: str) -> None:
    """Annotate the policy, unless it is another one by now. Raises ApiError."""
    stored = await client.get(kube.POLICIES, called_for.namespace, called_for.policy)
    uid = stored["metadata"]["uid"]
    body = {"metadata": {"uid": uid, "annotations": annotations(stored, called_for.entry, user)}}
    await client.patch(kube.POLICIES, called_for.namespace, called_for.policy, body, agent="cli")


def annotations(stored: Mapping[str, object], entry: FailedJob, user: str) -> dict[str, str | None]:
    """Write the acknowledgement, and take away those of what is over, so that they do not pile up."""
    metadata = lenient.mapping(stored.get("metadata"))
    uid = lenient.text(metadata.get("uid"))
    listed = FAILED_JOBS.read(lenient.mapping(stored.get("status")))
    standing = {approval.JOB_ACKNOWLEDGED + known.token(uid) for known in listed if known.is_open}
    written = lenient.mapping(metadata.get("annotations"))
    over = [key for key in written if key.startswith(approval.JOB_ACKNOWLEDGED) and key not in standing]
    return {**dict.fromkeys(over), approval.JOB_ACKNOWLEDGED + entry.token(uid): user}
