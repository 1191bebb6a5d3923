"""The steps of a Remediation: those that it was opened with; of one made by hand, the Runbook's at the first look."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from platelet.api.kinds import parameters
from platelet.api.kinds import runbook as contract
from platelet.api.kinds.invalid import InvalidSpec
from platelet.model.policy import Step
from platelet.model.remediation import PinnedStep, Remediation
from platelet.model.situation import Ladder
from platelet.shell.kube import RUNBOOKS, NotFound, Reads

_REMEMBERED: Final = 256  # ladders


async def read_ladder(kube: Reads, remediation: Remediation) -> Ladder:
    """Read the pinned steps. Where only a revert is left, there are none. Raises ApiError.

    What people write into `spec.steps` by hand is passed over: a Runbook's author was asked for their rights.
    """
    spec, status = remediation.spec, remediation.status
    if not spec.by_hand:
        if spec.signal.source == "revert" and not spec.steps:
            return Ladder()
        return _understand(spec.steps)
    if status.opened_at is not None:
        return _understand(status.steps)
    namespace = spec.runbook_ref.namespace or remediation.namespace
    if namespace not in (remediation.namespace, spec.policy_ref.namespace):
        return Ladder(
            invalid=f"Runbook {namespace}/{spec.runbook_ref.name} is in another namespace: name one of its own"
        )
    try:
        runbook = contract.read_runbook(await kube.get(RUNBOOKS, namespace, spec.runbook_ref.name))
        steps = parameters.apply(runbook.steps, spec.parameters)
    except NotFound:
        return Ladder(invalid=f"there is no Runbook {namespace}/{spec.runbook_ref.name}")
    except InvalidSpec as error:
        return Ladder(invalid=str(error))
    return _understand(steps, to_pin=steps)


def _understand(raw: Sequence[Mapping[str, Any]], to_pin: tuple[PinnedStep, ...] = ()) -> Ladder:
    try:
        return Ladder(steps=_read(msgspec.json.encode(raw)), to_pin=to_pin)
    except InvalidSpec as error:
        return Ladder(invalid=str(error))


@lru_cache(maxsize=_REMEMBERED)
def _read(raw: bytes) -> tuple[Step, ...]:
    """Each look at a Remediation reads the same steps."""
    return contract.read_steps(msgspec.json.decode(raw))
