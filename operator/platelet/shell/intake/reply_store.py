"""Stores what people answered where they were told: on the Remediation, by a compare-and-swap of its status.

What they answer to what a policy has on record is stored on the policy.
"""

from datetime import datetime

from platelet.api.kinds import remediation as contract
from platelet.core import replies
from platelet.core.opening import Update
from platelet.model.remediation import Remediation
from platelet.model.reply import Reply
from platelet.shell.intake.callback_receiver import NothingStoredError, NotKnownNowError, Origin
from platelet.shell.intake.policy_replies import PolicyReplies
from platelet.shell.intake.reply_origins import ReplyOrigins
from platelet.shell.kube import REMEDIATIONS, ApiError, Conflict, Kube, NotFound
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.stored import UNREADABLE
from platelet.shell.store.opener import store_status
from platelet.shell.store.remediation_index import RemediationIndex

_TRIES = 8


class ReplyStore:
    """Stores answers of people; what the receiver of callbacks asks, it knows from others."""

    def __init__(
        self, kube: Kube, clock: Clock, index: RemediationIndex, origins: ReplyOrigins, records: PolicyReplies
    ) -> None:
        """Take the API, the time, where Remediations are, from where people answer, and who stores on policies."""
        self._kube = kube
        self._clock = clock
        self._index = index
        self._origins = origins
        self._records = records

    def find(self, place: str, namespace: str, name: str) -> Origin | None:
        """The origin that a path names; None where there is none."""
        return self._origins.find(place, namespace, name)

    async def keys(self, origin: Origin) -> tuple[bytes, ...]:
        """The keys that sign what comes from there. Raises NotKnownNowError where there is none now."""
        return await self._origins.keys(origin)

    async def store(self, origin: Origin, reply: Reply) -> None:
        """Return once the API server has it. Raises NothingStoredError, NotKnownNowError."""
        store = self._records.store if reply.course is not None else self._store
        try:
            for _ in range(_TRIES):
                try:
                    await store(origin, reply, self._clock.now())
                except Conflict:
                    continue
                return
        except ApiError as error:
            raise NotKnownNowError(f"not stored: {error.code} {error.reason}") from None
        raise NotKnownNowError("not stored: what it is about changes too often")

    async def _store(self, origin: Origin, reply: Reply, now: datetime) -> None:
        remediation = await self._read(reply.uid)
        policy = remediation.spec.policy_ref
        _, through = await self._origins.admit(origin, policy.namespace or remediation.namespace, policy.name)
        status = replies.keep(remediation, reply, reply.by(origin.callback.name), through, now)
        if isinstance(status, replies.Vain):
            raise NothingStoredError(
                f"{remediation.namespace}/{remediation.name}: {status.why}", forbidden=status.forbidden
            )
        stored = await store_status(self._kube, remediation, Update(remediation=remediation, status=status))
        if stored is not None:
            self._index.take_answer(stored)

    async def _read(self, uid: str) -> Remediation:
        """The Remediation as it is now. Raises NothingStoredError where there is none; ApiError."""
        if not self._index.complete:
            raise NotKnownNowError("it is not known yet which Remediations there are")
        key = self._index.key_of(uid)
        try:
            stored = await self._kube.get(REMEDIATIONS, *key) if key is not None else None
            remediation = contract.read_remediation(stored) if stored is not None else None
        except (NotFound, *UNREADABLE):
            remediation = None
        if remediation is None or remediation.uid != uid:
            raise NothingStoredError("there is no such Remediation")
        return remediation
