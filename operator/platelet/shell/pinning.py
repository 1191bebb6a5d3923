"""The steps of a Remediation: those that it was opened with; of one made by hand, the Runbook's at the first look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platelet.api import parameters
from platelet.api import runbook as contract
from platelet.api.invalid import InvalidSpec
from platelet.model.policy import Step
from platelet.model.remediation import PinnedStep, Remediation
from platelet.shell.kube import RUNBOOKS, Kube, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The steps, or what is wrong with them. `to_pin` are those as written that are not on the record yet."""

    steps: tuple[Step, ...] = ()
    to_pin: tuple[PinnedStep, ...] = ()
    invalid: str = ""


async def read_ladder(kube: Kube, remediation: Remediation) -> Ladder:
    """Read the pinned steps. Where only a take-back is left, there are none. Raises ApiError.

    What people write into `spec.steps` by hand is passed over: a Runbook's author was asked for their rights.
    """
    spec, status = remediation.spec, remediation.status
    if not spec.by_hand:
        if spec.signal.source == "takeBack" and not spec.steps:
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
        return Ladder(steps=contract.read_steps(raw), to_pin=to_pin)
    except InvalidSpec as error:
        return Ladder(invalid=str(error))
