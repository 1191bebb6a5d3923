"""One key of a ConfigMap in the target's namespace: pinned by digest, named and never shown.

A key that was not there before is removed again. Where pods read it at their start, the change that restarts them comes
after this one.
"""

from collections.abc import Mapping
from typing import Any, Final

from platelet.changes import kept_values, on_target
from platelet.model import ownership, reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.intent import RECORD, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS, Resource
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

KIND = "SetConfigKey"
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
KEY: Final = "key"


def to(kept: KeptValues, name: str, key: str) -> PinnedChange:
    """The value that a record keeps."""
    how = {KEY: key, RECORD: kept.name}
    return PinnedChange(kind=KIND, object=CONFIG_MAPS.named(name), meant=kept.conceal(kept.meant), how=how)


def value_of(stored: Mapping[str, Any], key: str) -> dict[str, str]:
    """The key with its value, if it is there."""
    data = stored.get("data") or {}
    return {key: str(data[key])} if key in data else {}


def why_blocked(stored: Mapping[str, Any], namespace: str, *, forced: bool) -> Refusal | None:
    """Why a ConfigMap may not be written: it cannot be, or others own it and would revert the change (TRAPS 12, 13)."""
    metadata = stored["metadata"]
    name = f"ConfigMap {metadata['name']}"
    if metadata.get("deletionTimestamp"):
        return Refusal(reason=reasons.BEING_DELETED, message=f"{name} is being deleted")
    if stored.get("immutable"):
        return Refusal(reason=reasons.IMMUTABLE, message=f"{name} is immutable: nobody can change it")
    if forced:
        return None
    itself = f"/{CONFIG_MAPS.kind}:{namespace}/{metadata['name']}"
    gitops = ownership.gitops_owner(metadata.get("labels") or {}, metadata.get("annotations") or {}, itself)
    if gitops:
        message = f"{gitops} owns {name} and would revert the change; change it in Git, or set force"
        return Refusal(reason=reasons.GITOPS_MANAGED, message=message)
    owner = next((owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")), None)
    if owner is not None:
        keeper = f"{owner.get('kind')} {owner.get('name')}"
        message = f"{keeper} owns {name} and would revert the change; change it there, or set force"
        return Refusal(reason=reasons.OPERATOR_MANAGED, message=message)
    return None


class SetConfigKey(Change):
    """What is in it may be a secret, also where it should not."""

    kind = KIND
    rights = (Right(group="", resource=CONFIG_MAPS.plural, verb="patch"),)
    proven_by_rollout = False

    def check(self, pinned: PinnedChange) -> None:
        """It names a ConfigMap, a key and a record."""
        if pinned.object is None or pinned.object.kind != CONFIG_MAPS.kind:
            raise ValueError(f"{pinned.object} is no ConfigMap")
        _ = pinned.how[KEY], pinned.how[RECORD]

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """The ConfigMap, and the record of its values."""
        name = pinned.object.name if pinned.object is not None else ""
        return (CONFIG_MAPS, name), (CONTROLLER_REVISIONS, pinned.record)

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The ConfigMap as it is now; of its value only whether it is one that is on record."""
        stored = _find(pinned, situation)
        if stored is None:
            return None
        kept, metadata = kept_values.find(situation, pinned.record), stored["metadata"]
        values = {"": "not on record"} if kept is None else kept.conceal(value_of(stored, pinned.how[KEY]))
        forced = situation.policy is not None and situation.policy.force
        refusal = why_blocked(stored, situation.target.namespace, forced=forced)
        version = metadata["resourceVersion"]
        blocked = refusal.message if refusal is not None else ""
        return Live(uid=metadata["uid"], resource_version=version, version=version, values=values, blocked=blocked)

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """The key alone; one that was not there before is removed again."""
        kept, key = kept_values.find(situation, pinned.record), pinned.how[KEY]
        values = None if kept is None else kept.reveal(pinned.meant)
        if values is None or pinned.object is None:
            return kept_values.refuse_lost(pinned)
        body = {"metadata": on_target.identity(live), "data": {key: values.get(key)}}
        return Patch(resource=CONFIG_MAPS, name=pinned.object.name, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The key as an admission left it."""
        shown = value_of(answer.body, pinned.how[KEY])
        return shown if answer.kept is None else answer.kept.conceal(shown)

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """Names, and no value: `key PROVIDER of ConfigMap api as set`."""
        state = "as set" if values == pinned.meant else "as before" if values == pinned.before else "otherwise"
        return f"key {pinned.how[KEY]} of {pinned.object} {state}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """The value from before, if the present one is still ours; without the record of both that is not known."""
        live = self.live(pinned, situation)
        is_there = live is not None and pinned.uid in ("", live.uid)
        if is_there and kept_values.is_lost(pinned.before, kept_values.find(situation, pinned.record)):
            return kept_values.refuse_lost(pinned)
        return super().revert(pinned, situation)

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """Whoever has come to keep the ConfigMap, or made it immutable."""
        stored = _find(pinned, situation)
        refusal = None if stored is None else why_blocked(stored, situation.target.namespace, forced=forced)
        return refusal.message if refusal is not None else ""


def _find(pinned: PinnedChange, situation: Situation) -> Mapping[str, Any] | None:
    return situation.surroundings.objects.get(pinned.object) if pinned.object is not None else None


CHANGE = SetConfigKey()
