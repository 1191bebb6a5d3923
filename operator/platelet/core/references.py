"""Which Secrets and ConfigMaps a template names, and which of them a kubelet reports as missing (TRAPS 44).

A missing one is a cause elsewhere only if the last healthy template names it too; if only the newest one does, the
release is the fault. Nothing is read from Secrets: the kubelet's message names them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from platelet.model import references
from platelet.model.revision import RevisionRecord, last_healthy
from platelet.model.workload import Pod

_MISSING = re.compile(r'\b(secret|configmap) "([^"]{1,253})" not found')
_NO_KEY = re.compile(r"couldn't find key (\S{1,253}) in (Secret|ConfigMap) \S{1,253}/([^\s/]{1,253})")


def missing_elsewhere(pods: Sequence[Pod], records: Sequence[RevisionRecord]) -> tuple[str, ...]:
    """`secret/db` for what is missing although the last healthy template relied on it as well.

    A key that is missing in one that is there reads `key DB_URL of secret/db`.
    """
    last = last_healthy(records)
    if last is None:
        return ()
    relied_on, missing = {*_named(last.template)}, {*_reported(pods)}
    return tuple(sorted(missing & relied_on))


def _reported(pods: Sequence[Pod]) -> Iterable[str]:
    for container in (
        container for pod in pods if pod.is_active for container in pod.containers if container.state == "waiting"
    ):
        yield from (f"{kind}/{name}" for kind, name in _MISSING.findall(container.message))
        yield from (_key(key, kind.lower(), name) for key, kind, name in _NO_KEY.findall(container.message))


def _key(key: str, kind: str, name: str) -> str:
    return f"key {key} of {kind}/{name}"


def _named(template: Mapping[str, Any]) -> Iterable[str]:
    for kind, name, key, _ in references.named(template):
        yield f"{kind}/{name}"
        yield from [_key(key, kind, name)] if key else []
