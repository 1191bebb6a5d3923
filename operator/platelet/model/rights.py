"""Rights as RBAC names them: a verb on a resource. Each action declares once which ones it needs."""

from collections.abc import Collection
from dataclasses import dataclass

from platelet.model.workload import KINDS

_SUBRESOURCE_VERBS = {"scale": "scale", "eviction": "evict", "resize": "resize"}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """One verb on one resource of the Kubernetes API."""

    group: str  # empty for core
    resource: str  # deployments
    subresource: str = ""
    verb: str
    only_with: tuple[str, str] | None = None  # a setting of the action, and the value with which it needs this

    @property
    def path(self) -> str:
        """As the rules of a ClusterRole say it: `deployments/scale`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    @property
    def deed(self) -> str:
        """What one does with it, for people: `scale deployments`, `patch deployments`."""
        return f"{_SUBRESOURCE_VERBS.get(self.subresource, self.verb)} {self.resource}"

    @property
    def condition(self) -> str:
        """With which setting of the action it is needed, for people; empty if always."""
        return f" with {self.only_with[0]}: {self.only_with[1]}" if self.only_with else ""

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{group}" + (f"/{self.subresource}" if self.subresource else "")


def on_workloads(verb: str, subresource: str = "", *, without: Collection[str] = ()) -> tuple[Right, ...]:
    """The same verb on every kind of workload that can be a target, but for the kinds that the action refuses."""
    return tuple(
        Right(group="apps", resource=f"{kind.lower()}s", subresource=subresource, verb=verb)
        for kind in KINDS
        if str(kind) not in without
    )
