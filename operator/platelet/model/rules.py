"""What a room's file offers to its list: an action, a guard, a check or a sink, as one value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from platelet.model.effects import Effect
from platelet.model.intent import PostState
from platelet.model.notice import Notice
from platelet.model.policy import Verification
from platelet.model.reading import Question
from platelet.model.remediation import Attempt, Verifying
from platelet.model.rights import Right
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Deny, Plan, Refusal, Verdict
from platelet.model.workload import WorkloadRef

Parameter = Callable[[Any, str], Mapping[str, Any]]
"""From an action's settings and a value as people write it to the settings with it, as written in a Runbook.

Raises ValueError where the value is none, or beyond the bounds that the Runbook's author has set.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A remedy: its key in the Runbook, its settings, its rights, what guards must know, and how it plans.

    From `rights` come the operator's ClusterRole, what a Runbook's author must be allowed, and docs/rights.md.
    """

    key: str  # rolloutRestart
    settings: type[Any]  # a frozen dataclass with CAMEL config; its fields become the CRD's
    rights: tuple[Right, ...]  # what its writes need, and no more
    traits: ActionTraits
    plan: Callable[[Any, Situation, datetime], Plan | Refusal]
    needs_room: Callable[[Any], bool] = lambda _settings: False  # whether these settings ask for new pods
    reads: tuple[Right, ...] = ()  # what its plans are made by beyond the target; the operator's right, not an author's
    undo: Callable[[Attempt, Situation], PostState | Refusal] | None = None  # how a step that failed is taken back
    parameters: Mapping[str, Parameter] = field(default_factory=dict)  # what people may set who run it by hand

    def traits_with(self, settings: Any) -> ActionTraits:
        """Say what guards must know of a step with these settings."""
        return replace(self.traits, needs_room=self.needs_room(settings))


class Guard(NamedTuple):
    """A brake: its name in the record, and its question."""

    name: str
    deny: Callable[[Situation, datetime], Deny | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a verification looks at: the world now, how recovery is proven, since when, and for which attempt."""

    situation: Situation
    verification: Verification
    verifying: Verifying
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One proof of recovery: always asked for, or by steps that write its settings under its name."""

    name: str
    check: Callable[[Trial, datetime], Verdict]
    settings: type[Any] | None = None  # a frozen dataclass with CAMEL config; its fields become the CRD's
    questions: Callable[[Verification, WorkloadRef], Iterable[Question]] | None = None  # what it judges by, of others


class Sink(NamedTuple):
    """One place where people are told."""

    name: str
    render: Callable[[Notice], tuple[Effect, ...]]
