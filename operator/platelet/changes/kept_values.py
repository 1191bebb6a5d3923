"""How a change pins values that people must not see: by digest, while a record in the target's namespace keeps them.

The record is on hand before anything is pinned; it is one of its own for each attempt, and nothing in it ever changes.
"""

from collections.abc import Mapping
from typing import Any, Final

from platelet.model import reasons
from platelet.model.digest import digest
from platelet.model.intent import VALUES, ObjectRef, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

PREFIX: Final = "platelet-values-"


def name_record(situation: Situation, written: ObjectRef) -> str:
    """Name the record of the next attempt of the present step: nothing of the values is in the name."""
    remediation = situation.remediation
    status = remediation.status
    tries = sum(attempt.step == status.step for attempt in status.attempts)
    return f"{PREFIX}{digest(f'{remediation.uid}/{status.step}/{tries}/{written}')}"


def find(situation: Situation, name: str) -> KeptValues | None:
    """The record of this name, as it was read; None where there is none, or it is not one of ours."""
    stored: Mapping[str, Any] | None = situation.surroundings.objects.get(CONTROLLER_REVISIONS.named(name))
    if not name or stored is None:
        return None
    try:
        values = stored["data"]["values"]
        before, meant = ({str(key): str(value) for key, value in values[part].items()} for part in ("before", "meant"))
        return KeptValues(name=name, uid=stored["metadata"]["uid"], before=before, meant=meant)
    except (AttributeError, KeyError, TypeError):
        return None


def for_plan(
    situation: Situation, name: str, before: Mapping[str, str], meant: Mapping[str, str]
) -> tuple[KeptValues, bool]:
    """What the record of this name is to keep, and whether it does: only then may anything be pinned."""
    kept = find(situation, name)
    if kept is not None and (kept.before, kept.meant) == (before, meant):
        return kept, True
    return KeptValues(name=name, uid=kept.uid if kept is not None else "", before=before, meant=meant), False


def is_lost(before: Mapping[str, str], kept: KeptValues | None) -> bool:
    """Whether what was there before is on record no more: nor can anybody tell then whether the present is ours."""
    return kept is None or kept.reveal(before) is None


def refuse_lost(pinned: PinnedChange) -> Refusal:
    """Say that the values are not there any more: nothing can be written."""
    name = pinned.how.get(VALUES, pinned.record)
    return Refusal(reason=reasons.REFUSED, message=f"the record {name} does not hold what was pinned")
