"""Stamps on a pod template that only have its pods replaced: a restart, whichever tool asked for it (TRAPS 2)."""

import re
from typing import Any, Final

POD_TEMPLATE_HASH: Final = "pod-template-hash"
RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"

_NAME: Final = re.compile(
    r"""(?ix)
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


def only_restarts(key: str, value: Any) -> bool:
    """Whether a label or an annotation of a template says no more than that its pods are to be replaced.

    By its name, or since its value is a moment: no container is configured by the time of its release.
    """
    if key == POD_TEMPLATE_HASH or _NAME.fullmatch(key):
        return True
    if not isinstance(value, str):
        return False
    return bool(_TIME.fullmatch(value)) or bool(_NAMES_A_TIME.search(key) and _EPOCH.fullmatch(value))


def is_reloaders_variable(name: Any) -> bool:
    """Whether an environment variable is Reloader's: a hash of what the container reads, which nothing reads."""
    return isinstance(name, str) and bool(_RELOADER_ENV.fullmatch(name))
