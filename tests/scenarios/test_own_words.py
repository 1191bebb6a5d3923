"""Notices in people's own words, in the model: a crash changes none, and one that fails costs nobody the notice."""

from typing import Any

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.escalations import escalate
from tests.scenarios.heals import sample, with_faults
from tests.scenarios.incidents import MINUTE
from tests.scenarios.simulation import Simulation

LEVEL = {"after": "0s", "sinks": ["oncall"]}
TEMPLATE = {
    "title": "{{ severity|upper }}: {{ workload.name }}",
    "body": "{{ reason }}{% for attempt in attempts %}; {{ attempt.summary }}: {{ attempt.verdict }}{% endfor %}",
}
FAILING = {
    "title": "{{ (evidence|first).reason }} {{ alert }}",
    "body": "{% if kind == 'Escalated' %}{{ nme }}{% endif %}",
}


def oncall(template: dict[str, str]) -> dict[str, Any]:
    return {"name": "oncall", "webhook": {"url": "http://oncall.svc/hook"}, "template": template}


def play(simulation: Simulation, template: dict[str, str]) -> range:
    first = simulation.world.server.index
    escalate(simulation, LEVEL, sinks=[oncall(template)])
    simulation.run(MINUTE)
    return range(first, simulation.world.server.index)


def told(simulation: Simulation) -> dict[str, tuple[str, str]]:
    """The words of each notice by its id: alike whenever it is told."""
    words: dict[str, tuple[str, str]] = {}
    for delivery in simulation.mailbox.delivered:
        data = delivery.request.body["data"]
        spoken = data.get("title", ""), data.get("body", data["message"])
        assert words.setdefault(delivery.correlation.id, spoken) == spoken
    return words


def events(simulation: Simulation) -> list[str]:
    written = [call.body for call in simulation.world.server.audit if call.resource == kube.EVENTS.plural]
    return [body["reason"] for body in written if isinstance(body, dict)]


def test_a_crash_at_any_call_loses_no_word() -> None:
    with Simulation() as calm:
        calls = play(calm, TEMPLATE)
        expected = list(told(calm).values())
        (title, body), *_ = expected
        assert title == "WARNING: api"
        assert body.startswith("NoStepLeft; rolling restart of all 2 pods")
        assert reasons.TEMPLATE_NOT_USED not in events(calm)
    for simulation, fault in with_faults(sample(calls, 29), "kill before", "kill after"):
        play(simulation, TEMPLATE)
        assert [title for title, _ in told(simulation).values()] == [title for title, _ in expected], fault


def test_a_template_that_is_wrong_costs_nobody_the_notice(simulation: Simulation) -> None:
    play(simulation, FAILING)
    ((title, message),) = told(simulation).values()
    assert title == ""
    assert "no step" in message
    assert reasons.TEMPLATE_NOT_USED in events(simulation)
    (oncall,) = simulation.world.store.find(kube.ESCALATION_POLICIES, "shop")
    warnings = [known for known in oncall["status"]["conditions"] if known["type"] == "Warning"]
    assert [(known["reason"], known["status"]) for known in warnings] == [(reasons.TEMPLATE_NOT_USED, "True")]
    assert "spec.sinks.oncall.template.body: line 1: there is no 'nme'" in warnings[0]["message"]
