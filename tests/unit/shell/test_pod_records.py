"""Records of the streams: the same pods that the lenient reader of `api.pods` sees, only faster."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from platelet.api.readers import pods
from platelet.shell.watch import pod_records, workload_records

TIMES = st.sampled_from(
    [
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2026-11-21T08:00:00Z",
        "2026-11-21T10:00:00.123456Z",
        "2026-11-21T10:00:00+02:00",
    ]
)
ODD = st.sampled_from([None, 3, -1, True, "x", [], {}, [None], {"a": None}, "2026-99-99T00:00:00Z", 1e300])
WORDS = st.sampled_from(["", "CrashLoopBackOff", "Error", "é\x00"])


def sometimes_odd(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what the API server writes, now and then something else."""
    return st.one_of(good, good, good, ODD)


def struct(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of which any field may be absent or odd."""
    return st.fixed_dictionaries({}, optional={name: sometimes_odd(value) for name, value in fields.items()})


STATES = struct(
    waiting=struct(reason=WORDS, message=WORDS),
    running=struct(startedAt=TIMES),
    terminated=struct(reason=WORDS, exitCode=st.integers(0, 255), startedAt=TIMES, finishedAt=TIMES),
)
CONTAINERS = st.lists(
    struct(
        name=WORDS,
        image=WORDS,
        ready=st.booleans(),
        started=st.booleans(),
        restartCount=st.integers(0, 99),
        state=STATES,
        lastState=STATES,
    ),
    max_size=3,
)
INITS = st.lists(struct(name=WORDS, restartPolicy=st.sampled_from(["Always", "Never"])), max_size=2)
CONDITIONS = st.lists(
    struct(
        type=st.sampled_from(["Ready", "PodScheduled", "Other"]),
        status=st.sampled_from(["True", "False", "Unknown"]),
        reason=WORDS,
        message=WORDS,
        lastTransitionTime=TIMES,
    ),
    max_size=3,
)
OWNERS = st.lists(struct(apiVersion=WORDS, kind=WORDS, name=WORDS, uid=WORDS, controller=st.booleans()), max_size=2)
METADATA = st.builds(
    lambda fixed, more: {**more, **fixed},
    st.fixed_dictionaries(
        {
            "namespace": st.just("shop"),
            "name": st.just("api-1"),
            "uid": st.just("u1"),
            "creationTimestamp": TIMES,
            "resourceVersion": st.just("7"),
        }
    ),
    struct(
        labels=st.dictionaries(st.sampled_from(["pod-template-hash", "app"]), WORDS),
        ownerReferences=OWNERS,
        deletionTimestamp=TIMES,
        finalizers=st.lists(WORDS, max_size=2),
        annotations=st.dictionaries(WORDS, WORDS),
    ),
)
STATUS = struct(phase=WORDS, conditions=CONDITIONS, containerStatuses=CONTAINERS, initContainerStatuses=CONTAINERS)
PODS = st.builds(
    lambda metadata, more: {**more, "metadata": metadata},
    METADATA,
    struct(spec=struct(nodeName=WORDS, initContainers=INITS), status=STATUS),
)


def pod_with(container: dict[str, Any]) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "api-1", "uid": "u1", "creationTimestamp": "2026-11-21T08:00:00Z"}
    return {"metadata": {**metadata, "resourceVersion": "7"}, "status": {"containerStatuses": [container]}}


@given(PODS)
@example(pod_with({"restartCount": -1}))
@example(pod_with({"started": "no", "image": 3}))
@example(pod_with({"restartCount": True, "ready": "yes"}))
@example(pod_with({"state": {"waiting": None, "running": {}, "terminated": {"exitCode": 1}}}))
def test_the_stream_and_the_quorum_read_see_the_same_pod(pod: dict[str, Any]) -> None:
    """Whatever is odd in it: a signal must not depend on by which way the pod was read."""
    seen = pod_records.reduce(json.dumps(pod).encode())
    assert seen.record == replace(pods.read_pod(pod), resource_version="")
    assert seen.key == ("shop", "api-1")
    assert seen.resource_version == "7"


@pytest.mark.parametrize("missing", ["namespace", "name", "uid", "creationTimestamp"])
def test_a_pod_without_identity_is_an_error(missing: str) -> None:
    """The stream counts and skips it."""
    metadata = {"namespace": "shop", "name": "a", "uid": "u", "creationTimestamp": "2026-11-21T08:00:00Z"}
    del metadata[missing]
    with pytest.raises(KeyError):
        pod_records.reduce(json.dumps({"metadata": metadata}).encode())


def test_a_deployment_is_reduced_to_what_says_whether_to_look_again() -> None:
    seen = workload_records.reduce(
        json.dumps(
            {
                "metadata": {
                    "namespace": "shop",
                    "name": "api",
                    "uid": "u1",
                    "resourceVersion": "7",
                    "generation": 3,
                    "labels": {"tier": "api"},
                    "deletionTimestamp": "2026-11-21T08:00:00Z",
                },
                "spec": {"replicas": 0},
                "status": {"availableReplicas": 2},
            }
        ).encode()
    )
    assert seen.record == workload_records.WorkloadRecord(
        namespace="shop",
        name="api",
        uid="u1",
        resource_version="7",
        generation=3,
        labels={"tier": "api"},
        replicas=0,
        available_replicas=2,
        deleting=True,
    )


def test_a_deployment_without_replicas_wants_one() -> None:
    raw = b'{"metadata": {"namespace": "shop", "name": "api", "uid": "u1"}, "spec": {}}'
    assert workload_records.reduce(raw).record.replicas == 1


def test_a_daemon_set_is_reduced_by_its_own_words() -> None:
    status = {"desiredNumberScheduled": 3, "numberAvailable": 2}
    raw = json.dumps({"metadata": {"namespace": "shop", "name": "agent", "uid": "u1"}, "status": status}).encode()
    record = workload_records.reduce(raw).record
    assert (record.replicas, record.available_replicas) == (3, 2)
