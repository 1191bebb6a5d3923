"""Which Jobs and pods run."""

from typing import Any

import pytest

from platelet.api.readers import running
from platelet.model.durations import parse_time

MADE, STARTED = "2026-11-21T07:00:00Z", "2026-11-21T07:30:00Z"


def stored(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "it", "creationTimestamp": MADE}, "spec": spec or {}, "status": status}


ENDED = [{"type": "Complete", "status": "True"}]
FAILED = [{"type": "Failed", "status": "True"}]
JOBS = {
    "it has pods": (stored(active=1, startTime=STARTED), STARTED),
    "no controller has seen it": (stored(), MADE),
    "it is between two pods": (stored(failed=1, startTime=STARTED), STARTED),
    "it is suspended": (stored({"suspend": True}), None),
    "it is suspended, and a pod is left": (stored({"suspend": True}, active=1), MADE),
    "it is complete": (stored(conditions=ENDED), None),
    "it has failed": (stored(conditions=FAILED), None),
}
PODS = {
    "it runs": (stored(phase="Running", startTime=STARTED), STARTED),
    "it waits for a node": (stored(phase="Pending"), MADE),
    "nobody knows": (stored(phase="Unknown"), MADE),
    "it has succeeded": (stored(phase="Succeeded"), None),
    "it has failed": (stored(phase="Failed"), None),
}


@pytest.mark.parametrize(("job", "since"), JOBS.values(), ids=JOBS)
def test_a_job_runs_until_its_end(job: dict[str, Any], since: str | None) -> None:
    expected = [] if since is None else [parse_time(since)]
    assert [known.since for known in running.read_jobs([job])] == expected


@pytest.mark.parametrize(("pod", "since"), PODS.values(), ids=PODS)
def test_a_pod_runs_until_its_end(pod: dict[str, Any], since: str | None) -> None:
    expected = [] if since is None else [parse_time(since)]
    assert [known.since for known in running.read_pods([pod])] == expected
