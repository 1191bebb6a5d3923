"""Values of environment variables of one container in the target's template: pinned by digest, named and never shown.

A variable is named by its container: `app.env.RATE_LIMIT`. One that was not there before is removed again.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from platelet.changes import kept_values, on_target, template_places
from platelet.changes.of_template import OfTemplate, fields
from platelet.changes.template_places import Template
from platelet.model import reasons, templates
from platelet.model.intent import RECORD, TEMPLATE, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS, Resource
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import Workload

KIND = "SetEnv"
CONTAINER: Final = "container"
_ENV: Final = ".env."
_ELSEWHERE: Final = "elsewhere"  # no digest: a variable whose value is another object's, or that is there twice
_UNKNOWN: Final = {"": "not on record"}


def to(kept: KeptValues, container: str, live: Workload, *, replaces_stuck_pods: bool = False) -> PinnedChange:
    """The values that a record keeps, in the live template. Raises KeyError where it has no such container."""
    stuck = {on_target.STUCK_PODS: on_target.REPLACED} if replaces_stuck_pods else {}
    return _pin(kept, kept.meant, {CONTAINER: container, RECORD: kept.name, **stuck}, live)


def values_of(template: Template, container: str) -> dict[str, str | None]:
    """All variables of a container by their full names. None: it has no value of its own, or is there twice."""
    values: dict[str, str | None] = {}
    for variable in _variables(template, container):
        name = full_name(container, str(variable.get("name")))
        plain = "valueFrom" not in variable and name not in values
        values[name] = str(variable.get("value", "")) if plain else None
    return values


def with_values(template: Template, values: Mapping[str, str]) -> dict[str, Any]:
    """The template with these variables, by their full names. Raises KeyError where a container is not there."""
    changed = dict(template)
    for name, value in values.items():
        container, _, variable = name.partition(_ENV)
        _, changed = _edit(changed, container, {variable: value})
    return changed


def takes(template: Template, name: str) -> bool:
    """Whether the template has the container of a variable, and no value of another object's in its place."""
    container = name.partition(_ENV)[0]
    is_there = container in template_places.by_name(template)
    return is_there and values_of(template, container).get(name, "") is not None


def is_one(name: str) -> bool:
    """Whether this is the full name of a variable."""
    return _ENV in name


def full_name(container: str, variable: str) -> str:
    """How a variable is named beside those of other containers."""
    return f"{container}{_ENV}{variable}"


