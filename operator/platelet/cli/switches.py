"""What people have switched off and may have forgotten: namespaces, workloads, policies; and how to switch on again."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.api.readers import lenient
from platelet.explain import lines
from platelet.guards.suspended import ANNOTATION
from platelet.model.durations import say_time
from platelet.shell import kube
from platelet.shell.kube.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One thing that is switched off."""

    what: str  # such as `namespace shop`
    reason: str
    resume: str  # the command that ends it

    def __str__(self) -> str:
        """Say it in a sentence."""
        return f"{self.what} is suspended by people" + (f": {self.reason}" if self.reason else "")


async def read(api: kube.Reads, clock: Clock, namespace: str) -> list[Switch]:
    """Read what is switched off in a namespace, in all of them where it is empty. Raises ApiError."""
    namespaces, policies, *workloads = await asyncio.gather(
        _namespaces(api, namespace),
        api.list(kube.POLICIES, namespace),
        *(api.list(resource, namespace) for resource in kube.WORKLOADS.values()),
    )
    of_kinds = zip(kube.WORKLOADS.values(), workloads, strict=True)
    return find(namespaces, policies, dict(of_kinds), clock.now())


async def _namespaces(api: kube.Reads, namespace: str) -> list[kube.Json]:
    return [await api.get(kube.NAMESPACES, "", namespace)] if namespace else await api.list(kube.NAMESPACES)


def find(
    namespaces: Iterable[kube.Json],
    policies: Iterable[kube.Json],
    workloads: Mapping[kube.Resource, Iterable[kube.Json]],
    now: datetime,
) -> list[Switch]:
    """Find what is switched off now among stored objects."""
    switches_off = [
        _annotated(f"namespace {_name(stored)}", f"namespace {_name(stored)}", stored) for stored in namespaces
    ]
    switches_off += [_policy(stored, now) for stored in policies]
    for resource, objects in workloads.items():
        for stored in objects:
            kind, place = resource.kind.lower(), lenient.text(_metadata(stored).get("namespace"))
            what = f"{kind} {place}/{_name(stored)}"
            switches_off.append(_annotated(what, f"{kind}/{_name(stored)} -n {place}", stored))
    return [switch for switch in switches_off if switch is not None]


def describe(switches: Iterable[Switch]) -> list[str]:
    """One line each, with the way back."""
    return [f"{switch}; to end it: {switch.resume}" for switch in switches]


def _annotated(what: str, target: str, stored: Mapping[str, Any]) -> Switch | None:
    reason = lenient.texts(_metadata(stored).get("annotations")).get(ANNOTATION, "false")
    if reason == "false":
        return None
    return Switch(
        what=what,
        reason="" if reason == "true" else lines.clean(reason),
        resume=f"kubectl annotate {target} {ANNOTATION}-",
    )


def _policy(stored: Mapping[str, Any], now: datetime) -> Switch | None:
    spec = lenient.mapping(stored.get("spec"))
    suspension = lenient.mapping(spec.get("suspended"))
    until = lenient.moment(suspension.get("until"))
    if "suspended" not in spec or (until is not None and until <= now):
        return None
    place, name = lenient.text(_metadata(stored).get("namespace")), _name(stored)
    reason = lines.clean(lenient.text(suspension.get("reason")))
    patch = """--type=json -p '[{"op": "remove", "path": "/spec/suspended"}]'"""
    return Switch(
        what=f"policy {place}/{name}",
        reason=", ".join(part for part in (reason, f"until {say_time(until)}" if until else "") if part),
        resume=f"kubectl patch rempol {name} -n {place} {patch}",
    )


def _metadata(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    return lenient.mapping(stored.get("metadata"))


def _name(stored: Mapping[str, Any]) -> str:
    return lenient.text(_metadata(stored).get("name"))
