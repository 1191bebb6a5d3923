"""A runbook by hand: whose limits hold, what is created, and what its end means for a script."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api.kinds import remediation as contract
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.targets import Targets
from platelet.api.readers.selectors import LabelSelector
from platelet.cli import by_hand
from platelet.cli.session import NothingToTellError
from platelet.explain.eligibility import Unread
from platelet.model.remediation import RemediationStatus
from platelet.model.snapshot import Snapshot
from tests.unit.explain.test_overview import SICK, a_standing
from tests.unit.situations import BAD, GOOD, TARGET, a_policy, a_revision, a_status

REVISIONS = (a_revision(2, BAD), a_revision(1, GOOD))
OTHERS = Targets(selector=LabelSelector(match_labels={"app": "web"}))


def a_wish(**changes: Any) -> by_hand.Wish:
    """Runbook `restart` on `shop/api`."""
    return replace(by_hand.Wish(target=TARGET, runbook="restart"), **changes)


def named(name: str, runbook: str = "api-down", **changes: Any) -> ResolvedPolicy:
    """A ready policy for everything in its namespace."""
    return a_standing(a_policy(name=name, **changes), runbook=runbook)


@pytest.mark.parametrize(
    ("wish", "resolved_policies", "chosen"),
    [
        pytest.param(a_wish(), [named("a"), named("b", "restart")], "b", id="the one whose runbook it is"),
        pytest.param(a_wish(), [named("a"), named("b", priority=1)], "b", id="else the one that would act anyway"),
        pytest.param(a_wish(), [named("a", mode="Observe"), named("b")], "b", id="not one that only observes"),
        pytest.param(a_wish(observe=True), [named("a", mode="Observe")], "a", id="unless nothing is to be done"),
        pytest.param(a_wish(policy="b"), [named("a", priority=9), named("b")], "b", id="the one that was named"),
        pytest.param(a_wish(policy="shop/b"), [named("a"), named("b")], "b", id="with its namespace"),
    ],
)
def test_whose_limits_hold(wish: by_hand.Wish, resolved_policies: list[ResolvedPolicy], chosen: str) -> None:
    """One policy, always."""
    assert by_hand.choose_policy(wish, resolved_policies, SICK).name == chosen


@pytest.mark.parametrize(
    ("wish", "resolved_policies", "words"),
    [
        pytest.param(a_wish(), [], "no policy that is ready is for shop/deployment/api", id="there is none"),
        pytest.param(a_wish(), [named("a", ready=False)], "no policy that is ready", id="none is ready"),
        pytest.param(
            a_wish(), [named("a", mode="Observe")], "only observe: ask with --observe", id="they only observe"
        ),
        pytest.param(a_wish(policy="x"), [named("a")], "there is no RemediationPolicy shop/x", id="no such policy"),
        pytest.param(
            a_wish(policy="a"), [named("a", mode="Observe")], "policy shop/a is in mode Observe", id="it only observes"
        ),
        pytest.param(
            a_wish(policy="a"),
            [a_standing(a_policy(name="a"), targets=OTHERS)],
            "policy shop/a is not for shop/deployment/api: not a target",
            id="it is for others",
        ),
        pytest.param(
            a_wish(policy="a"), [Unread(key="shop/a", because="not ready: spec.mode")], "spec.mode", id="not understood"
        ),
    ],
)
def test_without_limits_nothing_is_asked(
    wish: by_hand.Wish, resolved_policies: list[ResolvedPolicy | Unread], words: str
) -> None:
    """And why is said in one line."""
    with pytest.raises(NothingToTellError, match=words):
        by_hand.choose_policy(wish, resolved_policies, SICK)


def test_what_is_created_is_read_as_a_request_by_the_one_who_asked() -> None:
    """Without steps and without a signal: the operator adds both."""
    body = by_hand.remediation(a_wish(), a_policy(), "shop", "alice", "a new certificate")
    assert body["metadata"]["generateName"] == "deployment-api-by-hand-"
    assert "steps" not in body["spec"]
    stored = {"name": "x", "uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-11-21T12:00:00Z"}
    read = contract.read_remediation({**body, "metadata": {**body["metadata"], **stored}})
    assert (read.spec.by_hand, read.mere_request, read.spec.mode) == (True, True, "Enforce")
    assert read.spec.signal.message == "alice asked for runbook restart: a new certificate"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"revision": "api-1"}, {"revision": "1"}, id="the name of a ReplicaSet"),
        pytest.param({"revision": "2"}, {"revision": "2"}, id="a number"),
        pytest.param({"replicas": "4"}, {"replicas": "4"}, id="something else"),
    ],
)
def test_a_revision_is_named_by_its_number_or_by_its_object(given: dict[str, str], expected: dict[str, str]) -> None:
    """As `kubectl get rs` shows it; the number is what is stored."""
    assert by_hand.with_numbers(given, Snapshot(workload=None, revisions=REVISIONS)) == expected


@pytest.mark.parametrize("wanted", ["api-9", "9"])
def test_a_revision_that_does_not_exist_is_told_with_those_that_do(wanted: str) -> None:
    """Nothing is created."""
    with pytest.raises(NothingToTellError, match=rf"there is no revision {wanted}; there are: api-2 \(2\)"):
        by_hand.with_numbers({"revision": wanted}, Snapshot(workload=None, revisions=REVISIONS))


def test_a_number_is_left_to_the_operator_where_no_revision_could_be_read() -> None:
    """Few rights are no reason to refuse."""
    assert by_hand.with_numbers({"revision": "9"}, Snapshot(workload=None)) == {"revision": "9"}


def test_a_question_is_in_mode_observe_whatever_the_policy_may() -> None:
    """`--observe`."""
    assert by_hand.remediation(a_wish(observe=True), a_policy(), "shop", "alice", "")["spec"]["mode"] == "Observe"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(a_status(state="Waiting"), None, id="not yet"),
        pytest.param(a_status(state="Verifying"), None, id="done, and not proven"),
        pytest.param(a_status(state="Monitoring"), 0, id="recovered"),
        pytest.param(a_status(state="Closed", reason="Recovered"), 0, id="closed as recovered"),
        pytest.param(a_status(state="Closed", reason="WouldHaveActed"), 0, id="the question was answered"),
        pytest.param(a_status(state="Closed", reason="Cooldown"), 1, id="the answer was no"),
        pytest.param(a_status(state="Closed", reason="Cancelled"), 1, id="the policy did not want it"),
        pytest.param(a_status(state="Escalated"), 1, id="people have it"),
    ],
)
def test_what_a_script_learns(status: RemediationStatus, code: int | None) -> None:
    """Exit code 0 means that it is done and proven, or that it would be done."""
    assert by_hand.outcome(status) == code
