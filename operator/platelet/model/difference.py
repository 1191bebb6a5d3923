"""What differs between two pod templates, for people: images by their tags, all else by the names of fields.

Never a value: templates carry plaintext secrets (TRAPS 48).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from platelet.model import references, stamps
from platelet.model.enumeration import name_some
from platelet.model.template_shape import mapping

_CONTAINERS: Final = ("containers", "initContainers")
_BY_NAME: Final = (*_CONTAINERS, "volumes")
_TOLD: Final = ("name", "image", "env")  # of a container, in words of their own
_IMAGES_SAID = 3
_FIELDS_SAID = 8
_LONGEST = 100  # characters of one image or one name
_LONGEST_LINE = 256
_DIGEST = 19  # characters: sha256: and twelve digits

Template = Mapping[str, Any]


def say_images(old: Template, new: Template) -> str:
    """`app:good-2 -> good-1` for each container whose image differs; empty where none does."""
    before, after = images(old), images(new)
    changed = [
        _say_image(before[name], after[name]) for name in before if after.get(name, before[name]) != before[name]
    ]
    more = len(changed) - _IMAGES_SAID
    return ", ".join(changed[:_IMAGES_SAID]) + (f" and {more} more images" if more > 0 else "")


def say_fields(old: Template, new: Template) -> str:
    """The names of all other fields that differ, such as `app.env LOG_LEVEL`; empty for none."""
    names = [name[:_LONGEST] for name in dict.fromkeys(_fields(old, new))]
    return name_some(names, _FIELDS_SAID)


def list_differences(old: Template, new: Template) -> list[str]:
    """What has changed from one template to another, one line each: images by their tags, all else by its name."""
    lines = (line[:_LONGEST_LINE] for line in _differences(old, new))
    return list(dict.fromkeys(lines))


def images(template: Template) -> dict[str, str]:
    """The image of each container by its name, init containers included."""
    spec = mapping(template.get("spec"))
    return {
        name: str(container.get("image", ""))
        for field in _CONTAINERS
        for name, container in _by_name(spec.get(field)).items()
    }


def _say_image(old: str, new: str) -> str:
    (repository, tag), (other, version) = _split(old), _split(new)
    if repository == other and tag and version:
        return f"{repository[-_LONGEST:]}{tag[0]}{_short(tag[1:])} -> {_short(version[1:])}"
    return f"{old[-_LONGEST:]} -> {new[-_LONGEST:]}"


def _split(image: str) -> tuple[str, str]:
    """Split into the repository, and the tag or the digest with the sign before it."""
    repository, at, digest = image.partition("@")
    if at:
        return repository, f"@{digest}"
    path, colon, tag = image.rpartition(":")
    return (path, f":{tag}") if colon and "/" not in tag else (image, "")


def _short(version: str) -> str:
    return version[:_DIGEST] if version.startswith("sha256:") else version[:_LONGEST]


def _fields(old: Template, new: Template) -> Iterator[str]:
    before, after = mapping(old.get("spec")), mapping(new.get("spec"))
    for field in _CONTAINERS:
        yield from _containers(_by_name(before.get(field)), _by_name(after.get(field)))
    yield from (f"volume {name}" for name in _keys(_by_name(before.get("volumes")), _by_name(after.get("volumes"))))
    plain = ({name: value for name, value in spec.items() if name not in _BY_NAME} for spec in (before, after))
    yield from _keys(*plain)
    for kind in ("labels", "annotations"):
        meant = (_meant_marks(template, kind) for template in (old, new))
        yield from (f"{kind.removesuffix('s')} {key}" for key in _keys(*meant))


def _containers(before: Mapping[str, Template], after: Mapping[str, Template]) -> Iterator[str]:
    for name in (*before, *(name for name in after if name not in before)):
        if name not in before or name not in after:
            yield f"container {name} {'goes' if name in before else 'comes back'}"
            continue
        old, new = before[name], after[name]
        yield from (f"{name}.{field}" for field in _keys(old, new) if field not in ("env", "image"))
        variables = (_by_name(container.get("env")) for container in (old, new))
        yield from (
            f"{name}.env {variable}" for variable in _keys(*variables) if not stamps.is_reloaders_variable(variable)
        )


def _differences(old: Template, new: Template) -> Iterator[str]:
    before, after = mapping(old.get("spec")), mapping(new.get("spec"))
    for field in _CONTAINERS:
        yield from _of_containers(_by_name(before.get(field)), _by_name(after.get(field)))
    known, present = _configuration(old), _configuration(new)
    yield from (f"refers to {name}" for name in sorted(present - known))
    yield from (f"no longer refers to {name}" for name in sorted(known - present))
    yield from _say_keys("volume ", _by_name(before.get("volumes")), _by_name(after.get("volumes")))
    yield from _say_keys("", *({key: spec[key] for key in spec if key not in _BY_NAME} for spec in (before, after)))
    for kind in ("labels", "annotations"):
        yield from _say_keys(f"{kind.removesuffix('s')} ", *(_meant_marks(template, kind) for template in (old, new)))


def _of_containers(before: Mapping[str, Template], after: Mapping[str, Template]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        short = name[:_LONGEST]
        if name not in before or name not in after:
            yield f"container {short} {'removed' if name in before else 'added'}"
            continue
        old, new = before[name], after[name]
        if old.get("image") != new.get("image"):
            yield f"{short} image {_say_image(str(old.get('image', '')), str(new.get('image', '')))}"
        variables = [
            {key: entry for key, entry in _by_name(env).items() if not stamps.is_reloaders_variable(key)}
            for env in (old.get("env"), new.get("env"))
        ]
        yield from _say_keys(f"{short} env ", *variables)
        yield from _say_keys(f"{short} ", *({key: one[key] for key in one if key not in _TOLD} for one in (old, new)))


def _say_keys(before: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in _keys(old, new):
        became = "added" if old.get(key) is None else "removed" if new.get(key) is None else "changed"
        yield f"{before}{key[:_LONGEST]} {became}"


def _configuration(template: Template) -> set[str]:
    """The ConfigMaps and Secrets that it names, as `configmap/settings`."""
    kinds = (references.CONFIG_MAP, references.SECRET)
    return {f"{kind}/{name[:_LONGEST]}" for kind, name, _, _ in references.named(template) if kind in kinds}


def _meant_marks(template: Template, kind: str) -> dict[str, Any]:
    """Its labels or annotations, without those by which a restart is made."""
    marks = mapping(mapping(template.get("metadata")).get(kind))
    return {key: value for key, value in marks.items() if not stamps.only_restarts(key, value)}


def _keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    """The keys whose values differ. Absent and null are the same."""
    return [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]


def _by_name(entries: Any) -> dict[str, Template]:
    mappings = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list | tuple) else []
    return {str(entry.get("name", "")): entry for entry in mappings}
