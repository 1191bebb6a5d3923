"""Stores what people answered where they were told: on the Remediation, by a compare-and-swap of its status.

It comes through the EscalationPolicy that the Remediation's own policy follows, and through no other: whoever holds the
keys of one namespace answers for nobody else's incidents.
"""

from collections.abc import Callable
from datetime import datetime

from platelet.api.kinds import remediation as contract
from platelet.api.kinds.escalation_policy import ANSWERS, EscalationPolicy, read_escalation_policy
from platelet.api.kinds.invalid import InvalidSpec
from platelet.core import replies
from platelet.core.opening import Update
from platelet.model.remediation import Remediation
from platelet.model.reply import Reply
from platelet.model.request import SecretKey
from platelet.shell.intake.callback_receiver import NothingStoredError, NotKnownNowError, Origin
from platelet.shell.kube import ESCALATION_POLICIES, REMEDIATIONS, ApiError, Conflict, Kube, NotFound
from platelet.shell.kube.clock import Clock, boot_time
from platelet.shell.kube.latest import Latest
from platelet.shell.kube.stored import UNREADABLE
from platelet.shell.store import signing_keys
from platelet.shell.store.opener import store_status
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediation_index import RemediationIndex

_TRIES = 8
_KEYS_FOR = 10.0  # seconds that a key is used before its Secret is read again: who knows none causes few reads
_REMEMBERED = 100  # keys, or why there is none


class ReplyStore:
    """What the receiver of callbacks asks and hands over to."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        book: PolicyBook,
        index: RemediationIndex,
        *,
        boot: Callable[[], float] = boot_time,
    ) -> None:
        """Take the API, the time, the EscalationPolicies, and where Remediations are."""
        self._kube = kube
        self._clock = clock
        self._book = book
        self._index = index
        self._boot = boot
        self._keys: Latest[SecretKey, tuple[float, bytes | str]] = Latest(_REMEMBERED)

    def find(self, place: str, namespace: str, name: str) -> Origin | None:
        """The origin that a path names; None where there is none."""
        escalation = self._book.escalation_policy(namespace, name)
        if escalation is None or place not in escalation.callbacks:
            return None
        return Origin(callback=ANSWERS[place], namespace=namespace, name=name)

    async def keys(self, origin: Origin) -> tuple[bytes, ...]:
        """The keys that sign what comes from there. Raises NotKnownNowError where there is none now."""
        wanted = self._escalation(origin).keys_of(origin.callback.name)
        read = [await self._key(reference) for reference in wanted]
        keys = tuple(key for key in read if isinstance(key, bytes))
        if not keys:
            raise NotKnownNowError("none of its keys can be read: its EscalationPolicy says why")
        return keys

    async def store(self, origin: Origin, reply: Reply) -> None:
        """Return once the API server has it. Raises NothingStoredError, NotKnownNowError."""
        try:
            for _ in range(_TRIES):
                try:
                    await self._store(origin, reply, self._clock.now())
                except Conflict:
                    continue
                return
        except ApiError as error:
            raise NotKnownNowError(f"not stored: {error.code} {error.reason}") from None
        raise NotKnownNowError("not stored: the Remediation changes too often")

    async def _store(self, origin: Origin, reply: Reply, now: datetime) -> None:
        remediation = await self._read(reply.uid)
        policy = remediation.spec.policy_ref
        resolved = await self._book.live(policy.namespace or remediation.namespace, policy.name)
        follows = resolved is not None and (resolved.policy.namespace, resolved.loaded.escalation) == (
            origin.namespace,
            origin.name,
        )
        if not follows:
            raise NothingStoredError("its policy does not follow this EscalationPolicy")
        place = origin.callback.name
        through = (await self._present(origin)).through(place)
        status = replies.keep(remediation, reply, reply.by(place), through, now)
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

    async def _present(self, origin: Origin) -> EscalationPolicy:
        """The EscalationPolicy as it is now: who was taken off its list may answer no more."""
        try:
            escalation = read_escalation_policy(
                await self._kube.get(ESCALATION_POLICIES, origin.namespace, origin.name)
            )
        except (NotFound, InvalidSpec):
            raise NothingStoredError("its EscalationPolicy is gone") from None
        if origin.callback.name not in escalation.callbacks:
            raise NothingStoredError("its EscalationPolicy has no such callback any more")
        return escalation

    def _escalation(self, origin: Origin) -> EscalationPolicy:
        escalation = self._book.escalation_policy(origin.namespace, origin.name)
        if escalation is None:
            raise NotKnownNowError("its EscalationPolicy is gone")
        return escalation

    async def _key(self, reference: SecretKey) -> bytes | str:
        """A key, or why there is none. Raises NotKnownNowError where that is not known."""
        read_at, key = self._keys.get(reference, (float("-inf"), ""))
        if self._boot() - read_at < _KEYS_FOR:
            return key
        try:
            key = await signing_keys.read(self._kube, reference)
        except signing_keys.NoKeyError as error:
            key = str(error)
        except ApiError as error:
            raise NotKnownNowError(f"a Secret could not be read: {error.code} {error.reason}") from None
        return self._keys.put(reference, (self._boot(), key))[1]
