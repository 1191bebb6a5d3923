"""What the audit list must never show, whatever went wrong: records that go back, reservations in another's name."""

from collections.abc import Iterable

from platelet.shell import kube
from tests.scenarios.model_api import Call


def offences(audit: Iterable[Call]) -> list[str]:
    """In words, in order. Empty is well."""
    written = [call for call in audit if call.changed and call.subresource == "status"]
    remediations = [call for call in written if call.resource == kube.REMEDIATIONS.plural]
    budgets = [call for call in written if call.resource == kube.BUDGETS.plural]
    return [
        *_reopened(remediations),
        *_forgotten_outcomes(remediations),
        *_without_approval(remediations),
        *_in_anothers_name(budgets),
        *_twice(budgets),
    ]


def _reopened(written: list[Call]) -> list[str]:
    closed, offences = set(), []
    for call in written:
        uid, state = call.body["metadata"]["uid"], call.body["status"].get("state")
        if uid in closed:
            offences.append(f"call {call.index} writes on {call.name} after it was closed")
        if state == "Closed":
            closed.add(uid)
    return offences


def _forgotten_outcomes(written: list[Call]) -> list[str]:
    known: dict[str, tuple[str, str]] = {}
    offences = []
    for call in written:
        for attempt in call.body["status"].get("attempts", []):
            now = attempt["phase"], attempt.get("verdict", "")
            before = known.get(attempt["id"], ("Intended", ""))
            if any(old not in ("Intended", "", new) for old, new in zip(before, now, strict=True)):
                offences.append(f"call {call.index} turns attempt {attempt['id']} from {before} to {now}")
            known[attempt["id"]] = now
    return offences


def _without_approval(written: list[Call]) -> list[str]:
    """Attempts of a Remediation in mode Approve whose approval is not on record, made before the attempt."""
    yes: set[str] = set()
    offences = []
    for call in written:
        asked = call.body["status"].get("approval") or {}
        for attempt in call.body["status"].get("attempts", []):
            needed = call.body["spec"]["mode"] == "Approve" and attempt["kind"] == "Act"
            if needed and not (attempt["id"] in yes and attempt.get("approvedBy")):
                offences.append(f"call {call.index} intends {attempt['id']} without an approval on record")
        yes |= {asked["attempt"]} if asked.get("answer") == "Approved" else set()
    return offences


def _in_anothers_name(written: list[Call]) -> list[str]:
    return [
        f"call {call.index}: {call.process} writes in the epoch of {call.body['status']['holder']}"
        for call in written
        if not call.body["status"].get("holder", "").startswith(f"{call.process}_")
    ]


def _twice(written: list[Call]) -> list[str]:
    offences = []
    for call in written:
        ids = [entry["id"] for entry in call.body["status"].get("entries", [])]
        offences += [f"call {call.index} reserves {name} twice" for name in set(ids) if ids.count(name) > 1]
    return offences
