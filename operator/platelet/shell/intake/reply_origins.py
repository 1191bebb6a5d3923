"""From where people answer: through an EscalationPolicy that names the place, and its keys.

An answer to what a policy tells comes through the EscalationPolicy that the policy follows, and through no other:
whoever holds the keys of one namespace answers for nobody else's incidents and Jobs.
"""

from collections.abc import Callable

from platelet.api.kinds.escalation_policy import ANSWERS, EscalationPolicy, read_escalation_policy
from platelet.api.kinds.invalid import InvalidSpec
from platelet.model.policy import Policy
from platelet.model.reply import Through
from platelet.model.request import SecretKey
from platelet.shell.intake.callback_receiver import NothingStoredError, NotKnownNowError, Origin
from platelet.shell.kube import ESCALATION_POLICIES, ApiError, Kube, NotFound
from platelet.shell.kube.clock import boot_time
from platelet.shell.kube.latest import Latest
from platelet.shell.store import signing_keys
from platelet.shell.store.policies import PolicyBook

_KEYS_FOR = 10.0  # seconds that a key is used before its Secret is read again: who knows none causes few reads
_REMEMBERED = 100  # keys, or why there is none


class ReplyOrigins:
    """Which origins there are, what signs there, and for which policies they answer."""

    def __init__(self, kube: Kube, book: PolicyBook, *, boot: Callable[[], float] = boot_time) -> None:
        """Take the API, and the policies with the EscalationPolicies that they follow."""
        self._kube = kube
        self._book = book
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

    async def admit(self, origin: Origin, namespace: str, name: str) -> tuple[Policy, Through]:
        """The policy as it is now, and by what answers to it are judged. Raises NothingStoredError, ApiError.

        Only the origin that the policy follows answers for it.
        """
        resolved = await self._book.live(namespace, name)
        if resolved is None:
            raise NothingStoredError("its policy is gone, or cannot be read")
        followed = (resolved.policy.namespace, resolved.loaded.escalation)
        if followed != (origin.namespace, origin.name):
            raise NothingStoredError("its policy does not follow this EscalationPolicy")
        return resolved.policy, (await self._present(origin)).through(origin.callback.name)

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
