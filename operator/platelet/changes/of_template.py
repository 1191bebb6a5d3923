"""What all changes of single fields of the target's template have in common, however these are found and pinned.

The template that comes of one is pinned by its hash as well, so that it is told from one that people release.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from platelet.changes import kept_values, on_target
from platelet.changes.template_places import Template
from platelet.model import reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.intent import TEMPLATE, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import WORKLOADS
from platelet.model.rights import Right, on_workloads
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Workload


class OfTemplate(Change):
    """What it leaves is no template that failed, and what it makes is healthy once its pods have shown it."""

    rights = (*on_workloads("patch"), Right(resource="pods", verb="delete", group=""))

    @abstractmethod
    def read(self, pinned: PinnedChange, template: Template, kept: KeptValues | None) -> Mapping[str, str]:
        """The values of its fields, as they are pinned."""

    @abstractmethod
    def operations(
        self, pinned: PinnedChange, template: Template, kept: KeptValues | None
    ) -> Sequence[Mapping[str, Any]] | Refusal:
        """What a JSON Patch makes of the workload: a merge would replace whole lists."""

    @abstractmethod
    def before(self, pinned: PinnedChange, workload: Workload, kept: KeptValues | None) -> PinnedChange | Refusal:
        """The values from before, in the template as it is now."""

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The target's template and these fields of it; blocked while it is paused."""
        live = on_target.live(pinned, situation, on_target.why_no_template(situation))
        workload = situation.snapshot.workload
        if live is None or workload is None:
            return None
        kept = kept_values.find(situation, pinned.record)
        return replace(live, values={**live.values, **self.read(pinned, workload.template, kept)})

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """A JSON Patch of the very object that was just read."""
        template = situation.snapshot.workload.template if situation.snapshot.workload is not None else {}
        operations = self.operations(pinned, template, kept_values.find(situation, pinned.record))
        if isinstance(operations, Refusal):
            return operations
        body = [
            {"op": "test", "path": "/metadata/uid", "value": live.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": live.resource_version},
            *operations,
        ]
        return Patch(resource=WORKLOADS[situation.target.kind], name=situation.target.name, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The template and the fields as an admission left them."""
        workload = on_target.answered(answer)
        return {TEMPLATE: workload.template_hash, **self.read(pinned, workload.template, answer.kept)}

    def differs(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """The fields, or that something else of the template is another."""
        if fields(stored) != fields(pinned.meant):
            return super().differs(pinned, stored)
        return f"the template is {stored[TEMPLATE]}, not {pinned.meant[TEMPLATE]}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """The values from before, if the present ones are still ours, in whatever template people have released."""
        live, workload = self.live(pinned, situation), situation.snapshot.workload
        same, kept = live is not None and pinned.uid in ("", live.uid), kept_values.find(situation, pinned.record)
        if same and pinned.record and kept_values.is_lost(fields(pinned.before), kept):
            return kept_values.refuse_lost(pinned)
        if live is None or workload is None or not same or fields(live.values) != fields(pinned.meant):
            now = self.say(pinned, live.values) if live is not None else "gone"
            message = f"it is {now}, not our {self.say(pinned, pinned.meant)}, or the workload was created anew"
            return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=message)
        back = self.before(pinned, workload, kept)
        return back if isinstance(back, Refusal) else replace(back, object=pinned.object, before=live.values)

    def changed_back(self, pinned: PinnedChange, situation: Situation) -> dict[str, str] | None:
        """Those of its fields that are as they were before, with their values; None where the target is gone."""
        live = self.live(pinned, situation)
        if live is None:
            return None
        now, before, ours = fields(live.values), fields(pinned.before), fields(pinned.meant)
        return {
            name: now.get(name, "")
            for name in {**before, **ours}
            if now.get(name) == before.get(name) != ours.get(name)
        }

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """Whoever keeps the workload."""
        return on_target.new_owner(pinned, situation, forced=forced)


def fields(values: Mapping[str, str]) -> dict[str, str]:
    """All but the template's hash."""
    return {name: value for name, value in values.items() if name != TEMPLATE}
