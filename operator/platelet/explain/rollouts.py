"""The rollouts of a timeline: which revision came when, which one came back, and what followed pod by pod."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from platelet.api.readers import lenient
from platelet.explain.entry import Entry
from platelet.model.intent import TEMPLATE
from platelet.model.remediation import Remediation
from platelet.model.workload import Revision

_OF_THE_WORKLOAD = "ScalingReplicaSet"
_POD_BY_POD = (_OF_THE_WORKLOAD, "SuccessfulCreate", "SuccessfulDelete")
"""Reasons of the controllers' Events that tell how a rollout goes on."""


def fold_pods_made(entries: Iterable[Entry]) -> list[Entry]:
    """Tell in one entry what the controllers did pod by pod from one rollout to the next."""
    folded: list[Entry] = []
    place: int | None = None  # of the entry that holds the present rollout's
    for entry in entries:
        if entry.kind == "rollout":
            place = None
        if entry.kind != "event" or entry.reason not in _POD_BY_POD:
            folded.append(entry)
        elif place is None:
            place = len(folded)
            folded.append(entry)
        else:
            folded[place] = _fold(folded[place], entry)
    return folded


def _fold(first: Entry, entry: Entry) -> Entry:
    """Tell two in one: by the workload's own controller if either is, whichever came first within the second."""
    count, last_at = first.count + entry.count, max(entry.last_at or entry.at, first.last_at or first.at)
    if first.reason == _OF_THE_WORKLOAD and entry.reason != _OF_THE_WORKLOAD:
        return replace(first, count=count, last_at=last_at)
    return replace(first, reason=entry.reason, by=entry.by, message=entry.message, count=count, last_at=last_at)


def tell_rollouts(revisions: Iterable[Revision], remediations: Iterable[Remediation]) -> Iterator[Entry]:
    """When each revision came, and when one of ours brought it back: then it has a new number."""
    written = [
        (attempt.outcome_at or attempt.intended_at, attempt.intended_at.replace(microsecond=0), template)
        for remediation in remediations
        for attempt in remediation.status.attempts
        if attempt.phase == "Done" and (template := attempt.on_target(TEMPLATE)) is not None
    ]
    for revision in revisions:
        name, images = revision.name, name_images(revision.template)
        ours = sorted(
            at
            for at, intended_at, template_hash in written
            if template_hash == revision.template_hash and intended_at > revision.created_at  # it was there before
        )
        numbers = [*revision.earlier_numbers, *([revision.number] if revision.number else [])]
        back = numbers[1:][-len(ours) :] if ours else []
        by_others = numbers[1 : len(numbers) - len(back)]
        since_then = f"; rolled out again by others as {_say_revisions(by_others)}" if by_others else ""
        first = _say_revisions(numbers[:1]) or "a revision"
        yield Entry(at=revision.created_at, kind="rollout", message=f"{first} ({name}): {images}{since_then}")
        for at, number in zip_longest(ours, back):
            again = _say_revisions([number]) if number else "a revision"
            yield Entry(at=at, kind="rollout", message=f"{again} ({name}), back again: {images}")


def _say_revisions(numbers: Sequence[int]) -> str:
    return f"revision {', '.join(map(str, numbers))}" if numbers else ""


def name_images(template: Mapping[str, Any]) -> str:
    """The images, by container; nothing else of a template is anybody's business (TRAPS 48)."""
    containers = lenient.mappings(lenient.mapping(template.get("spec")).get("containers"))
    return ", ".join(
        f"{lenient.text(container.get('name'))}={lenient.text(container.get('image'))}" for container in containers
    )
