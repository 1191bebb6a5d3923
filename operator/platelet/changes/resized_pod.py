"""Resources of one container of one running pod, by its subresource `resize`: without a restart, and for this pod only.

The template is not written, so whatever replaces the pod has what the template says. The API server takes the write at
once; that the node has done it, or never will, the pod's own status says later (`model.resize`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from platelet.changes import template_fields, template_places
from platelet.model import reasons, resize
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.durations import format_duration
from platelet.model.intent import PinnedChange
from platelet.model.resource import PODS, Resource
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal, Verdict

KIND: Final = "ResizePod"
WITHIN: Final = timedelta(minutes=2)
"""A node does it within seconds, or waits until others have gone: that is no relief any more."""
_SUBRESOURCE: Final = "resize"
_ASK_EVERY: Final = timedelta(seconds=5)
Json = Mapping[str, Any]


def to(pod: Json, wanted: Mapping[str, str]) -> PinnedChange:
    """These values of fields that this very pod has: `app.resources.limits.memory`."""
    meta = pod["metadata"]
    return PinnedChange(kind=KIND, object=PODS.named(meta["name"]), uid=meta["uid"], meant=dict(wanted))


class ResizePod(Change):
    """What a pod asks for can be put back while the pod is there. It has taken effect once its node says so."""

    kind = KIND
    rights = (Right(group=PODS.group, resource=PODS.plural, subresource=_SUBRESOURCE, verb="patch"),)
    once_a_day = True

    def check(self, pinned: PinnedChange) -> None:
        """It names a pod by its name and its uid, and the same fields as they were and as they are meant."""
        if pinned.object is None or pinned.object.kind != PODS.kind or not pinned.uid:
            raise ValueError(f"{pinned.object} is no pod with a uid")
        if set(pinned.before) != set(pinned.meant) or not all(".resources." in field for field in pinned.meant):
            raise ValueError(f"{', '.join(pinned.meant)}: not pinned as they were, or no resources of a container")

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """The whole pod: what is remembered of pods has no resources."""
        return ((PODS, pinned.object.name),) if pinned.object is not None else ()

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The pod of this uid; blocked while it goes. Its generation is that of its spec alone."""
        pod = _find(pinned, situation)
        if pod is None:
            return None
        meta = pod["metadata"]
        return Live(
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            version=str(meta.get("generation") or meta["resourceVersion"]),
            values=_read(pod, pinned),
            blocked=f"pod {meta['name']} is going" if resize.is_going(pod) else "",
        )

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """A JSON Patch of the very pod that was just read; the container is tested to be at its place."""
        pod = _find(pinned, situation)
        if pod is None or pinned.object is None:
            return Refusal(reason=reasons.NOTHING_TO_ADJUST, message="no pod is named by its uid, or it is gone")
        body: list[Mapping[str, Any]] = [
            {"op": "test", "path": "/metadata/uid", "value": live.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": live.resource_version},
        ]
        for field, value in pinned.meant.items():
            container, *path = field.split(".")
            try:
                place, index = template_places.find(pod, container)
            except KeyError:
                message = f"{pinned.object} has no container {container}"
                return Refusal(reason=reasons.NO_SUCH_CONTAINER, message=message)
            where = f"/spec/{place}/{index}"
            body.append({"op": "test", "path": f"{where}/name", "value": container})
            body.append({"op": "replace", "path": f"{where}/{'/'.join(path)}", "value": value})
        return Patch(resource=PODS, name=pinned.object.name, subresource=_SUBRESOURCE, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The pod, as an admission left it."""
        _ = answer.body["spec"]
        return _read(answer.body, pinned)

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`pod api-7d9c: app.resources.limits.memory 768Mi`."""
        name = pinned.object.name if pinned.object is not None else ""
        return f"pod {name}: " + ", ".join(f"{field} {value or 'unset'}" for field, value in values.items())

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whether the pod asks for as much as before again. A pod that is gone was not changed back by anybody."""
        return super().how_changed_back(pinned, situation) if _find(pinned, situation) is not None else ""

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Whether its node has confirmed it."""
        pod = _find(pinned, situation)
        return pod is not None and resize.progress(pod, pinned.meant).state == "Done"

    def completion(self, pinned: PinnedChange, situation: Situation, since: datetime, now: datetime) -> Verdict:
        """As its node says. What it has not done in time, it might do at any time later: so that is reverted."""
        pod, name = _find(pinned, situation), pinned.object.name if pinned.object is not None else ""
        if pod is None:
            message = f"pod {name} is gone: what has replaced it has as much as the template says"
            return Verdict(outcome="Failed", reason=reasons.RESIZE_LOST, message=message, may_still_happen=True)
        state, words = resize.progress(pod, pinned.meant)
        if state == "Done":
            return Verdict(outcome="Recovered", reason=reasons.RECOVERED, message=words)
        if state == "Infeasible":
            return Verdict(outcome="Failed", reason=reasons.RESIZE_INFEASIBLE, message=words, may_still_happen=True)
        if now >= since + WITHIN:
            late = f"{words}; it was given {format_duration(WITHIN)}"
            return Verdict(outcome="Failed", reason=reasons.RESIZE_PENDING, message=late, may_still_happen=True)
        due = min(since + WITHIN, now + _ASK_EVERY)
        return Verdict(outcome="Pending", reason=reasons.RESIZE_PENDING, message=words, retry_at=due)


def _find(pinned: PinnedChange, situation: Situation) -> Json | None:
    """The pod of this uid. Another one has its name where a StatefulSet has made it anew."""
    pod = situation.surroundings.objects.get(pinned.object) if pinned.object is not None else None
    return pod if pod is not None and pod["metadata"].get("uid") == pinned.uid else None


def _read(pod: Json, pinned: PinnedChange) -> dict[str, str]:
    has = template_fields.resources_of(pod)
    return {field: has.get(field, "") for field in pinned.meant}


CHANGE: Final = ResizePod()
