"""A request to a place outside of the cluster. Nothing of it can be looked at afterwards but its answer.

So it is sent at most once: where no answer is known, it may have had its effect, and nobody sends it again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from platelet.model import reasons
from platelet.model.change import Answer, Change, Live
from platelet.model.http_call import HttpCall
from platelet.model.intent import ObjectRef, PinnedChange
from platelet.model.request import Request
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal, Verdict

KIND: Final = "SendRequest"
_ANSWER, _CALL = "answer", "call"
_EXPECTED: Final = "2xx"


def of(call: HttpCall) -> PinnedChange:
    """A request of which people see the host alone."""
    endpoint = ObjectRef(api_version="http", kind="Endpoint", name=call.host)
    return PinnedChange(kind=KIND, object=endpoint, meant={_ANSWER: _EXPECTED}, how={_CALL: call.name})


class SendRequest(Change):
    """What it has brought about elsewhere is not known here, and cannot be reverted."""

    kind = KIND
    rights = ()
    proven_by_rollout = False
    reversible = False
    at_most_once = True
    leaves_traces = False

    def check(self, pinned: PinnedChange) -> None:
        """It names a host, an answer and a call."""
        if pinned.object is None:
            raise ValueError("no host is named")
        _ = pinned.meant[_ANSWER], pinned.how[_CALL]

    def live(self, pinned: PinnedChange, situation: Situation) -> Live:
        """There is nothing to look at."""
        del pinned, situation
        return Live(uid="", resource_version="", version="", values={_ANSWER: ""})

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Request | Refusal:
        """The request of the attempt's own step, if that is still the one that was planned."""
        del live
        policy = situation.policy
        for attempt in situation.remediation.status.attempts:
            if attempt.phase != "Intended" or pinned not in attempt.changes or policy is None:
                continue
            settings = [step.settings for step in situation.ladder.steps[attempt.step : attempt.step + 1]]
            if isinstance(settings[0] if settings else None, HttpCall) and settings[0].name == pinned.how[_CALL]:
                request: Request = settings[0].request(policy.namespace, attempt.write_id)
                return request
        return Refusal(reason=reasons.REFUSED, message="the step is not the one that was planned")

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The status of the answer."""
        del pinned
        return {_ANSWER: str(answer.body["status"])}

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """`a request to api.example.com`."""
        return f"{'a' if values[_ANSWER] else 'no'} request to {_host(pinned)}"

    def say_stored(self, pinned: PinnedChange, stored: Mapping[str, str]) -> str:
        """What was answered."""
        return f"{_host(pinned)} answered {stored[_ANSWER]}"

    def revert(self, pinned: PinnedChange, situation: Situation) -> PinnedChange | Refusal:
        """What it has brought about stays."""
        del situation
        message = f"what the request to {_host(pinned)} has done cannot be reverted"
        return Refusal(reason=reasons.NOT_REVERSIBLE, message=message)

    def how_changed_back(self, pinned: PinnedChange, situation: Situation) -> str:
        """Nobody can be seen to revert it."""
        del pinned, situation
        return ""

    def has_arrived(self, pinned: PinnedChange, situation: Situation) -> bool:
        """Whether it was taken."""
        del situation
        return _is_taken(pinned)

    def completion(self, pinned: PinnedChange, situation: Situation, since: datetime, now: datetime) -> Verdict:
        """By the answer that is on record; without one nobody knows whether it was taken."""
        del situation, since, now
        answer, host = pinned.meant[_ANSWER], _host(pinned)
        if not answer.isdigit():
            message = f"whether {host} has taken the request is not known: it is not sent again"
            return Verdict(outcome="Inconclusive", reason=reasons.UNKNOWN_OUTCOME, message=message)
        if _is_taken(pinned):
            return Verdict(outcome="Recovered", reason=reasons.CALL_TAKEN, message=f"{host} answered {answer}")
        return Verdict(outcome="Failed", reason=reasons.CALL_FAILED, message=f"{host} answered {answer}")


def _is_taken(pinned: PinnedChange) -> bool:
    answer = pinned.meant[_ANSWER]
    return answer.isdigit() and answer.startswith("2")


def _host(pinned: PinnedChange) -> str:
    return pinned.object.name if pinned.object is not None else ""


CHANGE: Final = SendRequest()
