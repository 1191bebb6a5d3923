"""kopf's handlers: they hand an object over and do nothing else, so kopf writes nothing onto any object (TRAPS 30)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import kopf

from platelet.shell import kube

OUR_KINDS = (kube.REMEDIATIONS, kube.RUNBOOKS, kube.POLICIES, kube.ESCALATION_POLICIES, kube.BUDGETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An object of one of our own kinds as kopf shows it; of one that was deleted, its last state."""

    plural: str  # of its kind
    stored: kube.Json
    deleted: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Its namespace and name."""
        metadata = self.stored["metadata"]
        return metadata.get("namespace", ""), metadata["name"]


OnObject = Callable[[Shown], None]


def registry(on_object: OnObject, login: Callable[[], kopf.AiohttpSession]) -> kopf.OperatorRegistry:
    """Build a registry of our own; kopf's global one stays empty."""
    own = kopf.OperatorRegistry()

    async def hand_over(resource: kopf.Resource, event: kopf.RawEvent, type: str | None, **_: Any) -> None:  # noqa: A002
        on_object(Shown(plural=resource.plural, stored=dict(event["object"]), deleted=type == "DELETED"))

    async def log_in(**_: Any) -> kopf.AiohttpSession:
        return login()

    kopf.on.login(registry=own, id="platelet", backoff=1.0)(log_in)  # its own would be a minute
    for kind in OUR_KINDS:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=own, id=kind.plural)(hand_over)
    return own
