"""Looks up what a policy names: the workloads of its refs, the Secrets of its sinks, what steps and triggers need.

That all is there is believed for half an hour; what is missing is looked for each time, until it is there.
"""

import base64
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from platelet.api.kinds.caveats import Surroundings, destinations_of, own_destinations
from platelet.api.kinds.escalation_policy import EscalationPolicy
from platelet.api.kinds.policy import LoadedPolicy
from platelet.model.request import SIGNING, Destination, SecretRef
from platelet.model.resource import CRON_JOBS, JOBS, Resource
from platelet.model.standard_webhooks import SECRET_RULE, read_secret
from platelet.model.trigger import FromJobs
from platelet.shell.kube import WORKLOADS, NotFound, Reads, Refused
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.namespaces import find_unlistable
from platelet.shell.store import secret_keys, signing_keys

T = TypeVar("T")
_BELIEVED = timedelta(minutes=30)
_UNTIL_UPDATED = timedelta(minutes=1)  # between tries to store what the installed CRD does not know
_SENT_AGAIN = timedelta(minutes=15)  # by when a sender has tried again what was not stored
_NAMESPACES_ASKED = 5  # a ref of more namespaces may be anywhere: it is not looked for


class PolicyReferences:
    """Looks up what policies name; what is there is remembered, so that asking again costs nothing."""

    def __init__(self, kube: Reads, clock: Clock) -> None:
        """Take the API to ask, and the time."""
        self._kube = kube
        self._clock = clock
        self._complete: dict[str, tuple[object, datetime]] = {}  # by policy: what was asked for, and until when
        self._unfound: dict[tuple[str, str], tuple[str, datetime]] = {}  # why, and until when that is believed
        self._unrecorded: dict[tuple[str, str], tuple[str, datetime]] = {}  # why, and when it is tried again

    async def look_up(
        self, loaded: LoadedPolicy, namespaces: Iterable[str], needed: Collection[tuple[Resource, str]] = ()
    ) -> Surroundings:
        """Look up what is missing. What may not be read, but for the Secret, is taken for present. Raises ApiError."""
        places = sorted(namespaces)
        asked = (loaded.targets.refs, places, own_destinations(loaded.policy), sorted(needed, key=str))
        looking = partial(_look_up, self._kube, loaded, places, needed)
        return await self._find_missing(loaded.policy.key, asked, looking, Surroundings())

    async def missing_rights(self, loaded: LoadedPolicy, namespaces: Collection[str]) -> tuple[str, ...]:
        """What the operator may not do, and a trigger on Jobs needs; none without such a trigger. Raises ApiError."""
        if not loaded.triggers_of(FromJobs):
            return ()
        places, key = sorted(namespaces), _on_jobs(loaded.policy.namespace, loaded.policy.name)
        return await self._find_missing(key, places, partial(_missing_rights, self._kube, places), ())

    def doubt_rights(self, namespace: str, name: str) -> None:
        """Ask again what a policy's trigger on Jobs needs: it is known better."""
        self._complete.pop(_on_jobs(namespace, name), None)

    def note_unrecorded(self, namespace: str, name: str, why: str) -> None:
        """Note what keeps a policy from having on record whom it tells; empty: nothing."""
        self._unrecorded.pop((namespace, name), None)
        if why:
            self._unrecorded[namespace, name] = why, self._clock.now() + _UNTIL_UPDATED

    def unrecorded(self, namespace: str, name: str) -> str:
        """What did when something was to be stored last."""
        return self._unrecorded.get((namespace, name), ("", None))[0]

    def note_unfound(self, namespace: str, name: str, why: str) -> None:
        """Note what keeps the operator from finding what alerts of a policy are about; they are sent again."""
        self._unfound[namespace, name] = why, self._clock.now() + _SENT_AGAIN

    def unfound(self, namespace: str, name: str) -> str:
        """What does, as far as an alert has come a while ago; else nothing."""
        why, until = self._unfound.get((namespace, name), ("", self._clock.now()))
        return why if self._clock.now() < until else ""

    def unrecorded_until(self, namespace: str, name: str) -> datetime | None:
        """Before when it is in vain to store more of it; None: it may be tried."""
        _, until = self._unrecorded.get((namespace, name), ("", None))
        return until if until is not None and self._clock.now() < until else None

    async def faults_of(self, escalation: EscalationPolicy) -> dict[str, str]:
        """Why the Secrets of an EscalationPolicy's sinks give no token, by sink. Raises ApiError."""
        destinations = destinations_of(escalation.sinks)
        key = f"EscalationPolicy {escalation.namespace}/{escalation.name}"
        looking = partial(_faults_of, self._kube, escalation.namespace, destinations)
        return await self._find_missing(key, destinations, looking, {})

    async def key_faults_of(self, escalation: EscalationPolicy) -> dict[str, str]:
        """Why keys of an EscalationPolicy's callbacks are none, by callback; looked at each time. Raises ApiError."""
        faults: dict[str, str] = {}
        for callback in escalation.callbacks:
            for key in escalation.keys_of(callback):
                try:
                    await signing_keys.read(self._kube, key)
                except signing_keys.NoKeyError as error:
                    faults.setdefault(callback, str(error))
        return faults

    async def _find_missing(self, key: str, asked: object, look_up: Callable[[], Awaitable[T]], nothing: T) -> T:
        """What is missing of what is asked; `nothing`, unasked, while that was the answer to the same a while ago."""
        now = self._clock.now()
        before, until = self._complete.get(key, (None, now))
        if before == asked and now < until:
            return nothing
        self._complete.pop(key, None)
        missing = await look_up()
        if missing == nothing:
            self._complete[key] = asked, now + _BELIEVED
        return missing


