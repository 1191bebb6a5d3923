"""One leader: a coordination.k8s.io Lease, judged by how long we ourselves saw it unchanged (DESIGN 3).

The times in the Lease are for people. A holder counts from before it sent its last renewal, a candidate from
after it last saw a change, so that no two believe to lead at once as long as their boot clocks run alike.
"""

import asyncio
import random
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NoReturn

import structlog

from platelet.api.readers import lenient
from platelet.shell import kube
from platelet.shell.kube import clock

NAME = "platelet"
BUDGET_UID = "platelet.dev/budget-uid"
RENEWAL = "platelet.dev/renewal"
"""Another text at each write: without a trusted clock the times stay, and a write that changes nothing is none."""
DURATION = timedelta(seconds=15)
_RENEWALS = 3  # per duration
_log = structlog.get_logger("platelet.lease")


class LeaseLostError(Exception):
    """We lead no more; the message says why."""


class Leadership:
    """Our part in the election. One task waits and holds; `time_left` may be asked by anybody in the loop."""

    def __init__(  # noqa: PLR0913 - an election has these parts
        self,
        api: kube.Kube,
        server_clock: clock.Clock,
        namespace: str,
        identity: str,
        *,
        duration: timedelta = DURATION,
        boot: Callable[[], float] = clock.boot_time,
    ) -> None:
        """`identity` names this pod; a random part tells its restarts apart."""
        self._api, self._clock, self._namespace = api, server_clock, namespace
        self.holder = f"{identity}_{secrets.token_hex(4)}"
        self._duration, self._boot = duration.total_seconds(), boot
        self._lease: kube.Json | None = None  # as last seen
        self._seen_once = False
        self._changed_at = boot()  # when we last saw another version of it than before
        self._renewed_at: float | None = None  # when the last successful renewal was sent; None: not leading
        self.left_at: datetime | None = None  # when the holder before us was last there, by its own clock
        self._time_is_trusted = False
        self._acquired_at = ""  # by the API server's time, for people
        self._writing = asyncio.Lock()

    def time_left(self) -> float:
        """Seconds for which nobody else can lead; 0 when we do not."""
        if self._renewed_at is None:
            return 0.0
        return max(0.0, self._renewed_at + self._duration - self._boot())

    def budget_uid(self) -> str | None:
        """Which ActionBudget the leaders of this cluster have used, as far as the Lease last told."""
        annotations = (self._lease or {}).get("metadata", {}).get("annotations") or {}
        return annotations.get(BUDGET_UID) or None

    def trust_time(self) -> None:
        """From now on our own time may stand on the Lease: what the one before us has left there was made use of."""
        self._time_is_trusted = True

    async def remember_budget(self, uid: str) -> None:
        """Write the budget's uid on the Lease, which counts as a renewal. Raises LeaseLostError or an ApiError."""
        async with self._writing:
            await self._renew(uid)

    async def wait_until_leading(self) -> None:
        """Return when we lead. Errors of the API server are waited out."""
        while True:
            async with self._writing:
                try:
                    await self._observe()
                    if await self._take():
                        _log.info("leading", holder=self.holder)
                        return
                except kube.ApiError as error:
                    _log.warning("lease_unavailable", detail=str(error))
            await asyncio.sleep(self._pause() * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret

    async def hold(self) -> NoReturn:
        """Renew until it fails. Raises LeaseLostError at the latest when `time_left` is 0."""
        pause = self._pause()
        try:
            while True:
                await asyncio.sleep(min(pause, self.time_left()))
                if self.time_left() <= 0:
                    raise LeaseLostError("the lease could not be renewed in time")
                pause = self._pause() if await self._renewed() else self._pause() / 5
        finally:
            self._renewed_at = None

    async def release(self) -> None:
        """Let the next one lead at once. Best effort; we stop leading before it is sent."""
        async with self._writing:
            self._renewed_at = None
            try:
                await self._give_up()
            except kube.ApiError as error:
                _log.info("lease_not_released", detail=str(error))

    async def _give_up(self) -> None:
        if self._spec().get("holderIdentity") != self.holder:
            return
        try:
            await self._write({"holderIdentity": ""})
        except kube.Conflict:  # most likely our own renewal, whose answer did not come
            await self._observe()
            if self._spec().get("holderIdentity") == self.holder:
                await self._write({"holderIdentity": ""})

    def _pause(self) -> float:
        return self._duration / _RENEWALS

    async def _renewed(self) -> bool:
        """Renew once, within the time left. Raises LeaseLostError when it is certain that the lease is not ours."""
        try:
            async with asyncio.timeout(min(self._pause(), self.time_left())), self._writing:
                await self._renew(self.budget_uid())
        except kube.NotFound as error:
            raise LeaseLostError("the lease was deleted") from error
        except (kube.ApiError, TimeoutError) as error:
            _log.warning("lease_not_renewed", detail=str(error))
            return False
        return True

    async def _renew(self, budget_uid: str | None) -> None:
        """Write the next renewal; look again once if someone else wrote. Raises LeaseLostError, ApiError."""
        for _ in range(2):
            if self.time_left() <= 0:
                raise LeaseLostError("the lease is not ours")
            try:
                await self._write({"holderIdentity": self.holder}, budget_uid)
            except kube.Conflict:
                await self._observe()
                holder = self._spec().get("holderIdentity")
                if holder != self.holder:
                    self._renewed_at = None
                    raise LeaseLostError(f"{holder or 'nobody'} holds the lease") from None
            else:
                return
        raise kube.Unanswered(409, "Conflict", "others keep writing to the lease")

    async def _observe(self) -> None:
        """Read the Lease, and note the moment when it differs from what we saw before."""
        try:
            lease: kube.Json | None = await self._api.get(kube.LEASES, self._namespace, NAME)
        except kube.NotFound:
            lease = None
        if _version(lease) != _version(self._lease):
            self._changed_at = self._boot()
            self._seen_once = True
        self._lease = lease

    async def _take(self) -> bool:
        """Take the Lease if it is free. A lost race is a no; an unknown outcome is settled by the next look."""
        if not self._is_free():
            return False
        try:
            self._time_is_trusted, self._acquired_at = self._lease is None, ""
            self.left_at = lenient.moment(self._spec().get("renewTime"))
            if self._lease is None:
                await self._create()
            else:
                transitions = int(self._spec().get("leaseTransitions") or 0) + 1
                await self._write({"holderIdentity": self.holder, "leaseTransitions": transitions}, self.budget_uid())
        except kube.Conflict:
            return False
        return True

    def _is_free(self) -> bool:
        if self._lease is None and not self._seen_once:
            return True  # a cluster that never had one
        holder = self._spec().get("holderIdentity")
        if self._lease is not None and (not holder or holder == self.holder):
            return True
        # Someone holds it, or it was deleted, of which its holder may not know yet.
        longest = max(self._duration, float(self._spec().get("leaseDurationSeconds") or 0))
        return self._boot() - self._changed_at >= longest

    async def _create(self) -> None:
        sent = self._boot()
        spec = self._times({"holderIdentity": self.holder, "leaseTransitions": 0}, acquired=True)
        body = {
            "apiVersion": kube.LEASES.api_version,
            "kind": kube.LEASES.kind,
            "metadata": {"name": NAME, "namespace": self._namespace},
            "spec": spec,
        }
        self._lease = await self._api.create(kube.LEASES, self._namespace, body)
        self._renewed_at = sent

    async def _write(self, changes: dict[str, Any], budget_uid: str | None = None) -> None:
        """Replace the Lease that we saw last, by its resourceVersion."""
        if self._lease is None:
            raise kube.NotFound(404, "NotFound", "the lease is gone")
        sent = self._boot()
        metadata = dict(self._lease["metadata"])
        metadata["annotations"] = {**(metadata.get("annotations") or {}), RENEWAL: secrets.token_hex(4)}
        if budget_uid:
            metadata["annotations"][BUDGET_UID] = budget_uid
        spec = self._times({**self._spec(), **changes}, acquired="leaseTransitions" in changes)
        body = {**self._lease, "metadata": metadata, "spec": spec}
        self._lease = await self._api.replace(kube.LEASES, self._namespace, NAME, body)
        self._changed_at = self._boot()
        self._renewed_at = sent if changes["holderIdentity"] == self.holder else None

    def _times(self, spec: dict[str, Any], *, acquired: bool) -> dict[str, Any]:
        """Add the duration, and the times that people read; without a clock that is trusted they stay as they are."""
        spec["leaseDurationSeconds"] = max(1, round(self._duration))
        if self._clock.ready and self._time_is_trusted:
            now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self._acquired_at = now if acquired else self._acquired_at or now
            spec |= {"renewTime": now, "acquireTime": self._acquired_at}
        return spec

    def _spec(self) -> kube.Json:
        return dict((self._lease or {}).get("spec") or {})


def _version(lease: kube.Json | None) -> str | None:
    return lease["metadata"].get("resourceVersion") if lease else None
