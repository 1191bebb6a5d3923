"""The number of replicas of the target, by its scale subresource (TRAPS 9)."""

from collections.abc import Mapping
from dataclasses import replace

from platelet.changes import on_target
from platelet.model import reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.intent import PUT_BACK, REPLICAS, PinnedChange
from platelet.model.resource import WORKLOADS
from platelet.model.rights import on_workloads
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

KIND = "SetReplicas"


def to(replicas: int) -> PinnedChange:
    """So many replicas."""
    return PinnedChange(kind=KIND, meant={REPLICAS: str(replicas)})


def back(situation: Situation) -> PinnedChange | Refusal:
    """As many as before our last scaling of the target, by whichever incident, if that one is still in effect."""
    own = situation.remediation.status.attempts
    attempts = sorted((*own, *situation.others.attempts), key=lambda attempt: attempt.intended_at)
    made = [(attempt, change) for attempt in attempts for change in attempt.landed if change.kind == KIND]
    if not made:
        message = f"no scaling of {situation.target} by platelet is on record: how many there were before is not known"
        return Refusal(reason=reasons.NOTHING_ON_RECORD, message=message)
    attempt, last = made[-1]
    if attempt.kind == "Revert" or last.puts_back:
        message = f"what platelet last did was to put back {CHANGE.say(last, last.meant)}"
        return Refusal(reason=reasons.ALREADY_THERE, message=message)
    reverted = CHANGE.revert(last, situation)
    if isinstance(reverted, Refusal):
        return reverted
    return replace(to(int(reverted.meant[REPLICAS])), how={PUT_BACK: attempt.id})


class SetReplicas(Change):
    """A number that belongs to whatever scales the workload: none is set where there is an autoscaler."""

    kind = KIND
    rights = on_workloads("patch", "scale", without=("DaemonSet",))

    asks_who_scales = True

    def check(self, pinned: PinnedChange) -> None:
        """Two numbers."""
        for values in (pinned.before, pinned.meant):
            int(values[REPLICAS])

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The target's own number; blocked where somebody scales it."""
        blocked = f"the replicas belong to {_scalers(situation)}" if situation.surroundings.autoscalers else ""
        return on_target.live(pinned, situation, blocked)

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """A merge patch: `spec.replicas` is absent at 0, so no JSON Patch could test it."""
        body = {"metadata": on_target.identity(live), "spec": {"replicas": int(pinned.meant[REPLICAS])}}
        target = situation.target
        return Patch(resource=WORKLOADS[target.kind], name=target.name, subresource="scale", body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """A Scale, which says nothing at 0."""
        del pinned
        replicas = answer.body["spec"].get("replicas", 0)
        return {REPLICAS: str(replicas) if isinstance(replicas, int) else ""}

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`5 replicas`."""
        del pinned
        return f"{values[REPLICAS]} replicas"

    def figure(self, pinned: PinnedChange, values: Mapping[str, str]) -> int | str:
        """The number itself."""
        del pinned
        return int(values[REPLICAS])

    def differs(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """`replicas is 3, not 5`."""
        return f"replicas is {stored[REPLICAS]}, not {pinned.meant[REPLICAS]}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """The number that was there before, if the present one is still ours."""
        back = super().revert(pinned, situation)
        if isinstance(back, PinnedChange):
            return back
        now = situation.snapshot.workload.replicas if situation.snapshot.workload is not None else 0
        message = f"replicas is {now}, not our {pinned.meant[REPLICAS]}, or the workload was created anew"
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=message)

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whether the number went back towards where it came from; further in our direction is no revert."""
        workload = situation.snapshot.workload
        if workload is None:
            return ""
        live, before, written = workload.replicas, int(pinned.before[REPLICAS]), int(pinned.meant[REPLICAS])
        back = live < written if written > before else live > written
        return f"replicas is {live}, no longer {written} as written: others changed it" if back else ""

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Where it leaves none, the last process has ended: a pod that is being deleted may still write."""
        ended = all(pod.phase in ("Succeeded", "Failed") for pod in situation.snapshot.pods)
        return ended or pinned.meant[REPLICAS] != "0"

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """Whatever scales the workload, also where the policy forces: no step sets the number of an autoscaled one."""
        return _scalers(situation) or on_target.new_owner(pinned, situation, forced=forced)


def _scalers(situation: Situation) -> str:
    return " and ".join(str(autoscaler) for autoscaler in situation.surroundings.autoscalers)


CHANGE = SetReplicas()
