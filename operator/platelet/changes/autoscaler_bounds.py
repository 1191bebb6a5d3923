"""The bounds of the autoscaler that owns the target's replicas (TRAPS 9)."""

from collections.abc import Mapping
from typing import Any, Final

from platelet.changes import on_target
from platelet.model import ownership, reasons
from platelet.model.autoscaler import SPEC_FIELDS, Autoscaler, AutoscalerKind, Bounds
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.intent import PinnedChange
from platelet.model.resource import SCALERS
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

KIND = "SetBounds"
MIN: Final = "min"
MAX: Final = "max"


def to(bounds: Bounds) -> PinnedChange:
    """These bounds, on the autoscaler that they name."""
    named = SCALERS[bounds.kind].named(bounds.name)
    return PinnedChange(kind=KIND, object=named, uid=bounds.uid, meant=_values(bounds))


def bounds_of(pinned: PinnedChange, values: Mapping[str, str]) -> Bounds:
    """Such values as the bounds of the very autoscaler that was pinned."""
    low, high = (int(values[name]) if name in values else None for name in (MIN, MAX))
    name = pinned.object.name if pinned.object is not None else ""
    return Bounds(kind=_kind(pinned), name=name, uid=pinned.uid, min=low, max=high)


class SetBounds(Change):
    """Autoscalers have no generation that would tell whether they were written: their resourceVersion does."""

    kind = KIND
    rights = tuple(Right(group=resource.group, resource=resource.plural, verb="patch") for resource in SCALERS.values())

    def check(self, pinned: PinnedChange) -> None:
        """Two numbers of a kind of autoscaler that we know."""
        if pinned.object is None or pinned.object.kind not in SCALERS:
            raise ValueError(f"{pinned.object} is no autoscaler")
        for values in (pinned.before, pinned.meant):
            bounds_of(pinned, values)

    def scaler(self, pinned: PinnedChange) -> Bounds | None:
        """The very one, whomever it scales by now."""
        return bounds_of(pinned, pinned.meant)

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The very autoscaler; one that was made anew under its name is another one."""
        autoscaler = _find(pinned, situation)
        if autoscaler is None:
            return None
        return Live(
            uid=autoscaler.bounds.uid,
            resource_version=autoscaler.resource_version,
            version=autoscaler.resource_version,
            values=_values(autoscaler.bounds),
            blocked="it is being deleted" if autoscaler.deleting else autoscaler.unusable,
        )

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """A merge patch of the two fields: what was absent before is removed again."""
        del situation
        bounds = bounds_of(pinned, pinned.meant)
        low, high = SPEC_FIELDS[bounds.kind]
        spec: dict[str, Any] = {low: bounds.min, high: bounds.max}
        body = {"metadata": on_target.identity(live), "spec": spec}
        return Patch(resource=SCALERS[bounds.kind], name=bounds.name, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The bounds as an admission left them."""
        del pinned
        if answer.autoscaler is None:
            raise KeyError("metadata")
        return _values(answer.autoscaler.bounds)

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`5-10 replicas of HorizontalPodAutoscaler api`."""
        return f"{bounds_of(pinned, values)} replicas of {pinned.object}"

    def figure(self, pinned: PinnedChange, values: Mapping[str, str]) -> int | str:
        """`5-10`."""
        return str(bounds_of(pinned, values))

    def differs(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """`the bounds are 2-3, not 5-10`."""
        return f"the bounds are {bounds_of(pinned, stored)}, not {bounds_of(pinned, pinned.meant)}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """The bounds that were there before, if the present ones are still ours."""
        back = super().revert(pinned, situation)
        if isinstance(back, PinnedChange):
            return back
        raised, ours = _find(pinned, situation), bounds_of(pinned, pinned.meant)
        gone = f"{pinned.object}, whose bounds were our {ours}, is gone or was made anew"
        message = gone if raised is None else f"the bounds of {pinned.object} are {raised.bounds}, not our {ours}"
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=message)

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whether the bounds are lower than ours, or their object is gone. Higher ones are no revert."""
        ours, autoscaler = bounds_of(pinned, pinned.meant), _find(pinned, situation)
        if autoscaler is None:
            return f"{pinned.object} is gone, whose bounds we raised"
        lowered = autoscaler.least < (ours.min or 0) or (ours.max is not None and autoscaler.most < ours.max)
        now = f"the bounds of {autoscaler} are {autoscaler.bounds}"
        return f"{now}, no longer {ours} as written: others changed it" if lowered else ""

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """The application that keeps the autoscaler in Git."""
        autoscaler = _find(pinned, situation)
        if forced or autoscaler is None:
            return ""
        return ownership.gitops_owner_of_autoscaler(autoscaler, situation.target.namespace)

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Whether the autoscaler has acted on a minimum that was raised."""
        workload = situation.snapshot.workload
        return workload is not None and workload.replicas >= int(pinned.meant.get(MIN, 0))


def _find(pinned: PinnedChange, situation: Situation) -> Autoscaler | None:
    return situation.surroundings.autoscaler(bounds_of(pinned, {}))


def _kind(pinned: PinnedChange) -> AutoscalerKind:
    kinds = (kind for kind in SCALERS if pinned.object is not None and pinned.object.kind == kind)
    return next(kinds, "HorizontalPodAutoscaler")


def _values(bounds: Bounds) -> dict[str, str]:
    return {name: str(value) for name, value in ((MIN, bounds.min), (MAX, bounds.max)) if value is not None}


CHANGE = SetBounds()
