"""Fields of containers in the target's template, and nothing else of it. What comes of it is no release of its own.

A field is named by its container and its path there: `app.resources.limits.memory`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from platelet.changes import on_target, template_places
from platelet.changes.of_template import OfTemplate, fields
from platelet.changes.template_places import Place, Template
from platelet.model import reasons, templates
from platelet.model.intent import TEMPLATE, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.probe_grace import NUMBERS
from platelet.model.situation import Situation
from platelet.model.template_shape import mapping
from platelet.model.verdict import Refusal
from platelet.model.workload import Workload

KIND = "SetTemplateFields"
_RESOURCES: Final = "resources"
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")


def to(wanted: Mapping[str, str], live: Workload, *, replaces_stuck_pods: bool = False) -> PinnedChange:
    """These values of fields that the live template has. Raises KeyError where it has not."""
    template = with_values(live.template, wanted)
    how = {on_target.STUCK_PODS: on_target.REPLACED} if replaces_stuck_pods else {}
    return PinnedChange(kind=KIND, meant={TEMPLATE: templates.hash_template(template), **wanted}, how=how)


def with_values(template: Template, wanted: Mapping[str, str]) -> dict[str, Any]:
    """The template with these values of fields that it has. Raises KeyError where it has not."""
    changed = deepcopy(dict(template))
    for name, value in wanted.items():
        place, path = _place(changed, name)
        template_places.within(template_places.containers(changed)[place], path[:-1])[path[-1]] = _typed(path, value)
    return changed


def resources_of(template: Template) -> dict[str, str]:
    """The resources of all its containers: `app.resources.limits.memory` and its value."""
    return {
        f"{name}.{_RESOURCES}.{kind}.{resource}": str(amount)
        for name, container in template_places.by_name(template).items()
        for kind in ("limits", "requests")
        for resource, amount in mapping(mapping(container.get(_RESOURCES)).get(kind)).items()
    }


def probes_of(template: Template) -> dict[str, str]:
    """The numbers of all its containers' probes that may be adjusted: `app.livenessProbe.failureThreshold`."""
    return {
        f"{name}.{probe}.{number}": str(value)
        for name, container in template_places.by_name(template).items()
        for probe in _PROBES
        for number, value in mapping(container.get(probe)).items()
        if number in NUMBERS
    }


class SetTemplateFields(OfTemplate):
    """Fields that are there, and whose values people may see."""

    kind = KIND
    once_a_day = True

    def check(self, pinned: PinnedChange) -> None:
        """Two templates, and the same fields of both."""
        on_target.check(pinned, TEMPLATE)
        names = fields(pinned.meant)
        if set(pinned.before) != set(pinned.meant) or not all("." in name for name in names):
            raise ValueError(f"{', '.join(names)}: not pinned as they were, or no fields of a container")

    def read(self, pinned: PinnedChange, template: Template, kept: KeptValues | None) -> Mapping[str, str]:
        """Empty where there is none."""
        del kept
        return _read(template, fields(pinned.meant))

    def operations(
        self, pinned: PinnedChange, template: Template, kept: KeptValues | None
    ) -> Sequence[Mapping[str, Any]] | Refusal:
        """Each field is replaced; each container is tested to be at its place."""
        del kept
        try:
            return [
                operation for name, value in fields(pinned.meant).items() for operation in _set(template, name, value)
            ]
        except KeyError as error:
            return Refusal(reason=reasons.REFUSED, message=f"the template has no {error.args[0]} any more")

    def before(self, pinned: PinnedChange, workload: Workload, kept: KeptValues | None) -> PinnedChange | Refusal:
        """The values themselves are pinned."""
        del kept
        return to(fields(pinned.before), workload)

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`app.resources.limits.memory 768Mi`."""
        del pinned
        return ", ".join(f"{name} {value or 'unset'}" for name, value in fields(values).items())

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whether one of the fields is as it was before."""
        back = self.changed_back(pinned, situation)
        return f"it is {self.say(pinned, back)} again, as before: others changed it" if back else ""


def _read(template: Template, names: Iterable[str]) -> dict[str, str]:
    """The values of fields; empty where there is none."""
    values = {}
    for name in names:
        try:
            place, path = _place(template, name)
            values[name] = str(template_places.within(template_places.containers(template)[place], path))
        except KeyError:
            values[name] = ""
    return values


def _set(template: Template, name: str, value: str) -> Iterator[Mapping[str, Any]]:
    place, path = _place(template, name)
    container = template_places.pointer(place)
    yield {"op": "test", "path": f"{container}/name", "value": name.partition(".")[0]}
    yield {"op": "replace", "path": f"{container}/{'/'.join(path)}", "value": _typed(path, value)}


def _typed(path: Sequence[str], value: str) -> str | int:
    """A quantity is text in JSON, also where it looks like a number; a probe's numbers are numbers."""
    return int(value) if path[-1] in NUMBERS else value


def _place(template: Template, name: str) -> tuple[Place, list[str]]:
    """Where the container of a field is, and the field in it. Raises KeyError where one of them is not there."""
    container, *path = name.split(".")
    try:
        place = template_places.find(template, container)
        template_places.within(template_places.containers(template)[place], path)
    except KeyError:
        raise KeyError(name) from None
    return place, path


CHANGE = SetTemplateFields()
