"""Looks up what a policy names: the workloads of its refs, the Secrets of its sinks, what steps and triggers need.

That all is there is believed for half an hour; what is missing is looked for each time, until it is there.
"""

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

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

_BELIEVED = timedelta(minutes=30)
_NAMESPACES_ASKED = 5  # a ref of more namespaces may be anywhere: it is not looked for


class PolicyReferences:
    """What policies name. It costs nothing to ask again and again for what is there."""

    def __init__(self, kube: Reads, clock: Clock) -> None:
        """Take the API to ask, and the time."""
        self._kube = kube
        self._clock = clock
        self._complete: dict[str, tuple[object, datetime]] = {}  # by policy: what was asked for, and until when

    async def look_up(
        self, loaded: LoadedPolicy, namespaces: Iterable[str], needed: Collection[tuple[Resource, str]] = ()
    ) -> Surroundings:
        """Look up what is missing. What may not be read, but for the Secret, is taken for present. Raises ApiError."""
        places, key, now = sorted(namespaces), loaded.policy.key, self._clock.now()
        asked = (loaded.targets.refs, places, own_destinations(loaded.policy), sorted(needed, key=str))
        before, until = self._complete.get(key, (None, now))
        if before == asked and now < until:
            return Surroundings()
        self._complete.pop(key, None)
        references = await _look_up(self._kube, loaded, places, needed)
        if references == Surroundings():
            self._complete[key] = asked, now + _BELIEVED
        return references

    async def missing_rights(self, loaded: LoadedPolicy, namespaces: Collection[str]) -> tuple[str, ...]:
        """What the operator may not do, and a trigger on Jobs needs; none without such a trigger. Raises ApiError."""
        if not loaded.triggers_of(FromJobs):
            return ()
        places, key, now = sorted(namespaces), _on_jobs(loaded.policy.namespace, loaded.policy.name), self._clock.now()
        before, until = self._complete.get(key, (None, now))
        if before == places and now < until:
            return ()
        self._complete.pop(key, None)
        missing = [await find_unlistable(self._kube, resource, places) for resource in (JOBS, CRON_JOBS)]
        if not any(missing):
            self._complete[key] = places, now + _BELIEVED
        return tuple(filter(None, missing))

    def doubt_rights(self, namespace: str, name: str) -> None:
        """Ask again what a policy's trigger on Jobs needs: it is known better."""
        self._complete.pop(_on_jobs(namespace, name), None)

    async def faults_of(self, escalation: EscalationPolicy) -> dict[str, str]:
        """Why the Secrets of an EscalationPolicy's sinks give no token, by sink. Raises ApiError."""
        now, destinations = self._clock.now(), destinations_of(escalation.sinks)
        key = f"EscalationPolicy {escalation.namespace}/{escalation.name}"
        before, until = self._complete.get(key, (None, now))
        if before == destinations and now < until:
            return {}
        self._complete.pop(key, None)
        faults = await _faults_of(self._kube, escalation.namespace, destinations)
        if not faults:
            self._complete[key] = destinations, now + _BELIEVED
        return faults

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


def _on_jobs(namespace: str, name: str) -> str:
    return f"Jobs of {namespace}/{name}"


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
