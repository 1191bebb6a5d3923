"""Reading the end of a log: bounded, at most once for each look, and nothing that it meets goes any further."""

import asyncio
from typing import Any

import pytest

from platelet.model.log_tail import MAX_LINES, LogSource, LogTail
from platelet.model.resource import Resource
from platelet.shell import kube
from platelet.shell.kube import ApiError, NotFound, Refused, Unanswered
from platelet.shell.read import log_reader
from platelet.shell.read.log_reader import BoundedLogs
from tests.unit.changes.test_started_job import FAILS_WHY, a_job
from tests.unit.core.test_job_logs import started
from tests.unit.core.test_log_tails import seen
from tests.unit.situations import NOW


class Logs:
    """One log, or why there is none."""

    def __init__(self, answer: str | ApiError, *, takes: float = 0.0) -> None:
        """`takes` is in seconds."""
        self.answer, self.takes = answer, takes
        self.asked: list[dict[str, Any]] = []

    async def read_log(self, source: LogSource, **asked: Any) -> str:
        """Answer, and remember what was asked."""
        self.asked.append(
            {"of": (source.namespace, source.pod, source.container), "previous": source.previous, **asked}
        )
        await asyncio.sleep(self.takes)
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer


class Pods:
    """The pods of a Job, or why they are not known."""

    def __init__(self, answer: list[kube.Json] | ApiError, *, takes: float = 0.0) -> None:
        """`takes` is in seconds."""
        self.answer, self.takes = answer, takes
        self.asked: list[tuple[str, str, str]] = []

    async def list(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[kube.Json]:
        """Answer, and remember what was asked."""
        assert not fields
        self.asked.append((resource.plural, namespace, labels))
        await asyncio.sleep(self.takes)
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer

    async def get(self, resource: Resource, namespace: str, name: str) -> kube.Json:
        """Nobody asks for one."""
        raise NotImplementedError


NO_PODS = Pods([])


class Clock:
    """It stands still."""

    def now(self) -> Any:
        """NOW."""
        return NOW


def read(logs: Logs, situation: Any = None) -> LogTail | None:
    reader = BoundedLogs(logs, NO_PODS, Clock())  # type: ignore[arg-type]
    return asyncio.run(reader.read(situation or seen()))


def test_it_is_asked_for_a_few_lines_and_bytes_of_the_run_that_failed() -> None:
    logs = Logs("one\npassword=hunter2\n")
    tail = read(logs)
    assert tail is not None
    assert tail.lines == ("one", "password=<redacted>")
    (asked,) = logs.asked
    assert asked["of"] == ("shop", "api-2-a", "app")
    assert (asked["previous"], asked["lines"], asked["limit_bytes"]) == (True, MAX_LINES, log_reader.READ_BYTES)


FAILURES = {
    "no right": (Refused(403, "Forbidden", "pods is forbidden"), "platelet may not read logs: kubectl apply"),
    "no such run": (Refused(400, "BadRequest", "previous terminated container not found"), "previous terminated"),
    "the pod is gone": (NotFound(404, "NotFound", "pods x not found"), "pods x not found"),
    "the node does not answer": (Unanswered(0, "Timeout", "no answer in time"), "no answer in time"),
}


@pytest.mark.parametrize(("error", "words"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_told_and_goes_no_further(error: ApiError, words: str) -> None:
    tail = read(Logs(error))
    assert tail is not None
    assert tail.not_available.startswith(words)


def test_who_does_not_answer_holds_nothing_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "TIMEOUT", 0.01)
    tail = read(Logs("late", takes=2.0))
    assert tail is not None
    assert tail.not_available == "no answer in time"


@pytest.mark.parametrize("answer", ["boom", Refused(403, "Forbidden", "no")], ids=["read", "refused"])
def test_an_incident_is_asked_for_once_until_it_is_on_record(answer: str | ApiError) -> None:
    """A status that somebody else was faster to write is decided on again."""
    logs = Logs(answer)
    reader = BoundedLogs(logs, NO_PODS, Clock())  # type: ignore[arg-type]

    async def twice() -> list[LogTail | None]:
        return [await reader.read(seen()), await reader.read(seen())]

    first, again = asyncio.run(twice())
    assert first is not None
    assert (again, len(logs.asked)) == (first, 1)


def test_nobody_is_asked_where_the_policy_does_not_say_so() -> None:
    logs = Logs("a secret")
    assert read(logs, seen(logs=False)) is None
    assert logs.asked == []


ENDED = started(a_job(FAILS_WHY))
NAME = a_job()["metadata"]["name"]
A_POD: kube.Json = {
    "metadata": {
        "namespace": "shop",
        "name": "mend-x",
        "uid": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": NAME, "uid": "uid-job", "controller": True}
        ],
    },
    "status": {"containerStatuses": [{"name": "mend", "state": {"terminated": {"exitCode": 1}}}]},
}


def read_of_job(logs: Logs, pods: Pods, situation: Any = ENDED) -> LogTail | None:
    """Twice: it is asked once."""
    reader = BoundedLogs(logs, pods, Clock())  # type: ignore[arg-type]

    async def twice() -> list[LogTail | None]:
        return [await reader.read_of_job(situation), await reader.read_of_job(situation)]

    first, again = asyncio.run(twice())
    assert first == again
    return first


def test_of_a_job_the_log_of_its_pod_is_read_once() -> None:
    logs, pods = Logs("one\npassword=hunter2\n"), Pods([A_POD])
    tail = read_of_job(logs, pods)
    assert tail is not None
    assert (tail.pod, tail.container, tail.lines) == ("mend-x", "mend", ("one", "password=<redacted>"))
    assert pods.asked == [("pods", "shop", f"job-name={NAME}")]
    assert [asked["of"] for asked in logs.asked] == [("shop", "mend-x", "mend")]


NOT_AVAILABLE = {
    "its pod is gone": (Pods([]), f"no pod of Job {NAME} is there that has run"),
    "its pods may not be read": (Pods(Refused(403, "Forbidden", "pods is forbidden")), "pods is forbidden"),
    "nobody tells its pods in time": (Pods([A_POD], takes=2.0), "no answer in time"),
}


@pytest.mark.parametrize(("pods", "why"), NOT_AVAILABLE.values(), ids=NOT_AVAILABLE)
def test_where_no_pod_of_a_job_can_be_asked_it_says_why(pods: Pods, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "TIMEOUT", 0.01)
    logs = Logs("never")
    tail = read_of_job(logs, pods)
    assert tail is not None
    assert (why in tail.not_available, tail.pod, logs.asked) == (True, "", [])


def test_of_a_job_nothing_is_asked_where_the_policy_does_not_say_so() -> None:
    pods = Pods([A_POD])
    assert read_of_job(Logs("a secret"), pods, started(a_job(FAILS_WHY), logs=False)) is None
    assert pods.asked == []
