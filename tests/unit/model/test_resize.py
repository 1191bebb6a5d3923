"""What a pod shows of a resize: whether one is possible, and how far it is."""

from typing import Any

import pytest

from platelet.model import resize

WANTED = {"app.resources.limits.memory": "768Mi", "app.resources.requests.memory": "384Mi"}
HAS: dict[str, Any] = {"resources": {"limits": {"memory": "768Mi"}}, "allocatedResources": {"memory": "384Mi"}}
NOT_YET: dict[str, Any] = {"resources": {"limits": {"memory": "512Mi"}}, "allocatedResources": {"memory": "384Mi"}}


def a_pod(status: dict[str, Any] | None = None, *, own: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """One that runs; `status` is that of its container, `own` is the rest of its status."""
    return {
        "metadata": {"name": "api-1", "generation": 3},
        "spec": {"containers": [{"name": "app"}], "initContainers": [{"name": "prepare"}], **spec},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", **(status or {})}], **(own or {})},
    }


def policies(**by_resource: str) -> list[dict[str, Any]]:
    written = [{"resourceName": name, "restartPolicy": policy} for name, policy in by_resource.items()]
    return [{"name": "app", "resizePolicy": written}]


CAN = {
    "without a policy": a_pod(HAS),
    "without any amounts in its status": a_pod({"resources": {}}),
    "a restart for what is not wanted": a_pod(HAS, containers=policies(cpu="RestartContainer", memory="NotRequired")),
}
CANNOT = {
    "an old kubelet": (a_pod(), "app", "does not tell what containers have"),
    "a restart": (a_pod(HAS, containers=policies(memory="RestartContainer")), "app", "would be restarted"),
    "an init container": (a_pod(HAS), "prepare", "no main container"),
    "a pod that does not run": (a_pod(HAS, own={"phase": "Pending"}), "app", "does not run"),
    "a pod with resources of its own": (a_pod(HAS, resources={"limits": {"cpu": "1"}}), "app", "of its own"),
}


@pytest.mark.parametrize("pod", CAN.values(), ids=CAN)
def test_it_can(pod: dict[str, Any]) -> None:
    assert resize.why_not(pod, "app", ("memory",)) == ""


@pytest.mark.parametrize(("pod", "container", "why"), CANNOT.values(), ids=CANNOT)
def test_it_cannot(pod: dict[str, Any], container: str, why: str) -> None:
    assert why in resize.why_not(pod, container, ("memory",))


def test_one_that_goes_cannot() -> None:
    pod = a_pod(HAS)
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert resize.is_going(pod)
    assert "does not run" in resize.why_not(pod, "app", ("memory",))


def told(kind: str, **more: Any) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", **more}]}


PROGRESS = {
    "it has it": (a_pod(HAS), "Done", "has it"),
    "in another form": (a_pod({**HAS, "resources": {"limits": {"memory": "805306368"}}}), "Done", "has it"),
    "requests of a node that does not tell what it has set aside": (
        a_pod({"resources": {"limits": {"memory": "768Mi"}, "requests": {"memory": "384Mi"}}}), "Done", "has it",
    ),
    "set aside, and not there yet": (a_pod(NOT_YET), "Pending", "app.resources.limits.memory 512Mi, not 768Mi"),
    "there, and not set aside": (
        a_pod({**HAS, "allocatedResources": {"memory": "256Mi"}}), "Pending", "requests.memory 256Mi, not 384Mi",
    ),
    "nothing is known of it": (a_pod(), "Pending", "limits.memory unset, not 768Mi"),
    "no amount at all": (a_pod({**HAS, "resources": {"limits": {"memory": "much"}}}), "Pending", "much, not 768Mi"),
    "put off": (
        a_pod(NOT_YET, own=told("PodResizePending", reason="Deferred", message="no room")),
        "Pending", "not resized: Deferred: no room",
    ),
    "impossible": (
        a_pod(NOT_YET, own=told("PodResizePending", reason="Infeasible", message="too small")),
        "Infeasible", "not resized: Infeasible: too small",
    ),
    "under way, whatever the status has": (a_pod(HAS, own=told("PodResizeInProgress")), "Pending", "is being resized"),
    "failing": (
        a_pod(NOT_YET, own=told("PodResizeInProgress", reason="Error", message="the runtime")),
        "Pending", "is being resized: Error: the runtime",
    ),
    "not looked at, whatever the status has": (
        a_pod(HAS, own={"observedGeneration": 2}), "Pending", "has not looked at it",
    ),
    "impossible once, of an older spec": (
        a_pod(HAS, own=told("PodResizePending", reason="Infeasible", observedGeneration=2)), "Done", "has it",
    ),
    "no longer impossible": (
        a_pod(HAS, own={"conditions": [{"type": "PodResizePending", "status": "False"}]}), "Done", "has it",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pod", "state", "words"), PROGRESS.values(), ids=PROGRESS)
def test_how_far_it_is(pod: dict[str, Any], state: str, words: str) -> None:
    known = resize.progress(pod, WANTED)
    assert known.state == state
    assert words in known.words