class SetEnv(OfTemplate):
    """Some variables of one container."""

    kind = KIND

    def check(self, pinned: PinnedChange) -> None:
        """It names a container and a record."""
        on_target.check(pinned, TEMPLATE)
        container, _ = pinned.how[CONTAINER], pinned.how[RECORD]
        if not all(name.startswith(f"{container}{_ENV}") for name in fields(pinned.meant)):
            raise ValueError(f"{', '.join(fields(pinned.meant))}: no variables of container {container}")

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """The record of its values."""
        return ((CONTROLLER_REVISIONS, pinned.record),)

    def read(self, pinned: PinnedChange, template: Template, kept: KeptValues | None) -> Mapping[str, str]:
        """The digests of those that are there."""
        if kept is None:
            return _UNKNOWN
        return {
            name: _ELSEWHERE if value is None else kept.digest(name, value)
            for name, value in values_of(template, pinned.how[CONTAINER]).items()
            if name in {**kept.before, **kept.meant}
        }

    def operations(
        self, pinned: PinnedChange, template: Template, kept: KeptValues | None
    ) -> Sequence[Mapping[str, Any]] | Refusal:
        """Each variable alone; the container and the variable are tested to be at their places."""
        values = kept.reveal(fields(pinned.meant)) if kept is not None else None
        if values is None or kept is None:
            return kept_values.refuse_lost(pinned)
        try:
            return _edit(template, pinned.how[CONTAINER], _wanted(kept, values))[0]
        except KeyError as error:
            return Refusal(reason=reasons.REFUSED, message=f"the template has no container {error.args[0]} any more")

    def before(self, pinned: PinnedChange, workload: Workload, kept: KeptValues | None) -> PinnedChange | Refusal:
        """What the record holds."""
        values = kept.reveal(fields(pinned.before)) if kept is not None else None
        if values is None or kept is None:
            return kept_values.refuse_lost(pinned)
        return _pin(kept, values, pinned.how, workload)

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """Names, and no value: `RATE_LIMIT of container app as set`."""
        now, ours, before = fields(values), fields(pinned.meant), fields(pinned.before)
        state = "as set" if now == ours else "as before" if now == before else "otherwise"
        return f"{_say_names({**before, **ours}, pinned.how[CONTAINER])} {state}"

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Whether one of them is as it was before."""
        back = self.changed_back(pinned, situation)
        return f"{_say_names(back, pinned.how[CONTAINER])} is as before: others changed it" if back else ""


def _pin(kept: KeptValues, values: Mapping[str, str], how: Mapping[str, str], live: Workload) -> PinnedChange:
    _, template = _edit(live.template, how[CONTAINER], _wanted(kept, values))
    meant = {TEMPLATE: templates.hash_template(template), **kept.conceal(values)}
    return PinnedChange(kind=KIND, meant=meant, how=how)


def _wanted(kept: KeptValues, values: Mapping[str, str]) -> dict[str, str | None]:
    """What becomes of each variable that a record knows; None: it is removed."""
    return {name.partition(_ENV)[2]: values.get(name) for name in {**kept.before, **kept.meant}}


def _edit(
    template: Template, container: str, wanted: Mapping[str, str | None]
) -> tuple[list[Mapping[str, Any]], dict[str, Any]]:
    """The operations, and the template that comes of them. Raises KeyError where there is no such container."""
    edited = deepcopy(dict(template))
    place = template_places.find(edited, container)
    path, fields_of = template_places.pointer(place), template_places.containers(edited)[place]
    operations: list[Mapping[str, Any]] = [{"op": "test", "path": f"{path}/name", "value": container}]
    for name, value in wanted.items():
        operations += _remove(fields_of, path, name) if value is None else _put(fields_of, path, name, value)
    return operations, edited


def _put(container: dict[str, Any], path: str, name: str, value: str) -> list[Mapping[str, Any]]:
    at = _index(container, name)
    if at is not None:
        tested = {"op": "test", "path": f"{path}/env/{at}/name", "value": name}
        container["env"][at]["value"] = value
        if value:
            return [tested, {"op": "add", "path": f"{path}/env/{at}/value", "value": value}]
        del container["env"][at]["value"]  # the API server keeps no empty value
        return [tested, {"op": "remove", "path": f"{path}/env/{at}/value"}]
    variable = {"name": name, "value": value} if value else {"name": name}
    if container.get("env"):
        container["env"].append(variable)
        return [{"op": "add", "path": f"{path}/env/-", "value": variable}]
    container["env"] = [variable]
    return [{"op": "add", "path": f"{path}/env", "value": [variable]}]


def _remove(container: dict[str, Any], path: str, name: str) -> list[Mapping[str, Any]]:
    at = _index(container, name)
    if at is None:
        return []
    tested = {"op": "test", "path": f"{path}/env/{at}/name", "value": name}
    del container["env"][at]
    if container["env"]:
        return [tested, {"op": "remove", "path": f"{path}/env/{at}"}]
    del container["env"]  # the API server keeps no empty list
    return [tested, {"op": "remove", "path": f"{path}/env"}]


def _index(container: Template, name: str) -> int | None:
    return next((at for at, variable in enumerate(container.get("env") or ()) if variable.get("name") == name), None)


def _variables(template: Template, container: str) -> list[Template]:
    known = template_places.by_name(template).get(container, {})
    return [variable for variable in known.get("env") or () if isinstance(variable, Mapping)]


def _say_names(names: Mapping[str, str], container: str) -> str:
    return f"{', '.join(name.partition(_ENV)[2] for name in names)} of container {container}"


CHANGE = SetEnv()
