"""A template of the target that was there before, put back from its revision record (TRAPS 1 to 5).

Which one it is, is pinned by its hash; what is in it stays in the record, whose data nobody can change. Fields of its
containers that platelet has adjusted since may keep their values (`keeps`): these are pinned beside it. Variables that
it has set may, too (`variables`): they are pinned by digest, while another record keeps their values.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from platelet.changes import env_values, kept_values, on_target, template_fields
from platelet.changes.template_places import Template
from platelet.model import reasons, templates
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.intent import MADE_FROM, RECORD, TEMPLATE, VALUES, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS, WORKLOADS, Resource
from platelet.model.revision import RevisionRecord
from platelet.model.rights import Right, on_workloads
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal

KIND = "RestoreTemplate"


def from_record(
    record: RevisionRecord,
    *,
    abandons: str,
    replaces_stuck_pods: bool = False,
    keeps: Mapping[str, str] | None = None,
    variables: KeptValues | None = None,
) -> PinnedChange:
    """The template of this record, in place of the one with the hash `abandons`, which is given up.

    `keeps` are fields that it has, by name as in `template_fields`, and the values that they are to have instead;
    `variables` are those of `env_values`, in a record that is on hand.
    """
    how = {RECORD: record.name, **({on_target.STUCK_PODS: on_target.REPLACED} if replaces_stuck_pods else {})}
    meant = record.template_hash
    fields, values = dict(keeps or {}), dict(variables.meant) if variables is not None else {}
    if fields or values:
        meant = templates.hash_template(_merge(record.template, fields, values))
        how |= {MADE_FROM: record.template_hash, **fields}
    if variables is not None and values:
        how |= {VALUES: variables.name, **variables.conceal(values)}
    return PinnedChange(kind=KIND, meant={TEMPLATE: meant}, how=how, abandons=abandons)


class RestoreTemplate(Change):
    """Only `/spec/template` goes back; what it leaves is a template that failed."""

    kind = KIND
    rights = (*on_workloads("patch"), Right(resource="pods", verb="delete", group=""))

    def check(self, pinned: PinnedChange) -> None:
        """Two templates."""
        on_target.check(pinned, TEMPLATE)

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """The record of values that are kept."""
        return ((CONTROLLER_REVISIONS, pinned.how[VALUES]),) if VALUES in pinned.how else ()

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The target's own template; blocked while it is paused."""
        return on_target.live(pinned, situation, on_target.why_no_template(situation))

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """A JSON Patch, so that nothing of the other template is left; its preconditions are tests in it (TRAPS 4)."""
        name = pinned.record
        record = next((record for record in situation.snapshot.records if record.name == name), None)
        if record is None or record.template_hash != (pinned.made_from or pinned.meant[TEMPLATE]):
            why = "it is gone" if record is None else "it holds another template than the one that was pinned"
            message = f"the revision record {name} cannot be restored: {why}"
            return Refusal(reason=reasons.REFUSED, message=message)
        values = _reveal(pinned, situation)
        if isinstance(values, Refusal):
            return values
        template = _merge(record.template, _keeps(pinned), values)
        body: list[Mapping[str, Any]] = [
            {"op": "test", "path": "/metadata/uid", "value": live.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": live.resource_version},
            {"op": "replace", "path": "/spec/template", "value": template},
        ]
        return Patch(resource=WORKLOADS[situation.target.kind], name=situation.target.name, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The template as an admission left it."""
        del pinned
        return {TEMPLATE: on_target.answered(answer).template_hash}

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`template 0a1b... of record platelet-...`: never what is in it."""
        record = f" of record {pinned.record}" if values == pinned.meant else ""
        kept = [f"{name} {value}" for name, value in _keeps(pinned).items()]
        kept += [f"{name} as set" for name in _digests(pinned)]
        return f"template {values[TEMPLATE]}{record}" + ("".join(f", with {field}" for field in kept) if record else "")

    def differs(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """`the template is ..., not ...`."""
        return f"the template is {stored[TEMPLATE]}, not {pinned.meant[TEMPLATE]}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """The template that was left, if it was healthy once: else the end would be no better (I15)."""
        live, left = self.live(pinned, situation), pinned.before[TEMPLATE]
        if live is None or live.uid != pinned.uid or live.values != pinned.meant:
            message = f"the template is not {pinned.meant[TEMPLATE]} as written, or the workload was created anew"
            return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=message)
        records = [record for record in situation.snapshot.records if record.template_hash == left]
        record = max(records, key=lambda known: known.first_seen, default=None)
        if record is None or record.health == "Bad" or not record.ever_healthy:
            message = f"the template {left} that the undo left is not known to have ever been healthy"
            return Refusal(reason=reasons.NOT_REVERSIBLE, message=message)
        back = from_record(record, abandons=pinned.meant[TEMPLATE])
        return replace(back, object=pinned.object)

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Any other template is somebody else's, whether it was there before or not."""
        live, written = self.live(pinned, situation), pinned.meant[TEMPLATE]
        if live is None or live.values == pinned.meant:
            return ""
        return f"the template is {live.values[TEMPLATE]}, no longer {written} as written: others changed it"

    def new_owner(self, pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
        """Whoever keeps the workload."""
        return on_target.new_owner(pinned, situation, forced=forced)


def _keeps(pinned: PinnedChange) -> dict[str, str]:
    """The fields that keep their values: their names have a dot."""
    return {name: value for name, value in pinned.how.items() if "." in name and not env_values.is_one(name)}


def _digests(pinned: PinnedChange) -> dict[str, str]:
    """The variables that do, by their digests."""
    return {name: value for name, value in pinned.how.items() if env_values.is_one(name)}


def _reveal(pinned: PinnedChange, situation: Situation) -> Mapping[str, str] | Refusal:
    """The values of these variables, by the record that keeps them."""
    digests = _digests(pinned)
    if not digests:
        return {}
    kept = kept_values.find(situation, pinned.how.get(VALUES, ""))
    values = kept.reveal(digests) if kept is not None else None
    return values if values is not None else kept_values.refuse_lost(pinned)


def _merge(template: Template, fields: Mapping[str, str], values: Mapping[str, str]) -> dict[str, Any]:
    return env_values.with_values(template_fields.with_values(template, fields), values)


CHANGE = RestoreTemplate()