def _on_jobs(namespace: str, name: str) -> str:
    return f"Jobs of {namespace}/{name}"


async def _missing_rights(kube: Reads, places: Collection[str]) -> tuple[str, ...]:
    missing = [await find_unlistable(kube, resource, places) for resource in (JOBS, CRON_JOBS)]
    return tuple(filter(None, missing))


async def _look_up(
    kube: Reads, loaded: LoadedPolicy, places: Sequence[str], needed: Iterable[tuple[Resource, str]]
) -> Surroundings:
    asked = places if len(places) <= _NAMESPACES_ASKED else ()
    targets = await _missing(kube, [(WORKLOADS[ref.kind], ref.name) for ref in loaded.targets.refs or ()], asked)
    objects = await _missing(kube, needed, asked)
    return Surroundings(
        missing_targets=tuple(f"{resource.kind} {name}" for resource, name in targets),
        missing_objects=tuple(resource.named(name) for resource, name in objects),
        secret_faults=await _faults_of(kube, loaded.policy.namespace, own_destinations(loaded.policy)),
    )


async def _faults_of(kube: Reads, namespace: str, destinations: Mapping[str, Destination]) -> dict[str, str]:
    faults = {
        f"{name}.{field}": await _fault_of(kube, namespace, reference, signs=field == SIGNING)
        for name, destination in destinations.items()
        for field, reference in destination.secrets.items()
    }
    return {name: fault for name, fault in faults.items() if fault}


async def _missing(
    kube: Reads, wanted: Iterable[tuple[Resource, str]], namespaces: Collection[str]
) -> list[tuple[Resource, str]]:
    """Those that are in none of these namespaces; none where nobody is asked."""
    return [ref for ref in wanted if namespaces and not await _exists(kube, ref, namespaces)]


async def _exists(kube: Reads, ref: tuple[Resource, str], namespaces: Iterable[str]) -> bool:
    resource, name = ref
    for namespace in namespaces:
        try:
            await kube.get(resource, namespace, name)
        except NotFound:
            continue
        except Refused:
            return True
        return True
    return False


async def _fault_of(kube: Reads, namespace: str, reference: SecretRef, *, signs: bool) -> str:
    """Why the Secret gives no token; empty when it does. The value is looked at where only some can be used."""
    try:
        encoded = await secret_keys.read(kube, reference.within(namespace))
    except secret_keys.NoSecretKeyError as error:
        return str(error)
    if signs and not _can_sign(encoded):
        return f"the Secret {namespace}/{reference.name}: {reference.key} is {SECRET_RULE}"
    return ""


def _can_sign(encoded: str) -> bool:
    """Whether what a Secret holds is a signing secret."""
    try:
        read_secret(base64.b64decode(encoded, validate=True).decode("ascii"))
    except ValueError:  # also of what is no base64, or no ASCII
        return False
    return True
