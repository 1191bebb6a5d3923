"""Where things are in a pod template: its containers, and fields of these by path."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from platelet.model.template_shape import mapping

Template = Mapping[str, Any]
Place = tuple[str, int]
"""The list in which a container is, and its index there."""
_LISTS: Final = ("containers", "initContainers")


def containers(template: Template) -> dict[Place, Any]:
    """All containers by their places."""
    spec = mapping(template.get("spec"))
    return {
        (kind, index): container
        for kind in _LISTS
        for index, container in enumerate(spec[kind] if isinstance(spec.get(kind), list | tuple) else ())
        if isinstance(container, Mapping)
    }


def by_name(template: Template) -> dict[str, Template]:
    """All containers by name."""
    return {str(container.get("name")): container for container in containers(template).values()}


def find(template: Template, name: str) -> Place:
    """Where the container of this name is. Raises KeyError where there is none."""
    place = next((place for place, known in containers(template).items() if known.get("name") == name), None)
    if place is None:
        raise KeyError(name)
    return place


def pointer(place: Place) -> str:
    """The JSON pointer of a container in its workload."""
    kind, index = place
    return f"/spec/template/spec/{kind}/{index}"


def within(container: Any, path: Iterable[str]) -> Any:
    """What is at a path. Raises KeyError where there is nothing."""
    for key in path:
        if not isinstance(container, Mapping):
            raise KeyError(key)
        container = container[key]
    return container
