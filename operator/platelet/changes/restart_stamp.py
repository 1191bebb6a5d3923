"""The stamp on the target's template by which all its pods are replaced, as kubectl's rollout restart does."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from platelet.changes import on_target
from platelet.model import reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.durations import parse_time
from platelet.model.intent import RESTART_STAMP, PinnedChange
from platelet.model.resource import WORKLOADS
from platelet.model.rights import Right, on_workloads
from platelet.model.situation import Situation
from platelet.model.stamps import RESTARTED_AT
from platelet.model.verdict import Refusal

KIND = "StampRestart"
_AFTER_REVERT: Final = "afterRevert"
_AGAIN: Final = "again"


def at(stamp: str, *, replaces_stuck_pods: bool = False, again_after_revert: bool = False) -> PinnedChange:
    """A restart at this moment, RFC 3339 in whole seconds.

    One that brings to pods what another change has written is made once more when that one was reverted.
    """
    stuck = {on_target.STUCK_PODS: on_target.REPLACED} if replaces_stuck_pods else {}
    again = {_AFTER_REVERT: _AGAIN} if again_after_revert else {}
    return PinnedChange(kind=KIND, meant={RESTART_STAMP: stamp}, how=stuck | again)


class StampRestart(Change):
    """A restart is no release: the template stays the same, and there is nothing to put back."""

    kind = KIND
    rights = (*on_workloads("patch"), Right(resource="pods", verb="delete", group=""))
    reversible = False
    of_the_moment = frozenset({RESTART_STAMP})

    def check(self, pinned: PinnedChange) -> None:
        """Two stamps, of which the earlier may be empty."""
        on_target.check(pinned, RESTART_STAMP)

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The target's own stamp; blocked while it is paused."""
        return on_target.live(pinned, situation, on_target.why_no_template(situation))

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """One annotation of the template, and nothing else of it."""
        stamp = {"metadata": {"annotations": {RESTARTED_AT: pinned.meant[RESTART_STAMP]}}}
        body = {"metadata": on_target.identity(live), "spec": {"template": stamp}}
        return Patch(resource=WORKLOADS[situation.target.kind], name=situation.target.name, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The stamp as an admission left it."""
        del pinned
        return {RESTART_STAMP: on_target.answered(answer).restart_stamp}

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`restarted at ...`."""
        del pinned
        return f"restarted at {values[RESTART_STAMP]}" if values[RESTART_STAMP] else "not restarted"

    def differs(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """A moment tells people nothing."""
        del pinned, stored
        return "the stamp of the restart is another one"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """Pods that were replaced do not come back; what they have read at their start they can read again."""
        live = self.live(pinned, situation)
        if live is not None and pinned.how.get(_AFTER_REVERT) == _AGAIN:
            return replace(pinned, before=live.values)
        return Refusal(reason=reasons.NOT_REVERSIBLE, message="a restart cannot be reverted")

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whether the live stamp is missing, unreadable or older; a newer one is somebody's further restart."""
        if situation.snapshot.workload is None:
            return ""
        live, written = situation.snapshot.workload.restart_stamp, pinned.meant[RESTART_STAMP]
        if live == written:  # whatever an admission made of it
            return ""
        try:
            older = parse_time(live) < parse_time(written)
        except ValueError:
            older = True
        return "the restart's stamp was removed from the template: others changed it" if older else ""

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """Whoever keeps the workload."""
        return on_target.new_owner(pinned, situation, forced=forced)


CHANGE = StampRestart()
