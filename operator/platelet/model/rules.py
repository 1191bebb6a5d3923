"""What a room's file offers to its list: an action, as one value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A remedy: the key in the Runbook, the dataclass of its settings, what guards must know, and how it plans."""

    key: str  # rolloutRestart
    settings: type[Any]  # a frozen dataclass with CAMEL config; its fields become the CRD's
    traits: ActionTraits
    plan: Callable[[Any, Situation, datetime], Plan | Refusal]
