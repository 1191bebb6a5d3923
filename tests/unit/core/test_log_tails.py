"""Whose log is read before the first act: only where the policy says so, of what fails most, and once."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import log_tails
from platelet.core.decide import decide
from platelet.model.failed_job import Ending
from platelet.model.log_tail import LogTail
from platelet.model.policy import EvidenceRules
from platelet.model.situation import Situation
from tests.unit.situations import (
    A_MINUTE_AGO,
    NOW,
    a_container,
    a_pod,
    a_policy,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
)

LOOPS = a_container(ready=False, state="waiting", reason="CrashLoopBackOff", restarts=3, last_finished_at=A_MINUTE_AGO)
TAIL = LogTail(pod="api-2-a", container="app", read_at=NOW, lines=("boom",))


def seen(*containers: Any, logs: bool = True, **changes: Any) -> Situation:
    known: dict[str, Any] = {
        "policy": a_policy(evidence=EvidenceRules(logs=logs)),
        "pods": (a_pod(ready=False, containers=containers or (LOOPS,)),),
        "signals": (a_signal(pods=("api-2-a",)),),
    }
    return a_situation(**(known | changes))


def wanted(situation: Situation) -> tuple[str, str, bool] | None:
    source = log_tails.wanted(situation)
    return None if source is None else (source.pod, source.container, source.previous)


SOURCES: dict[str, tuple[Situation, tuple[str, str, bool] | None]] = {
    "a crash loop: the run before": (seen(), ("api-2-a", "app", True)),
    "one that has just ended: that run": (
        seen(replace(LOOPS, state="terminated", finished_at=NOW)),
        ("api-2-a", "app", False),
    ),
    "one that runs and is not ready": (seen(a_container(ready=False)), ("api-2-a", "app", False)),
    "ready between two crashes": (
        seen(pods=(a_pod(containers=(replace(LOOPS, ready=True, state="running"),)),)),
        ("api-2-a", "app", True),
    ),
    "of two the one that restarts more": (
        seen(LOOPS, replace(LOOPS, name="proxy", restarts=9)),
        ("api-2-a", "proxy", True),
    ),
    "a pod that the signal names, before others": (
        seen(
            pods=(
                a_pod("api-2-b", ready=False, containers=(replace(LOOPS, restarts=9),)),
                a_pod(ready=False, containers=(LOOPS,)),
            )
        ),
        ("api-2-a", "app", True),
    ),
    "no signal names one: any that is not ready": (seen(signals=()), ("api-2-a", "app", True)),
    "nobody asked for it": (seen(logs=False), None),
    "the policy is gone": (seen(policy=None), None),
    "what never ran has no log": (seen(a_container(ready=False, state="waiting", reason="ImagePullBackOff")), None),
    "an init container that has done its work": (
        seen(a_container(init=True, ready=True, state="terminated", exit_code=0)),
        None,
    ),
    "all are well": (seen(pods=(a_pod(),)), None),
    "it was read already": (seen(remediation=a_remediation(status=a_status(log_tail=TAIL))), None),
    "something was done already": (seen(remediation=a_remediation(status=a_status(attempts=(an_attempt(),)))), None),
    "people have it": (seen(remediation=a_remediation(status=a_status(state="Escalated"))), None),
}


@pytest.mark.parametrize(("situation", "source"), SOURCES.values(), ids=SOURCES)
def test_whose_log(situation: Situation, source: tuple[str, str, bool] | None) -> None:
    assert wanted(situation) == source


def test_values_of_the_template_that_are_secret_by_their_names_are_to_be_taken_out() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "LEVEL", "value": "debug"}]
    template = {"spec": {"containers": [{"name": "tokens", "env": env}]}}
    source = log_tails.wanted(seen(workload=a_workload(template=template)))
    assert source is not None
    assert source.hidden == ("hunter2",)
    assert "hunter2" not in repr(source)


def test_what_was_read_is_kept_and_not_replaced() -> None:
    situation = seen(signals=())
    situation = replace(situation, knowledge=replace(situation.knowledge, log_tail=TAIL))
    assert decide(situation, NOW).status.log_tail == TAIL
    kept = a_status(log_tail=replace(TAIL, lines=("before",)))
    assert log_tails.note(situation, kept) == kept


def test_of_a_job_what_its_pod_says_in_plain_text_is_hidden() -> None:
    ending = Ending(pod="migrate-x1", container="app", code=1, previous=True)
    variables = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "COLOUR", "value": "blue"}]
    pod = {"spec": {"containers": [{"name": "app", "env": variables}]}}
    source = log_tails.of_job("shop", ending, pod)
    assert (source.pod, source.previous, source.hidden) == ("migrate-x1", True, ("hunter2",))
