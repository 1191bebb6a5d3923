"""Of what has no workload on record: what may be asked about where, and whose end nobody else reports."""

from dataclasses import replace

import pytest

from platelet.api.kinds.status_lists import ALERTS
from platelet.core.untargeted_alerts import Stray
from platelet.shell import kube
from platelet.shell.intake.held_alerts import HeldAlerts
from platelet.shell.intake.present_facts import PresentFacts
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.intake.untargeted_alerts import Untargeted
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import MINUTE, Shell


async def recorded(shell: Shell, *strays: Stray) -> PresentFacts:
    """These are on record, and the policies were read since."""
    await shell.untargeted.record(await shell.resolved(), strays)
    await shell.book.refresh()
    return present(shell, shell.untargeted)


def present(shell: Shell, untargeted: Untargeted) -> PresentFacts:
    return PresentFacts(HeldAlerts(shell.api), untargeted)


def open_ones(shell: Shell) -> list[str]:
    listed = ALERTS.read(shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"])
    return [entry.fingerprint for entry in listed if entry.is_open]


async def test_alertmanager_is_asked_about_what_comes_from_it_and_prometheus_about_its_own() -> None:
    shell = Shell()
    alert, query = shell.an_alert(1), "query/uid/trigger/labels"
    facts = await recorded(
        shell,
        Stray(alert=alert, why="why"),
        Stray(alert=replace(shell.an_alert(2), sender="Grafana"), why="only Grafana knows its end"),
        Stray(alert=shell.an_alert(3), why="why", cluster="other"),
        Stray(alert=shell.an_alert(4), why="why", query=query),
    )
    assert set(facts.held()) == {alert.episode}
    assert set(facts.held_queries()) == {query}


@pytest.mark.parametrize("restarted", [False, True], ids=["the same process", "another process"])
async def test_what_is_gone_is_over_once_and_nothing_else_is(*, restarted: bool) -> None:
    shell = Shell()
    gone, stays = shell.an_alert(1), shell.an_alert(2)
    facts = await recorded(shell, Stray(alert=gone, why="why"), Stray(alert=stays, why="why"))
    if restarted:
        facts = present(shell, shell.new_untargeted())
    await facts.resolve([gone.episode], shell.clock.now())
    assert open_ones(shell) == [stays.episode]
    await shell.book.refresh()
    calls = shell.world.server.index
    await facts.resolve([gone.episode], shell.clock.now())
    assert shell.world.server.index == calls
    assert set(facts.held()) == {stays.episode}


async def test_an_end_that_cannot_be_stored_is_tried_again() -> None:
    shell = Shell()
    alert = shell.an_alert()
    facts = await recorded(shell, Stray(alert=alert, why="why"))
    shell.world.server.faults.at[shell.world.server.index + 1] = "unanswered"
    with pytest.raises(NotStoredError):
        await facts.resolve([alert.episode], shell.clock.now())
    assert open_ones(shell) == [alert.episode]
    await facts.resolve([alert.episode], shell.clock.now())
    assert open_ones(shell) == []


async def test_what_another_replica_has_ended_is_told_anew_when_it_fires_again() -> None:
    """What this process remembers of having told it is older than what is on record."""
    shell = Shell()
    firing = shell.an_alert()
    await recorded(shell, Stray(alert=firing, why="why"))
    await shell.new_untargeted().record(
        await shell.resolved(), [Stray(alert=shell.an_alert(resolved=True), why="over")]
    )
    assert open_ones(shell) == []
    shell.world.advance(3 * MINUTE)
    await shell.untargeted.record(await shell.resolved(), [Stray(alert=firing, why="why")])
    assert open_ones(shell) == [firing.episode]


async def test_a_silence_is_stored_where_the_alert_is_on_record_and_costs_nothing_more() -> None:
    shell = Shell()
    quiet, loud = shell.an_alert(1), shell.an_alert(2)
    facts = await recorded(shell, Stray(alert=quiet, why="why"), Stray(alert=loud, why="why"))
    shell.news.clear()
    await facts.suppress({quiet.fingerprint}, {loud.fingerprint}, shell.clock.now())
    listed = ALERTS.read(shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"])
    assert [entry.fingerprint for entry in listed if entry.is_silenced] == [quiet.episode]
    assert shell.news == [("policy", SHOP, "heal")]
    await shell.book.refresh()
    calls = shell.world.server.index
    await facts.suppress({quiet.fingerprint}, {loud.fingerprint}, shell.clock.now())
    assert shell.world.server.index == calls
    await facts.suppress(set(), {quiet.fingerprint, loud.fingerprint}, shell.clock.now())
    listed = ALERTS.read(shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"])
    assert [entry for entry in listed if entry.is_silenced] == []


async def test_a_silence_that_cannot_be_stored_is_told_to_the_poller() -> None:
    shell = Shell()
    alert = shell.an_alert()
    facts = await recorded(shell, Stray(alert=alert, why="why"))
    shell.world.server.faults.at[shell.world.server.index + 1] = "unanswered"
    with pytest.raises(NotStoredError):
        await facts.suppress({alert.fingerprint}, set(), shell.clock.now())
