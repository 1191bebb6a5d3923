"""PagerDuty and Slack answer to an alert that leads to no workload; when it fires anew it is another."""

from platelet.shell import kube
from tests.published import pagerduty, slack
from tests.scenarios.escalations import FOLLOWED
from tests.scenarios.incidents import MINUTE
from tests.scenarios.incidents import begin as begin_with
from tests.scenarios.manifests import escalation_policy, on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_answers_to_jobs import (
    BY,
    CALLBACKS,
    CHANNEL,
    LEAD,
    LEVELS,
    PAGER,
    SIGNING,
    WEBHOOK,
    buttons,
    key,
    methods,
    store_keys,
    was_called,
)
from tests.scenarios.test_levels_of_alerts import LOST, fire, listed
from tests.scenarios.world import SHOP


def begin(simulation: Simulation) -> None:
    """People are called for an alert."""
    store_keys(simulation)
    simulation.apply(escalation_policy(*LEVELS, sinks=[PAGER, CHANNEL, LEAD], callbacks=CALLBACKS))
    begin_with(simulation, step("rolloutRestart"), triggers=[on_alert("Lost")], escalation=FOLLOWED)
    fire(simulation)
    simulation.run(5 * MINUTE)


def page(simulation: Simulation, dedup_key: str) -> None:
    signed = pagerduty.webhook(dedup_key, WEBHOOK, occurred_at=simulation.world.now)
    simulation.callbacks.send(("pagerduty", SHOP, "oncall"), *signed)
    simulation.run(MINUTE)


def press(simulation: Simulation, button: kube.Json) -> None:
    simulation.callbacks.send(("slack", SHOP, "oncall"), *slack.pressed(button, SIGNING, simulation.world.now))
    simulation.run(MINUTE)


def acknowledged_by(simulation: Simulation) -> str:
    (entry,) = listed(simulation)
    assert entry.call is not None
    return entry.call.acknowledged_by


def test_who_acknowledges_in_pagerduty_has_acknowledged_the_alert(simulation: Simulation) -> None:
    begin(simulation)
    page(simulation, key(simulation))
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == (["stored"], BY)
    assert (methods(simulation), buttons(simulation)) == (["postMessage", "update", "postMessage"], [])
    simulation.run(60 * MINUTE)
    assert not was_called(simulation, "lead")


def test_who_presses_the_button_has_acknowledged_the_alert(simulation: Simulation) -> None:
    begin(simulation)
    (button,) = buttons(simulation)
    press(simulation, button)
    assert acknowledged_by(simulation) == "slack:U0123456789 (ann)"
    press(simulation, button)
    assert simulation.callbacks.answers == ["stored", 409]


def test_an_answer_to_an_alert_is_none_to_the_same_alert_when_it_fires_anew(simulation: Simulation) -> None:
    begin(simulation)
    (button,), earlier = buttons(simulation), key(simulation)
    simulation.alerts.resolve(LOST)
    simulation.run(10 * MINUTE)
    assert buttons(simulation) == [], "it is over"
    fire(simulation)
    simulation.run(5 * MINUTE)
    assert len(buttons(simulation)) == 1
    press(simulation, button)
    page(simulation, earlier)
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == ([409, "vain"], "")


def test_an_answer_to_a_job_is_none_to_an_alert(simulation: Simulation) -> None:
    begin(simulation)
    page(simulation, key(simulation).replace("/untargeted/", "/job/"))
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == (["vain"], "")
