"""What is wrong with something that people wrote, and that the API server could not know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why it can never be used, or does nothing, said so that its author can mend it."""

    reason: str  # a constant of model.reasons
    message: str
