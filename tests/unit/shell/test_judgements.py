"""What is found of one object is found of it alone, even where reading it meets a defect of ours."""

from typing import Any

import pytest
import structlog

from platelet.api.kinds.conditions import Readiness
from platelet.model import reasons
from platelet.shell import kube
from platelet.shell.store import judgements
from platelet.shell.store.judgements import Findings
from platelet.shell.store.policies import PolicyBook
from tests.scenarios.manifests import policy
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.shell.in_memory import Shell

STORED = {"metadata": {"namespace": SHOP, "name": "heal", "generation": 1}}


async def _read() -> Findings:
    return Readiness(ready=True, reason=reasons.READY, message="1 step"), ()


async def _meet_a_defect() -> Findings:
    raise OverflowError("int too large to convert to float")


async def _meet_a_mute_server() -> Findings:
    raise kube.Unanswered(0, "Timeout", "no answer")


async def test_what_was_found_is_said_of_the_object() -> None:
    judgement = await judgements.alone(kube.RUNBOOKS, STORED, _read())
    assert (judgement.stored, judgement.readiness.ready, judgement.is_read) == (STORED, True, True)


async def test_a_defect_makes_that_object_unusable_and_says_so() -> None:
    with structlog.testing.capture_logs() as logged:
        judgement = await judgements.alone(kube.POLICIES, STORED, _meet_a_defect())
    assert (judgement.readiness.ready, judgement.is_read, judgement.caveats) == (False, False, ())
    assert "OverflowError: int too large" in judgement.readiness.message
    assert [(entry["event"], entry["name"]) for entry in logged] == [("unreadable", "heal")]


async def test_a_server_that_does_not_answer_is_no_fault_of_the_object() -> None:
    with pytest.raises(kube.Unanswered):
        await judgements.alone(kube.POLICIES, STORED, _meet_a_mute_server())


async def test_a_policy_that_a_defect_makes_unreadable_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not acted by any more, either, as it was before."""
    shell = Shell()
    book = PolicyBook(shell.api, shell.clock, OPERATOR, None)
    for name in ("before", "spoilt"):
        shell.apply(kube.POLICIES, policy(name))
    await book.refresh()
    assert len(book.concerning(SHOP)) == 3  # with the shell's own
    judge = book._judge_policy  # noqa: SLF001 - no input is known that leads to a defect

    async def judge_but_one(stored: kube.Json, *more: Any) -> Findings:
        return await (_meet_a_defect() if stored["metadata"]["name"] == "spoilt" else judge(stored, *more))

    monkeypatch.setattr(book, "_judge_policy", judge_but_one)
    with structlog.testing.capture_logs():
        await book.refresh()
    assert sorted(resolved.policy.name for resolved in book.concerning(SHOP)) == ["before", "heal"]
