"""Alerts that lead to no workload: as rows, and as one list by time."""

import io
from dataclasses import replace

import pytest

from platelet.api.kinds.policy import read_policy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.cli import live
from platelet.cli import timeline as timeline_command
from platelet.explain import alert_timeline, tables, untargeted_alerts
from platelet.explain import calls as calls_of
from platelet.model import reasons
from platelet.model.notification import Notification
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.shell import kube
from tests.unit.explain.records_of_alerts import HEARD, a_call, an_untargeted_alert, policy_of
from tests.unit.situations import NOW, minutes

FIRES = an_untargeted_alert()
CALLED_UP = an_untargeted_alert(call=HEARD)
OTHER = an_untargeted_alert("Other")
OVER = an_untargeted_alert(resolved_at=NOW - minutes(1), resolution="it is resolved")
ROWS: dict[str, tuple[UntargetedAlert, tuple[Notification, ...], str]] = {
    "it fires, and somebody was told": (
        FIRES,
        (a_call(FIRES),),
        "shop ApiDown Firing critical 1 pagerduty - heal 31m",
    ),
    "two levels were told, and a person has heard": (
        CALLED_UP,
        (a_call(CALLED_UP), a_call(CALLED_UP, "lead", 2)),
        "shop ApiDown Firing critical 2 pagerduty,lead ann heal 31m",
    ),
    "a sink has not taken it yet": (
        FIRES,
        (a_call(FIRES, state="Pending", told_at=None),),
        "shop ApiDown Firing critical 1 pagerduty(Pending) - heal 31m",
    ),
    "Alertmanager keeps it from us": (
        replace(FIRES, suppressed_at=NOW),
        (),
        "shop ApiDown Silenced critical 1 - - heal 31m",
    ),
    "it is over": (OVER, (a_call(OVER),), "shop ApiDown Over critical 1 pagerduty - heal 31m"),
    "nobody is called": (an_untargeted_alert(call=None), (), "shop ApiDown Firing critical - - - heal 31m"),
    "another alert was told": (
        FIRES,
        (a_call(an_untargeted_alert("Other")),),
        "shop ApiDown Firing critical 1 - - heal 31m",
    ),
}


@pytest.mark.parametrize(("alert", "calls", "cells"), ROWS.values(), ids=ROWS)
def test_a_row_of_what_is_on_record(alert: UntargetedAlert, calls: tuple[Notification, ...], cells: str) -> None:
    table = untargeted_alerts.tabulate([policy_of(alert, notifications=calls)], "here", NOW, wide=False)
    assert table is not None
    assert " ".join(table.header) == "Namespace Name State Severity Level Told Heard Policy Since"
    assert [" ".join(row) for row in table.rows] == [cells]


def test_of_one_that_is_silenced_it_says_since_when_nobody_else_is_called() -> None:
    words = "it is silenced, inhibited or muted in Alertmanager since 2026-11-21T12:00:00Z: nobody else is called"
    silenced = replace(FIRES, suppressed_at=NOW)
    assert words in calls_of.say(silenced)
    assert words not in calls_of.say(replace(silenced, resolved_at=NOW))
    assert words not in calls_of.say(FIRES)


@pytest.mark.parametrize(("alert", "words"), [(FIRES, "why"), (OVER, "it is resolved")], ids=["open", "over"])
def test_the_wide_table_says_why_it_has_no_workload_or_why_it_is_over(alert: UntargetedAlert, words: str) -> None:
    table = untargeted_alerts.tabulate([policy_of(alert)], "here", NOW, wide=True)
    assert table is not None
    assert dict(zip(table.header, table.rows[0], strict=True))["Message"] == words


def test_without_a_record_or_with_one_of_another_cluster_there_is_no_table() -> None:
    elsewhere = an_untargeted_alert(reasons.ANOTHER_CLUSTER, call=None)
    for stored in ({}, policy_of(), policy_of(elsewhere)):
        assert untargeted_alerts.tabulate([stored], "here", NOW, wide=False) is None


def test_each_visible_change_of_an_alert_is_a_line() -> None:
    kind = tables.kind_of("policies")
    assert kind is not None
    part, stream = live.Part(kind=kind, resource=kube.POLICIES, namespace="shop"), io.StringIO()
    teller = live.Teller("", stream)
    for stored in (
        policy_of(FIRES),
        policy_of(FIRES),
        policy_of(FIRES, notifications=(a_call(FIRES),)),
        policy_of(OVER),
    ):
        teller.tell(part, ("shop", "heal"), stored, NOW)
    assert [line.partition("  ")[2] for line in stream.getvalue().splitlines() if "alert/" in line] == [
        "shop  alert/ApiDown  Firing critical 1 - - heal",
        "shop  alert/ApiDown  Firing critical 1 pagerduty - heal",
        "shop  alert/ApiDown  Over critical 1 - - heal",
    ]


def test_one_list_by_time() -> None:
    heard = replace(OVER, call=HEARD)
    calls = (a_call(heard), a_call(heard, "lead", 2, told_at=NOW - minutes(20)))
    policy = ResolvedPolicy(
        loaded=read_policy(policy_of()),
        runbook=None,
        namespaces=frozenset({"shop"}),
        untargeted=(heard, an_untargeted_alert("Other")),
        notifications=calls,
    )
    story = alert_timeline.compile_timeline("ApiDown", "shop", [policy], None, NOW)
    assert [" ".join(line.split()) for line in timeline_command.text(story, wide=False)] == [
        "Alert shop/ApiDown: 6 entries",
        "2026-11-21T11:29:00Z alert shop/heal: NoTarget: why",
        "2026-11-21T11:30:00Z opened on record of policy shop/heal: people are called",
        "2026-11-21T11:31:00Z told shop/heal: NoTarget: level 1: pagerduty",
        "2026-11-21T11:40:00Z told shop/heal: NoTarget: level 2: lead",
        "2026-11-21T11:55:00Z decision shop/heal: Acknowledged: ann has heard of it",
        "2026-11-21T11:59:00Z resolved shop/heal: Resolved: it is resolved",
    ]
    assert not alert_timeline.compile_timeline("Nothing", "shop", [policy], None, NOW).exists
