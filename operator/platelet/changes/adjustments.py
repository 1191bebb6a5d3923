"""What platelet has adjusted of a template, and what is lost of that where another template is put in its place."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from platelet.changes import env_values, template_fields, template_places
from platelet.changes.template_places import Template
from platelet.model.revision import RevisionRecord

MOST_KEPT: Final = 5  # an intent has room for so many fields beside the names of a record and of a template


def kept(goal: Template, live: Template, records: Iterable[RevisionRecord]) -> dict[str, str]:
    """What an undo can keep of our adjustments of the live template, and its values there.

    Only what the other template has, too, and whose values people may see; of more than `MOST_KEPT`, the first ones.
    """
    ours = _dropped(goal, live, records)
    visible = {name: now for name, (now, then) in ours.items() if then is not None and not env_values.is_one(name)}
    return dict(list(visible.items())[:MOST_KEPT])


def say_kept(goal: Template, fields: Mapping[str, str]) -> str:
    """Say what was kept, and what it is in the other template."""
    then = _adjustable(goal)
    return ", ".join(f"{name} {now} instead of {then[name]}" for name, now in fields.items())


def say_dropped(
    goal: Template, live: Template, records: Iterable[RevisionRecord], besides: Collection[str] = ()
) -> str:
    """Say what is lost of our adjustments of the live template where another one is put in its place; else empty.

    `besides` are those that are kept.
    """
    lost = _dropped(goal, live, records).items()
    return ", ".join(_say(name, now, then) for name, (now, then) in lost if name not in besides)


def _dropped(goal: Template, live: Template, records: Iterable[RevisionRecord]) -> dict[str, tuple[str, str | None]]:
    """Of our adjustments of the live template, those that the other one has not; their values in both."""
    records = tuple(records)
    known = {record.template_hash: record.template for record in records}
    now, then = _adjustable(live), _adjustable(goal)
    ours = (
        name
        for record in records
        if record.made_from in known
        for name, value in _adjustable(record.template).items()
        if value == now.get(name) != _adjustable(known[record.made_from]).get(name)
    )
    return {name: (now[name], then.get(name)) for name in dict.fromkeys(ours) if then.get(name) != now[name]}


def _say(name: str, now: str, then: str | None) -> str:
    if env_values.is_one(name):
        return f"{name} as set -> {'unset' if then is None else 'another value'}"
    return f"{name} {now} -> {then or 'unset'}"


def _adjustable(template: Template) -> dict[str, str]:
    """All that we may have adjusted, by name; of variables those that have a value of their own."""
    variables = {
        name: value
        for container in template_places.by_name(template)
        for name, value in env_values.values_of(template, container).items()
        if value is not None
    }
    return {**template_fields.resources_of(template), **template_fields.probes_of(template), **variables}
