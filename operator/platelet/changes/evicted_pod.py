"""A pod that is evicted: it is asked of the Eviction API, so that its PodDisruptionBudget has a say.

It goes only as the very pod that was seen, in the version just read: one that is well by then stays. A uid goes but
once, so whether it went is seen at any time by whether that uid is still there, and asking again does no harm.
"""

from collections.abc import Mapping
from typing import Final

from platelet.model import reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.intent import PinnedChange
from platelet.model.resource import PODS
from platelet.model.rights import Right
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Pod

KIND: Final = "EvictPod"
_EVICTION: Final = "eviction"
_POD: Final = "pod"
_THERE, _GONE = "there", "gone"


def of(pod: Pod) -> PinnedChange:
    """That this very pod goes."""
    return PinnedChange(kind=KIND, object=PODS.named(pod.name), uid=pod.uid, meant={_POD: _GONE})


class EvictPod(Change):
    """What is evicted does not come back. It has taken effect once the pod is gone, and another one is there for it."""

    kind = KIND
    rights = (Right(group=PODS.group, resource=PODS.plural, subresource=_EVICTION, verb="create"),)
    reversible = False
    shows_its_outcome = True

    def check(self, pinned: PinnedChange) -> None:
        """It names a pod by its name and its uid."""
        if pinned.object is None or pinned.object.kind != PODS.kind or not pinned.uid:
            raise ValueError(f"{pinned.object} is no pod with a uid")
        _ = pinned.meant[_POD]

    def live(self, pinned: PinnedChange, situation: Situation) -> Live:
        """The pod of this uid: there, or gone as soon as it is to be deleted. Blocked where it must stay."""
        pod = _find(pinned, situation)
        if pod is None or pod.deleting:
            return Live(uid=pinned.uid, resource_version="", version=pinned.uid, values={_POD: _GONE})
        return Live(
            uid=pod.uid,
            resource_version=pod.resource_version,
            version=pod.uid,
            values={_POD: _THERE},
            blocked=_why_stays(pod),
        )

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """An Eviction of policy/v1 under the pod's uid and resourceVersion."""
        if pinned.object is None or not live.uid:
            return Refusal(reason=reasons.NOTHING_TO_EVICT, message="no pod is named by its uid")
        name = pinned.object.name
        preconditions = {"uid": live.uid, "resourceVersion": live.resource_version}
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": situation.target.namespace},
            "deleteOptions": {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions},
        }
        return Patch(resource=PODS, name=name, subresource=_EVICTION, body=body, creates=True)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The API server says of an eviction that it succeeded, and nothing of the pod."""
        del pinned
        if answer.body.get("status") != "Success":
            raise KeyError("status")
        return {_POD: _GONE}

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`pod api-7d9c evicted`."""
        name = pinned.object.name if pinned.object is not None else ""
        return f"pod {name} {'evicted' if values[_POD] == _GONE else 'not evicted'}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """Its controller has made another one."""
        del situation
        message = f"{self.say(pinned, pinned.meant)}: another one is in its place, there is nothing to revert"
        return Refusal(reason=reasons.NOT_REVERSIBLE, message=message)

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Nobody brings back a uid."""
        del pinned, situation
        return ""

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Whether the pod is gone for good, its grace period over."""
        return _find(pinned, situation) is None


def _find(pinned: PinnedChange, situation: Situation) -> Pod | None:
    return next((pod for pod in situation.snapshot.pods if pod.uid == pinned.uid), None)


def _why_stays(pod: Pod) -> str:
    if pod.owner is None:
        return "no controller would make another one"
    return "it is ready again" if pod.ready and pod.is_active else ""


CHANGE: Final = EvictPod()
