"""A request of a step: what is pinned and what is sent, and what its answer means."""

from dataclasses import replace

import pytest

from platelet import changes
from platelet.changes import http_request
from platelet.model import reasons
from platelet.model.http_call import Header, HttpCall
from platelet.model.intent import PinnedChange
from platelet.model.request import Request, SecretKey, SecretRef
from platelet.model.situation import Ladder, Situation
from platelet.model.verdict import Refusal
from tests.unit.situations import NOW, a_remediation, a_situation, a_status, a_step, an_attempt

CALL = HttpCall(url="https://orders.example.com/p4ss", body='{"a": 1}', secret_ref=SecretRef(name="s", key="k"))
PLANNED = http_request.of(CALL)


def intended(written: HttpCall = CALL) -> Situation:
    """The request is on record, and not sent yet; the step is written like this by now."""
    attempt = replace(an_attempt(), phase="Intended", action="http", changes=(pinned(),), step=0)
    remediation = a_remediation(status=a_status(attempts=(attempt,)))
    return replace(a_situation(remediation=remediation), ladder=Ladder(steps=(a_step("http", written),)))


def pinned() -> PinnedChange:
    made = changes.pin([PLANNED], a_situation())
    assert made is not None
    return made[0]


def sent(situation: Situation) -> Request | Refusal:
    live = http_request.CHANGE.live(pinned(), situation)
    return http_request.CHANGE.patch(pinned(), live, situation)


def test_people_see_the_host_and_nothing_else_of_it() -> None:
    assert "p4ss" not in repr(PLANNED)
    assert http_request.CHANGE.say(PLANNED, PLANNED.meant) == "a request to orders.example.com"


def test_it_is_sent_as_it_was_planned() -> None:
    situation = intended()
    request = sent(situation)
    assert isinstance(request, Request)
    assert (request.url, request.method, request.body) == (CALL.url, "POST", {"a": 1})
    assert request.headers == {"Idempotency-Key": situation.remediation.status.attempts[0].id}
    assert request.bearer == SecretKey(namespace="shop", name="s", key="k")


def test_headers_go_with_it_and_those_of_secrets_by_their_names() -> None:
    headers = (Header(name="X-Tenant", value="shop"), Header(name="X-Api-Key", secret_ref=SecretRef(name="s", key="k")))
    request = replace(CALL, headers=headers).request("shop", "id")
    assert request.headers == {"X-Tenant": "shop", "Idempotency-Key": "id"}
    assert request.secret_headers == {"X-Api-Key": SecretKey(namespace="shop", name="s", key="k")}


def test_another_header_is_another_request() -> None:
    assert replace(CALL, headers=(Header(name="X-Tenant", value="shop"),)).name != CALL.name


def test_a_get_has_no_body() -> None:
    assert replace(CALL, method="GET").request("shop", "id").body is None


@pytest.mark.parametrize(
    "situation",
    [
        intended(replace(CALL, body="{}")),
        replace(intended(), ladder=Ladder()),
        replace(intended(), policy=None),
        a_situation(),
    ],
    ids=["another body", "no step", "no policy", "no attempt"],
)
def test_what_is_not_the_step_that_was_planned_is_not_sent(situation: Situation) -> None:
    refusal = sent(situation)
    assert isinstance(refusal, Refusal)


ANSWERS = {
    "it is taken": ("204", "Recovered", reasons.CALL_TAKEN),
    "it is refused": ("403", "Failed", reasons.CALL_FAILED),
    "it fails": ("503", "Failed", reasons.CALL_FAILED),
    "it is sent elsewhere": ("302", "Failed", reasons.CALL_FAILED),
    "nobody knows": ("2xx", "Inconclusive", reasons.UNKNOWN_OUTCOME),
}


@pytest.mark.parametrize(("answer", "outcome", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_what_an_answer_means(answer: str, outcome: str, reason: str) -> None:
    answered = replace(pinned(), meant={"answer": answer})
    verdict = http_request.CHANGE.completion(answered, a_situation(), NOW, NOW)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert http_request.CHANGE.has_arrived(answered, a_situation()) == (outcome == "Recovered")


@pytest.mark.parametrize(
    "broken",
    [replace(PLANNED, object=None), replace(PLANNED, meant={}), replace(PLANNED, how={})],
    ids=["no host", "no answer", "no call"],
)
def test_what_is_none_is_not_read_as_one(broken: PinnedChange) -> None:
    http_request.CHANGE.check(PLANNED)
    with pytest.raises((ValueError, KeyError)):
        http_request.CHANGE.check(broken)
