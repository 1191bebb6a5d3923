"""A trigger as a policy writes it, and what a policy needs besides, unless its triggers only tell people."""

from typing import TYPE_CHECKING, Any, Final

from pydantic.alias_generators import to_snake

from platelet import triggers
from platelet.api.kinds import unions
from platelet.model.constraint import Rule
from platelet.model.trigger import FromJobs

_KEYS = " or ".join(trigger.key for trigger in triggers.TRIGGERS)
_TELLING = tuple(trigger.key for trigger in triggers.TRIGGERS if isinstance(trigger, FromJobs))
TRIGGER: Final = unions.Union(
    name="TriggerSpec",
    doc="One rule that a signal matches.",
    kinds={trigger.key: trigger.settings for trigger in triggers.TRIGGERS},
    none=f"a trigger needs its kind: {_KEYS}; one without settings is written with braces",
    several="write one trigger per entry of the list: any of them is enough",
)
if TYPE_CHECKING:
    TriggerSpec = Any
else:
    TriggerSpec = TRIGGER.build()


def _needed(name: str, fix: str) -> Rule:
    """The rule that a field of the policy is there, unless all of its triggers only tell people: nothing acts then."""
    telling = " || ".join(f"has(trigger.{key})" for key in _TELLING)

    def is_missing(spec: Any) -> bool:
        acts = any(TRIGGER.chosen(trigger)[0] not in _TELLING for trigger in spec.triggers)
        return acts and getattr(spec, to_snake(name)) is None

    return Rule(
        cel=f"has(self.{name}) || self.triggers.all(trigger, {telling})",
        broken=is_missing,
        message=f"{name} is required: {fix}; it may be absent only where each trigger is a {' or a '.join(_TELLING)}",
    )


NEEDED_TO_ACT: Final = (
    _needed("targets", "say which workloads by selector, refs, or `all: true`"),
    _needed("runbookRef", "name the Runbook to follow"),
)
