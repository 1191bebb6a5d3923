"""kopf's handlers: they hand a key over and do nothing else, so kopf writes nothing onto any object (TRAPS 30)."""

from collections.abc import Callable
from typing import Any

import kopf

from platelet.shell import kube

OUR_KINDS = (kube.REMEDIATIONS, kube.RUNBOOKS, kube.POLICIES, kube.BUDGETS)

OnKey = Callable[[str, str, str], None]
"""Called with plural, namespace, name."""


def registry(on_key: OnKey, login: Callable[[], kopf.AiohttpSession]) -> kopf.OperatorRegistry:
    """Build a registry of our own; kopf's global one stays empty."""
    own = kopf.OperatorRegistry()

    async def hand_over(resource: kopf.Resource, namespace: str | None, name: str | None, **_: Any) -> None:
        on_key(resource.plural, namespace or "", name or "")

    async def log_in(**_: Any) -> kopf.AiohttpSession:
        return login()

    kopf.on.login(registry=own, id="platelet", backoff=1.0)(log_in)  # its own would be a minute
    for kind in OUR_KINDS:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=own, id=kind.plural)(hand_over)
    return own
