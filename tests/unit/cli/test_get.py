"""Tables, the live view and its lines: the columns of the CRDs, readable in a narrow terminal, and no noise."""

import asyncio
import io
import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from platelet.api.generation import crds
from platelet.cli import commands, live, session
from platelet.explain import tables
from platelet.shell import kube
from tests.unit.explain.records_of_jobs import CALL, RECORD, policy_with
from tests.unit.situations import NOW, minutes

REMEDIATION: dict[str, Any] = {
    "kind": "Remediation",
    "metadata": {"namespace": "shop", "name": "deployment-api-1", "creationTimestamp": "2026-11-21T11:55:00Z"},
    "spec": {"targetRef": {"kind": "Deployment", "name": "api"}, "policyRef": {"name": "heal"}},
    "status": {"state": "Waiting", "reason": "Cooldown", "message": "the last action was at noon", "stepName": "undo"},
}
POLICY = {
    "metadata": {"namespace": "shop", "name": "heal"},
    "spec": {"mode": "Enforce", "runbookRef": {"name": "undo"}},
    "status": {
        "conditions": [{"type": "Other", "status": "True"}, {"type": "Ready", "status": "False", "reason": "X"}]
    },
}


def part(word: str = "rem", **changes: Any) -> live.Part:
    """One kind in namespace `shop`."""
    kind = tables.kind_of(word)
    assert kind is not None
    return replace(live.Part(kind=kind, resource=kube.REMEDIATIONS, namespace="shop"), **changes)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        pytest.param("rem", "Remediation", id="short name"),
        pytest.param("remediations", "Remediation", id="plural"),
        pytest.param("Runbook", "Runbook", id="singular"),
        pytest.param("policies", "RemediationPolicy", id="what people say"),
        pytest.param("remediationpolicies.platelet.dev", "RemediationPolicy", id="with its group"),
        pytest.param("budget", "ActionBudget", id="the budget"),
        pytest.param("pods", None, id="not ours"),
    ],
)
def test_a_kind_is_named_as_kubectl_does(word: str, name: str | None) -> None:
    """And as people do."""
    kind = tables.kind_of(word)
    assert (kind.name if kind else None) == name


def test_cells_are_those_of_kubectl_get() -> None:
    """By the printer columns; what is not there is a dash."""
    shown = part("policies").table([POLICY], NOW)
    row = dict(zip(shown.header, shown.rows[0], strict=True))
    assert row == {
        "Name": "heal",
        "Mode": "Enforce",
        "Ready": "False",
        "Reason": "X",
        "Runbook": "undo",
        "Warning": "-",
        "Age": "-",
    }


def test_wide_adds_the_columns_that_are_long() -> None:
    """As `kubectl get -o wide`."""
    narrow, wide = part().table([REMEDIATION], NOW), part(wide=True).table([REMEDIATION], NOW)
    assert set(wide.header) - set(narrow.header) >= {"Message"}
    assert ("5m" in narrow.rows[0], "the last action was at noon" in wide.rows[0]) == (True, True)


@pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.plural)
@pytest.mark.parametrize(
    "flags", [[], ["-w"], ["-o", "json"], ["-o", "wide"]], ids=lambda flags: " ".join(flags) or "-"
)
def test_each_kind_can_be_asked_for_by_its_name(
    kind: crds.Kind, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, twice, and beside the others; as a table and as what is followed."""
    asked: list[list[live.Part]] = []

    async def follow(_client: Any, parts: list[live.Part], _form: str, _stream: Any) -> None:
        asked.append(list(dict.fromkeys(parts)))

    monkeypatch.setattr(live, "follow", follow)
    monkeypatch.setattr(session, "run", lambda _options, work: asyncio.run(work(_Cluster())))
    assert commands.main(["get", kind.short, kind.plural, *flags]) == 0
    assert [[part.kind for part in parts if not part.jobs_in] for parts in asked] == (
        [[kind]] if flags == ["-w"] else []
    )


class _Cluster:
    """Answers each list with one object."""

    clock = SimpleNamespace(now=lambda: NOW)

    async def list(self, _resource: kube.Resource, namespace: str) -> list[dict[str, Any]]:
        """One."""
        return [{**REMEDIATION, "metadata": {**REMEDIATION["metadata"], "namespace": namespace}}]


def test_plain_tables_are_aligned_and_an_empty_one_says_so() -> None:
    """For a pipe."""
    shown = [part("policies").table([], NOW), part(namespace="").table([REMEDIATION], NOW)]
    lines = tables.text(shown)
    assert lines[:3] == ["remediationpolicies in namespace shop", "  none", ""]
    assert lines[3] == "remediations in all namespaces"
    assert lines[4].split()[:2] == ["NAMESPACE", "NAME"]
    assert lines[5].startswith("  shop       deployment-api-1  ")


def test_failed_jobs_come_last_and_only_where_there_are_some() -> None:
    """Of the policies that are shown."""
    policies, remediations = part("policies"), part()
    plain = live.all_tables([(policies, [POLICY]), (remediations, [REMEDIATION])], NOW)
    assert [table.title for table in plain] == [
        f"{kind} in namespace shop" for kind in ("remediationpolicies", "remediations")
    ]
    shown = live.all_tables([(policies, [policy_with(RECORD)]), (remediations, [REMEDIATION])], NOW)
    assert [table.title for table in shown][2:] == ["failed jobs of policies in namespace shop"]


@pytest.mark.parametrize("stored", [{}, {"metadata": None, "spec": [], "status": "?"}])
def test_what_others_spoilt_costs_dashes_only(stored: dict[str, Any]) -> None:
    """No traceback over one object."""
    shown = part("policies").table([stored], NOW)
    assert set(shown.rows[0]) == {"-"}


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_the_view_fits_the_terminal_and_loses_nothing(width: int) -> None:
    """No cell is cut, and no word is broken that has a place on a line."""
    console = Console(width=width, file=io.StringIO())
    everything = [part("policies", wide=True).table([POLICY], NOW), part(wide=True).table([REMEDIATION], NOW)]
    with console.capture() as capture:
        console.print(live.picture(everything, NOW, width))
    plain = capture.get().splitlines()
    assert max(map(cell_len, plain)) <= width
    words = {word for table in everything for row in table.rows for cell in row for word in cell.split() if word != "-"}
    assert words <= set("\n".join(plain).split())


def test_a_silent_api_server_is_told() -> None:
    """A picture that is old must not look new."""
    console = Console(width=120, file=io.StringIO())
    with console.capture() as capture:
        console.print(live.picture([], NOW, 120, stale=True))
    assert "silent for 90s" in capture.get()


def tell(form: str, *stored: dict[str, Any] | None, word: str = "rem") -> list[str]:
    """What is written when the object is seen like this, one after the other, a minute between."""
    stream = io.StringIO()
    teller = live.Teller(form, stream)
    for minute, obj in enumerate(stored):
        teller.tell(part(word), ("shop", "deployment-api-1"), obj, NOW + timedelta(minutes=minute))
    return stream.getvalue().splitlines()


def test_lines_tell_what_can_be_seen_to_change() -> None:
    """Ages and what only machines read are no change."""
    closed = REMEDIATION | {"status": {"state": "Closed", "reason": "Recovered"}}
    machine = REMEDIATION | {"status": {**REMEDIATION["status"], "observedGeneration": 7}}
    assert tell("", REMEDIATION, machine, closed, None) == [
        "2026-11-21T12:00:00Z  shop  remediation/deployment-api-1  api Waiting undo Cooldown heal",
        "2026-11-21T12:02:00Z  shop  remediation/deployment-api-1  api Closed - Recovered heal",
        "2026-11-21T12:03:00Z  shop  remediation/deployment-api-1  deleted",
    ]


def test_lines_tell_what_changes_of_failed_jobs() -> None:
    """Whatever else of their policy does: the policy's own line is told once."""
    over = replace(RECORD, resolved_at=NOW + minutes(3), resolution="Job report-2 is gone")
    called = policy_with(RECORD, notifications=(CALL,))
    assert tell("", policy_with(RECORD), called, called, policy_with(over), word="policies")[1:] == [
        "2026-11-21T12:00:00Z  shop  job/report-2  report Failed BackoffLimitExceeded 2 1 - - heal",
        "2026-11-21T12:01:00Z  shop  job/report-2  report Failed BackoffLimitExceeded 2 1 pagerduty - heal",
        "2026-11-21T12:03:00Z  shop  job/report-2  report Over BackoffLimitExceeded 2 1 - - heal",
    ]


def test_of_the_operators_policies_only_their_failed_jobs_of_this_namespace_are_shown() -> None:
    other = replace(RECORD, namespace="other", cron_job="backup")
    home = part("policies", namespace="platelet-system", jobs_in="shop")
    stored = policy_with(RECORD, other, failedJobsUnlisted=3)
    (table,) = live.all_tables([(home, [stored])], NOW)
    assert table.title == "failed jobs in namespace shop of policies in namespace platelet-system"
    assert [row[:2] for row in table.rows] == [("shop", "report-2")]
    stream = io.StringIO()
    teller = live.Teller("", stream)
    for seen in (stored, stored, None):
        teller.tell(home, ("platelet-system", "heal"), seen, NOW)
    (line,) = stream.getvalue().splitlines()
    assert "job/report-2" in line


def test_scripts_get_one_document_for_each_change() -> None:
    """Type and object."""
    documents = [json.loads(line) for line in tell("json", REMEDIATION, REMEDIATION, None)]
    assert [document["type"] for document in documents] == ["ADDED", "MODIFIED", "DELETED"]
    assert documents[0]["object"] == REMEDIATION
    assert documents[2]["object"]["metadata"] == {"namespace": "shop", "name": "deployment-api-1"}
