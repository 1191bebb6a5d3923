"""Parameters of a runbook by hand: another value for a step, within the bounds that the Runbook's author has set."""

from collections.abc import Mapping, Sequence
from typing import Any

from platelet.actions import BY_KEY
from platelet.api.kinds import runbook
from platelet.api.kinds.invalid import InvalidSpec


def apply(raw: Sequence[Mapping[str, Any]], parameters: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
    """The steps as written, with the parameters in those that take them.

    Raises InvalidSpec where a parameter is one of no step, or beyond a step's bounds.
    """
    steps = runbook.read_steps(raw)
    taken = {name for step in steps for name in BY_KEY[step.action].parameters}
    for name in parameters:
        if name not in taken:
            known = ", ".join(sorted(taken)) or "none"
            raise InvalidSpec(f"parameters.{name}: no step of this Runbook takes it; those that it takes: {known}")
    return tuple(
        {**written, step.action: _settings(step.action, step.settings, written[step.action], parameters)}
        for written, step in zip(raw, steps, strict=True)
    )


def _settings(action: str, settings: Any, written: Any, parameters: Mapping[str, str]) -> Any:
    for name, set_parameter in BY_KEY[action].parameters.items():
        if name in parameters:
            try:
                written = set_parameter(settings, parameters[name])
            except ValueError as error:
                raise InvalidSpec(f"parameters.{name}: {error}") from None
    return written
