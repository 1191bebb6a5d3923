"""Pod templates: what names them, whoever carries them; and which of their parts only restart pods."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

POD_TEMPLATE_HASH = "pod-template-hash"
CONTROLLER_REVISION_HASH = "controller-revision-hash"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

_RESTART_STAMP: Final = re.compile(
    r"""(?ix)                                    # annotations whose only use is to replace the pods
    ^(?: (?:.*[/._-])? (?:last-?)? restart(?:ed)?-?(?:at|time|timestamp)?   # kubectl, OpenShift, Vault Secrets Operator
      |  cattle\.io/timestamp                    # Rancher: Redeploy
      |  reloader\.stakater\.com/last-reloaded-.*  # Reloader, strategy annotations
      |  operator\.1password\.io/last-restarted
      |  keel\.sh/update-time                    # Keel: the same tag is pulled again
      |  rollme                                  # Helm's documented way: random at each upgrade
    )$"""
)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?.{0,40}")
_EPOCH: Final = re.compile(r"[0-9]{10}(?:[0-9]{3})?(?:\.[0-9]+)?")  # seconds or milliseconds
_NAMES_A_TIME: Final = re.compile(r"(?i)date|time|stamp|deploy|rollout")
_RELOADER_ENV: Final = re.compile(r"STAKATER_.+_(CONFIGMAP|SECRET)")  # Reloader, strategy env-vars: its default
_CONTAINERS: Final = ("containers", "initContainers")


def hash_template(template: Mapping[str, Any]) -> str:
    """Name a pod template by its meaning: 16 hex digits, the same for a workload and its revisions.

    A restart is not a change (TRAPS 2), whichever tool stamps it: neither the label pod-template-hash nor a restart
    stamp counts, nor do nulls and empty metadata, which the API server writes in one place and drops in another. A
    checksum of a configuration does count: it says that the pods were made for another one.
    """
    meaning = _without_nulls(template)
    metadata = meaning.get("metadata")
    if isinstance(metadata, dict):
        for field in ("labels", "annotations"):
            entries = metadata.get(field)
            if isinstance(entries, dict):
                for key in [key for key, value in entries.items() if _only_restarts(key, value)]:
                    del entries[key]
            if not entries:
                metadata.pop(field, None)
        if not metadata:
            del meaning["metadata"]
    _drop_reloaders_variables(meaning.get("spec"))
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _only_restarts(key: str, value: Any) -> bool:
    """Whether a label or an annotation of a template says no more than that its pods are to be replaced.

    By its name, or since its value is a moment: no container is configured by the time of its release.
    """
    if key == POD_TEMPLATE_HASH or _RESTART_STAMP.fullmatch(key):
        return True
    if not isinstance(value, str):
        return False
    return bool(_TIME.fullmatch(value)) or bool(_NAMES_A_TIME.search(key) and _EPOCH.fullmatch(value))


def _drop_reloaders_variables(spec: Any) -> None:
    """Take away the variables by which Reloader restarts pods: a hash of what they read, which nothing reads."""
    if not isinstance(spec, dict):
        return
    for field in _CONTAINERS:
        containers = spec.get(field)
        for container in containers if isinstance(containers, list) else ():
            variables = container.get("env") if isinstance(container, dict) else None
            if not isinstance(variables, list):
                continue
            kept = [each for each in variables if not _is_reloaders(each)]
            if len(kept) == len(variables):
                continue
            container["env"] = kept
            if not kept:  # as it was before the first restart
                del container["env"]


def _is_reloaders(variable: Any) -> bool:
    name = variable.get("name") if isinstance(variable, dict) else None
    return isinstance(name, str) and bool(_RELOADER_ENV.fullmatch(name))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(child) for child in value]
    return value
