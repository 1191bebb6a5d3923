"""Which Secrets and ConfigMaps a template names, and which of them a kubelet reports as missing (TRAPS 44).

A missing one is a cause elsewhere only if the last healthy template names it too; if only the newest one does, the
release is the fault. Nothing is read from Secrets: the kubelet's message names them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from platelet.model.revision import RevisionRecord
from platelet.model.workload import Pod

_MISSING = re.compile(r'\b(secret|configmap) "([^"]{1,253})" not found')
_NAMED_BY = {
    "secretRef": ("secret", "name"),
    "secretKeyRef": ("secret", "name"),
    "secret": ("secret", "secretName"),
    "configMapRef": ("configmap", "name"),
    "configMapKeyRef": ("configmap", "name"),
    "configMap": ("configmap", "name"),
}


def missing_elsewhere(pods: Sequence[Pod], records: Sequence[RevisionRecord]) -> tuple[str, ...]:
    """`secret/db` for what is missing although the last healthy template relied on it as well."""
    healthy = [each for each in records if each.ever_healthy and each.health != "Bad"]
    if not healthy:
        return ()
    last = max(healthy, key=lambda each: each.health_since or each.first_seen)
    relied_on = {f"{kind}/{name}" for kind, name in _named(last.template)}
    missing = {f"{kind}/{name}" for kind, name in _reported(pods)}
    return tuple(sorted(missing & relied_on))


def _reported(pods: Sequence[Pod]) -> Iterable[tuple[str, str]]:
    for pod in pods:
        for container in pod.containers:
            yield from _MISSING.findall(container.message)


def _named(node: Any) -> Iterable[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in _NAMED_BY and isinstance(value, Mapping):
                kind, field = _NAMED_BY[key]
                name = value.get(field)
                if isinstance(name, str):
                    yield kind, name
            yield from _named(value)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for each in node:
            yield from _named(each)
