"""Which container of a template a step is about: the one that it names, or the only one that it can be."""

from collections.abc import Collection, Iterable
from typing import Annotated, Final

from pydantic import Field

from platelet.model import reasons
from platelet.model.verdict import Refusal
from platelet.model.workload import Container, Pod, Workload

ContainerName = Annotated[str, Field(min_length=1, max_length=63)]
_OOM: Final = "OOMKilled"


def find(named: str | None, live: Workload, suspects: Iterable[Collection[str]]) -> str | Refusal:
    """The container that is named, or the only one of those that are suspected first."""
    spec = live.template.get("spec") or {}
    known = [
        str(container.get("name")) for kind in ("containers", "initContainers") for container in spec.get(kind) or ()
    ]
    if named is not None:
        if named in known:
            return named
        message = f"{live.ref} has no container {named}: it has {', '.join(known)}"
        return Refusal(reason=reasons.NO_SUCH_CONTAINER, message=message)
    meant = sorted(next((names for names in suspects if names), ()))
    if len(meant) == 1:
        return meant[0]
    message = f"which container is meant is not known ({', '.join(meant)}): name it in `container`"
    return Refusal(reason=reasons.NO_SUCH_CONTAINER, message=message)


def mains(live: Workload) -> frozenset[str]:
    """The containers that are no init containers."""
    return frozenset(
        str(container.get("name")) for container in (live.template.get("spec") or {}).get("containers", ())
    )


def killed(pods: Iterable[Pod]) -> frozenset[str]:
    """Those that ran out of memory."""
    return frozenset(status.name for status in _statuses(pods) if _OOM in (status.reason, status.last_reason))


def failing(pods: Iterable[Pod]) -> frozenset[str]:
    """Those that have ended badly, or wait to be started again."""
    return frozenset(status.name for status in _statuses(pods) if _is_failing(status))


def _statuses(pods: Iterable[Pod]) -> list[Container]:
    return [status for pod in pods if pod.is_active for status in pod.containers]


def _is_failing(status: Container) -> bool:
    ended_badly = status.state == "terminated" and status.exit_code != 0
    return ended_badly or (status.state == "waiting" and status.restarts > 0)
