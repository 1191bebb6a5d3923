"""Buttons in Slack: who presses Acknowledge has heard, and who is listed approves or rejects exactly what is shown."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.published import slack as published
from tests.scenarios.escalations import FOLLOWED, escalate
from tests.scenarios.heals import effects, is_over, sample
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import escalation_policy, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PATH = ("slack", SHOP, "oncall")
CHANNEL = {"name": "incidents", "slack": {"channel": "C1", "tokenRef": {"name": "chat", "key": "token"}}}
LEAD = {"name": "lead", "webhook": {"url": "http://lead.svc/hook"}}
LEVELS: tuple[kube.Json, ...] = ({"after": "0s", "sinks": ["incidents"]}, {"after": "30m", "sinks": ["lead"]})
ANN, BOB = "U0123456789", "U0999999999"
BY = f"slack:{ANN} (ann)"
KINDS: tuple[FaultKind, ...] = ("kill before", "kill after", "answer lost", "unanswered", "conflict")


def callbacks(*approvers: str) -> kube.Json:
    return {"slack": {"secretRef": {"name": "chat", "key": "signing"}, "approvers": list(approvers)}}


def store_key(simulation: Simulation) -> None:
    data = {"signing": base64.b64encode(SECRET.encode()).decode()}
    simulation.world.store.create(kube.SECRETS, SHOP, {"metadata": {"name": "chat"}, "data": data})


def ask(simulation: Simulation, *approvers: str) -> None:
    """A plan is shown in Slack, and waits for a yes."""
    store_key(simulation)
    simulation.apply(escalation_policy(*LEVELS, sinks=[CHANNEL, LEAD], callbacks=callbacks(*approvers)))
    begin(simulation, step("rolloutUndo"), mode="Approve", escalation=FOLLOWED)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: bool(buttons(simulation)))
    simulation.run(MINUTE)


def buttons(simulation: Simulation) -> dict[str, Any]:
    """What can be pressed on the message as it is shown last, by its label."""
    shown = [
        {button["text"]["text"]: button for block in delivery.request.body["blocks"] for button in _of(block)}
        for delivery in simulation.mailbox.delivered
        if "slack.com" in delivery.request.url and "blocks" in delivery.request.body
    ]
    return shown[-1] if shown else {}


def _of(block: kube.Json) -> list[kube.Json]:
    elements: list[kube.Json] = block["elements"] if block["type"] == "actions" else []
    return elements


def press(simulation: Simulation, label: str, user: str = ANN, secret: str = SECRET, ago: float = 0) -> None:
    """Somebody presses what is shown."""
    moment = simulation.world.now - timedelta(seconds=ago)
    simulation.callbacks.send(PATH, *published.pressed(buttons(simulation)[label], secret, moment, user=user))


def writes(simulation: Simulation) -> int:
    return len(effects(simulation.world.server.audit))


def test_who_acknowledges_there_ends_the_levels_and_the_button_goes(simulation: Simulation) -> None:
    store_key(simulation)
    escalate(simulation, *LEVELS, sinks=[CHANNEL, LEAD], callbacks=callbacks())
    simulation.run(5 * MINUTE)
    press(simulation, "Acknowledge", BOB)
    simulation.run(60 * MINUTE)
    assert simulation.callbacks.answers == ["stored"]
    escalation = simulation.remediation().status.escalation
    assert escalation is not None
    assert escalation.acknowledged_by == f"slack:{BOB} (ann)"
    assert buttons(simulation) == {}
    assert {delivery.correlation.sink for delivery in simulation.mailbox.delivered} == {"incidents"}


def test_who_is_listed_approves_what_is_shown_and_it_is_done_once(simulation: Simulation) -> None:
    ask(simulation, ANN)
    assert writes(simulation) == 0
    press(simulation, "Approve")
    simulation.run_until(lambda: is_over(simulation))
    assert simulation.callbacks.answers == ["stored"]
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert [attempt.approved_by for attempt in simulation.remediation().status.attempts] == [BY]
    assert writes(simulation) == 1


def test_who_is_listed_rejects_what_is_shown_and_people_have_it(simulation: Simulation) -> None:
    ask(simulation, ANN)
    press(simulation, "Reject")
    simulation.run(MINUTE)
    assert states(simulation) == [("Escalated", reasons.REJECTED)]
    assert f"rejected by {BY}" in simulation.remediation().status.message
    assert writes(simulation) == 0


REFUSED: dict[str, tuple[tuple[str, ...], dict[str, Any], int]] = {
    "nobody is listed": ((), {}, 403),
    "another one is listed": ((ANN,), {"user": BOB}, 403),
    "it is forged": ((ANN,), {"secret": "another-secret-of-some-length-12"}, 401),
    "it is six minutes old": ((ANN,), {"ago": 360}, 401),
}


@pytest.mark.parametrize(("approvers", "changes", "status"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("label", ["Approve", "Reject"])
def test_nothing_is_approved_or_rejected_where(
    simulation: Simulation, label: str, approvers: tuple[str, ...], changes: dict[str, Any], status: int
) -> None:
    ask(simulation, *approvers)
    before = simulation.remediation().resource_version
    press(simulation, label, **changes)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == [status]
    assert simulation.remediation().resource_version == before
    assert (states(simulation), writes(simulation)) == ([("AwaitingApproval", reasons.APPROVAL_NEEDED)], 0)


def test_who_was_taken_off_the_list_approves_nothing_from_then_on(simulation: Simulation) -> None:
    """Though the operator has not heard of it yet."""
    ask(simulation, ANN)
    for process in simulation.processes:
        process.unseen.add(kube.ESCALATION_POLICIES.plural)
    spec = {"spec": {"callbacks": callbacks(BOB)}}
    simulation.world.store.patch(kube.ESCALATION_POLICIES, SHOP, "oncall", spec)
    press(simulation, "Approve")
    simulation.run(timedelta(seconds=1))
    assert (simulation.callbacks.answers, writes(simulation)) == ([403], 0)


def test_a_yes_that_is_sent_again_approves_nothing_more(simulation: Simulation) -> None:
    """The undo fails, and its next step asks anew: the recorded request is to the first plan."""
    store_key(simulation)
    simulation.apply(escalation_policy(*LEVELS, sinks=[CHANNEL, LEAD], callbacks=callbacks(ANN)))
    again = {**step("rolloutRestart"), "name": "again"}
    begin(simulation, step("rolloutRestart"), again, mode="Approve", escalation=FOLLOWED)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: bool(buttons(simulation)))
    signed = published.pressed(buttons(simulation)["Approve"], SECRET, simulation.world.now)
    simulation.callbacks.send(PATH, *signed)
    simulation.run(MINUTE)
    simulation.callbacks.send(PATH, *signed)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == ["stored", 409]
    simulation.run_until(lambda: states(simulation)[0][0] == "AwaitingApproval")
    stale = published.pressed(
        {**_first_button(simulation), "action_id": "platelet-approve"}, SECRET, simulation.world.now
    )
    simulation.callbacks.send(PATH, *stale)
    simulation.run(5 * MINUTE)
    assert simulation.callbacks.answers[2:] == [409]
    assert writes(simulation) == 1


def _first_button(simulation: Simulation) -> kube.Json:
    """Approve, as the first message had it."""
    first = next(delivery for delivery in simulation.mailbox.delivered if "blocks" in delivery.request.body)
    found_buttons = [button for block in first.request.body["blocks"] for button in _of(block)]
    return found_buttons[0]


def test_a_crash_or_a_lost_answer_at_any_call_keeps_the_yes_and_acts_once() -> None:
    def play(simulation: Simulation) -> range:
        ask(simulation, ANN)
        first = simulation.world.server.index
        press(simulation, "Approve")
        simulation.run_until(lambda: is_over(simulation))
        return range(first, simulation.world.server.index)

    with Simulation() as calm:
        calls = play(calm)
    for number, index in enumerate(sample(calls, 41)):
        kind = KINDS[number % len(KINDS)]
        with Simulation() as simulation:
            simulation.world.server.faults.at[index] = kind
            play(simulation)
            assert writes(simulation) == 1, f"{kind} call {index}"
            attempts = simulation.remediation().status.attempts
            assert {attempt.approved_by for attempt in attempts} == {BY}, f"{kind} call {index}"
