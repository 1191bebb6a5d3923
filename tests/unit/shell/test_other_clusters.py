"""One Alertmanager, Mimir or Thanos for several clusters: what is about another one is on record and never acts."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.shell import kube
from platelet.shell.intake.alert_inbox import AlertInbox
from tests.scenarios.manifests import policy
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import ALERT, Shell

HOOK = {"escalation": {"webhook": {"url": "https://hooks.example.com"}}}
API = {"namespace": SHOP, "deployment": "api"}


async def a_shell(**more: Any) -> Shell:
    made = Shell(**{**HOOK, **more})
    await made.book.refresh()
    await made.policy_statuses.tell(made.book.judgements)
    return made


def listed(shell: Shell) -> list[kube.Json]:
    alerts: list[kube.Json] = shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"].get("untargetedAlerts", [])
    return alerts


# Each row: what the settings say, what the alert says; what becomes of it, and how many people are called.
ALERTS: dict[str, tuple[str, dict[str, str], str, int]] = {
    "of this one": ("ams-1", {"cluster": "ams-1"}, "stored", 0),
    "of no named one": ("ams-1", {}, "stored", 0),
    "of another": ("ams-1", {"cluster": "fra-2"}, "elsewhere", 0),
    "of another, as OpenTelemetry says it": ("ams-1", {"k8s_cluster_name": "fra-2"}, "elsewhere", 0),
    "of one, and it is not known which this is": ("", {"cluster": "ams-1"}, "untargeted", 1),
    "of no named one, and it is not known which this is": ("", {}, "stored", 0),
}


@pytest.mark.parametrize("present", [False, True], ids=["by webhook", "by poll"])
@pytest.mark.parametrize(("ours", "says", "fate", "called"), ALERTS.values(), ids=ALERTS)
async def test_an_alert_that_names_a_cluster(
    ours: str, says: dict[str, str], fate: str, called: int, *, present: bool
) -> None:
    shell = await a_shell()
    inbox = shell.new_inbox(ours)
    alert = shell.an_alert(labels=API | says)
    for _ in range(3):
        await (inbox.store_present([alert]) if present else inbox.store([alert], 0))
        await shell.tell_people()
    assert len(shell.remediations()) == (fate == "stored")
    assert len(shell.people.delivered) == called
    assert bool(listed(shell)) == (fate != "stored")
    assert present or set(shell.fates) == {fate}


async def test_of_another_cluster_one_line_tells_however_many_alerts_it_has() -> None:
    """A storm over there must not push out what has no target here, nor call anybody."""
    shell = await a_shell()
    names = ("fra-2", "arn:aws:eks:eu:1:cluster/ams-1", "arn:aws:eks:eu:1:cluster/ams-2", "x" * 500)
    for restart in range(2):
        inbox = shell.new_inbox("ams-1")
        if restart:
            shell.untargeted = shell.new_untargeted()
        await inbox.store([shell.an_alert(n, labels=API | {"cluster": name}) for n in range(30) for name in names], 0)
        ends = [shell.an_alert(n, resolved=True, labels=API | {"cluster": names[0]}) for n in range(30)]
        await inbox.store(ends, 0)
        await shell.tell_people()
    assert [(alert["reason"], "resolvedAt" in alert) for alert in listed(shell)] == [("AnotherCluster", False)] * 4
    assert "'fra-2', and this is 'ams-1'" in listed(shell)[0]["message"]
    assert [event.reason for event in shell.people.events] == ["AnotherCluster"] * 4
    assert not shell.people.delivered


async def test_where_it_is_not_known_which_this_is_the_reason_is_the_fix() -> None:
    shell = await a_shell()
    await shell.inbox.store([shell.an_alert(labels=API | {"cluster": "ams-1"})], 0)
    (only,) = listed(shell)
    assert (only["reason"], "clusterName" in only["message"]) == (ALERT, True)


MATCHED = {"what this cluster is called": ("ams-1", 1), "another": ("fra-2", 0)}


@pytest.mark.parametrize(("theirs", "opened"), MATCHED.values(), ids=MATCHED)
async def test_a_policy_may_say_by_a_matcher_which_cluster_it_means(theirs: str, opened: int) -> None:
    """Where the settings say nothing: other matchers than `=` say nothing either."""
    shell = await a_shell()
    trigger = {"alert": {"matchers": [f'alertname="{ALERT}"', 'cluster="ams-1"']}}
    shell.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"triggers": [trigger]}})
    await shell.book.refresh()
    await shell.inbox.store([shell.an_alert(labels=API | {"cluster": theirs})], 0)
    assert len(shell.remediations()) == opened


async def test_a_matcher_does_not_make_another_cluster_this_one() -> None:
    """The same policy in each cluster, by GitOps: refs that it lists are here, the alert is not."""
    shell = await a_shell()
    trigger = {"alert": {"matchers": [f'alertname="{ALERT}"', 'cluster="fra-2"']}}
    shell.apply(
        kube.POLICIES, policy("refs", triggers=[trigger], targets={"refs": [{"kind": "Deployment", "name": "api"}]})
    )
    await shell.book.refresh()
    for labels in (API, {}, {"service": "api"}):
        await shell.new_inbox("ams-1").store([shell.an_alert(labels=labels | {"cluster": "fra-2"})], 0)
    assert not shell.remediations()


def results(shell: Shell, cluster: str) -> list[tuple[Alert, Evidence]]:
    labels = API | ({"cluster": cluster} if cluster else {})
    alert = replace(shell.an_alert(labels=labels), labels=labels)
    now = shell.clock.now()
    fact = Evidence(
        source="query", reason="QueryAbove", fingerprint="query/1", message="", first_seen=now, last_seen=now
    )
    return [(alert, fact)]


QUERIES = {"ams-1": 1, "fra-2": 0, "": 1}


@pytest.mark.parametrize(("theirs", "opened"), QUERIES.items(), ids=["this", "another", "none"])
async def test_a_result_of_a_query_that_names_another_cluster(theirs: str, opened: int) -> None:
    """Thanos or Mimir as `prometheus.url` answer for all of them."""
    shell = await a_shell()
    inbox: AlertInbox = shell.new_inbox("ams-1")
    for _ in range(3):
        await inbox.store_results(f"{SHOP}/heal", results(shell, theirs))
    assert len(shell.remediations()) == opened
    assert len(shell.people.events) == 1 - opened
