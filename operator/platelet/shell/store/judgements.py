"""What was found of policies, Runbooks and EscalationPolicies as they were read, each by itself."""

from collections.abc import Awaitable
from dataclasses import dataclass

import structlog

from platelet.api.kinds.caveats import Caveat
from platelet.api.kinds.conditions import Readiness
from platelet.model import reasons
from platelet.shell.kube import ApiError, Json, Resource

Findings = tuple[Readiness, tuple[Caveat, ...] | None]
"""Whether an object can be used, and its caveats, None where these are not known now."""
_log = structlog.get_logger("platelet.judgements")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found of one object; without `caveats` these are not known now."""

    resource: Resource
    stored: Json
    readiness: Readiness
    caveats: tuple[Caveat, ...] | None

    @property
    def is_read(self) -> bool:
        """Whether it is known what it says."""
        return self.readiness.reason != reasons.INVALID_SPEC


async def alone(resource: Resource, stored: Json, judging: Awaitable[Findings]) -> Judgement:
    """Take what was found of one object. A defect of ours that it meets keeps nothing else from working.

    Raises ApiError: that is about the API server, not about this object.
    """
    try:
        readiness, caveats = await judging
    except ApiError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is about this object
        metadata = stored["metadata"]
        _log.exception("unreadable", kind=resource.kind, namespace=metadata.get("namespace"), name=metadata["name"])
        message = f"platelet fails to read it, which is a defect: report it ({type(error).__name__}: {error})"
        readiness, caveats = Readiness(ready=False, reason=reasons.INVALID_SPEC, message=message), ()
    return Judgement(resource=resource, stored=stored, readiness=readiness, caveats=caveats)
