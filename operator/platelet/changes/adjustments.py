"""What platelet has adjusted of a template, and what is lost of that where another template is put in its place."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from platelet.changes import env_values, template_fields, template_places
from platelet.changes.template_places import Template
from platelet.model.revision import RevisionRecord

MOST_KEPT: Final = 5  # an intent has room for so many fields beside the names of a record and of a template
_MOST_WITH_VALUES: Final = MOST_KEPT - 1  # and beside the name of a record that keeps values


def kept(goal: Template, live: Template, records: Iterable[RevisionRecord]) -> dict[str, str]:
    """What an undo can keep of our adjustments of the live template, and its values there, which people may see.

    Only what the other template has, too; of more than `MOST_KEPT`, variables included, the first ones.
    """
    return {name: now for name, now in _chosen(goal, live, records).items() if not env_values.is_one(name)}


def kept_variables(goal: Template, live: Template, records: Iterable[RevisionRecord]) -> dict[str, str]:
    """The variables among them, and their values, which nobody may see. The other template needs only the container."""
    return {name: now for name, now in _chosen(goal, live, records).items() if env_values.is_one(name)}


def _chosen(goal: Template, live: Template, records: Iterable[RevisionRecord]) -> dict[str, str]:
    ours = _dropped(goal, live, records).items()
    possible = [
        (name, now)
        for name, (now, then) in ours
        if (env_values.takes(goal, name) if env_values.is_one(name) else then is not None)
    ]
    with_values = any(env_values.is_one(name) for name, _ in possible[:MOST_KEPT])
    return dict(possible[: _MOST_WITH_VALUES if with_values else MOST_KEPT])


def say_kept(goal: Template, names: Mapping[str, str]) -> str:
    """Say what was kept, and what it is in the other template; of a variable no value."""
    then = _adjustable(goal)
    return ", ".join(
        f"{name} as set" if env_values.is_one(name) else f"{name} {now} instead of {then[name]}"
        for name, now in names.items()
    )


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
