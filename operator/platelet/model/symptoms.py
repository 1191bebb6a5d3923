"""What one pod shows of one reason: whether, since when, and in which words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from platelet.model import crash_loop
from platelet.model.durations import say_time
from platelet.model.enumeration import name_some
from platelet.model.workload import Container, Pod

PodReason = Literal[
    "CrashLoopBackOff",
    "OOMKilled",
    "ImagePullBackOff",
    "ErrImagePull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ContainerCreating",
    "Unschedulable",
    "Unready",
    "StuckTerminating",
]
ORDER: Final[tuple[PodReason, ...]] = (
    "CrashLoopBackOff",
    "OOMKilled",
    "ImagePullBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ContainerCreating",
    "Unschedulable",
    "Unready",
    "StuckTerminating",
)
"""Of several reasons at once the first one names the incident."""

MIN_RESTARTS: Final = 3
"""From so many on, restarts are a loop, where a policy says nothing."""

UNREADY_FOR: Final = timedelta(minutes=5)  # every pod is unready for a while after its start, or goes
CREATING_FOR: Final = timedelta(minutes=10)  # as long as a rollout may go without progress, by default
PATIENCE: Final[Mapping[PodReason, timedelta]] = {
    "Unready": UNREADY_FOR,
    "Unschedulable": UNREADY_FOR,
    "ContainerCreating": CREATING_FOR,
    "StuckTerminating": UNREADY_FOR,
}
"""For so long a healthy pod may show it, where a policy says nothing; of all other reasons not for a moment."""

CANONICAL: Final[Mapping[PodReason, PodReason]] = {"ErrImagePull": "ImagePullBackOff"}
"""The kubelet alternates between the two, so they are one reason."""

_PULL_FAILURES = frozenset(  # pkg/kubelet/images/types.go of Kubernetes, and its CRI's errors
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CONFIG_ERRORS = frozenset({"CreateContainerConfigError"})
_CREATE_ERRORS = frozenset(  # pkg/kubelet/kuberuntime/kuberuntime_container.go and pkg/kubelet/container/sync_result.go
    {
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
        "CreatePodSandboxError",
        "ConfigPodSandboxError",
    }
)
_FAILURES = _PULL_FAILURES | _CONFIG_ERRORS | _CREATE_ERRORS
_MAX_QUOTE = 200
_FINALIZERS_SAID = 3  # each may be long: a domain, a slash, 63 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One pod that shows a reason now."""

    pod: Pod
    since: datetime
    words: str  # of one container: "container app exited 1, restarted 4 times"
    kind: str  # of all of them: "crash-loop"
    over_at: datetime | None = None  # when time alone ends it


def counts(pod: Pod, reason: PodReason | None = None) -> bool:
    """Whether the pod is one that its workload relies on now, so that it may show `reason`; or one that is to go."""
    if reason == "StuckTerminating":
        return pod.deleting
    return pod.is_active and (reason == "Unschedulable" or not pod.unschedulable)


def find(
    reason: PodReason, pod: Pod, now: datetime, min_restarts: int, first_failing: datetime | None
) -> Symptom | None:
    """Find what `pod` shows of `reason`, which is one of ORDER."""
    if not counts(pod, reason):
        return None
    if reason == "StuckTerminating":
        return _terminating(pod)
    if reason == "Unschedulable":
        return _unschedulable(pod)
    if reason in {"CrashLoopBackOff", "OOMKilled"}:
        return _looping(pod, now, min_restarts, first_failing, out_of_memory=reason == "OOMKilled")
    if reason == "ImagePullBackOff":
        return _waiting(pod, _PULL_FAILURES, first_failing)
    if reason == "CreateContainerConfigError":
        return _waiting(pod, _CONFIG_ERRORS, first_failing)
    if reason == "CreateContainerError":
        return _waiting(pod, _CREATE_ERRORS, first_failing)
    return _creating(pod) if reason == "ContainerCreating" else _unready(pod)


def remember(known: Mapping[str, datetime], pods: Sequence[Pod], now: datetime) -> dict[str, datetime]:
    """Since when each of `pods` fails, by uid: what was known, else what its status shows; well ones are left out.

    Failing means a container that ended or cannot start; not that a pod is not ready yet. A failing pull carries no
    time, so it counts from `now`, when it was first seen.
    """
    kept = {}
    for pod in pods:
        moments = [known[pod.uid]] if pod.uid in known else []
        looping = _looping(pod, now, 0, None, out_of_memory=False) if counts(pod) else None
        if looping is not None:
            kept[pod.uid] = min([*moments, looping.since])
        elif counts(pod) and _waiting(pod, _FAILURES, None) is not None:
            kept[pod.uid] = min([*moments, now])
    return kept


def explain(pod: Pod, now: datetime) -> str:
    """In one container's words, what keeps a pod from being ready; empty where its status does not say."""
    causes = [reason for reason in ORDER if reason not in ("Unready", "StuckTerminating")]
    shown = (find(reason, pod, now, 1, None) for reason in causes)
    return next((cycle.words for cycle in shown if cycle is not None), "")


def describe(sick: Sequence[Symptom], of: int) -> str:
    """One sentence for people: how many, and the first one's words."""
    first = sick[0]
    return f"{len(sick)} of {of} pods {first.kind}: {first.pod.name}: {first.words}"


def _looping(
    pod: Pod, now: datetime, min_restarts: int, first_failing: datetime | None, *, out_of_memory: bool
) -> Symptom | None:
    cycles = [
        (container, cycle)
        for container in pod.containers
        for cycle in _cycles(container, pod, out_of_memory=out_of_memory)
    ]
    looping = [(container, cycle) for container, cycle in cycles if cycle.restarts >= min_restarts and cycle.holds(now)]
    if not looping:
        return None
    known = [cycle.since for _, cycle in looping if cycle.since is not None]
    since = min(known, default=_not_ready_since(pod))
    overs = [cycle.over_at for _, cycle in looping]
    container, cycle = looping[0]
    return Symptom(
        pod=pod,
        since=min(since, first_failing) if first_failing is not None else since,
        words=_words(container, cycle),
        kind="run out of memory" if out_of_memory else "crash-loop",
        over_at=min((over for over in overs if over is not None), default=None),
    )


def _cycles(container: Container, pod: Pod, *, out_of_memory: bool) -> list[crash_loop.Cycle]:
    """What a container's status can be read as: a loop, or (which is asked for OOMKilled only) a slow leak."""
    cycle = crash_loop.read(container)
    if not out_of_memory:
        return [cycle] if cycle is not None else []
    leak = crash_loop.read_leak(container, pod.created_at)
    return [kind for kind in (cycle, leak) if kind is not None and kind.out_of_memory]


def _words(container: Container, cycle: crash_loop.Cycle) -> str:
    if cycle.out_of_memory:
        end = "was OOM-killed"
    else:
        end = "ended" if cycle.exit_code is None else f"exited {cycle.exit_code}"
    times = "once" if container.restarts == 1 else f"{container.restarts} times"
    return f"container {container.name} {end}, restarted {times}"


def _waiting(pod: Pod, reasons: frozenset[str], first_failing: datetime | None) -> Symptom | None:
    stuck = [container for container in pod.containers if container.state == "waiting" and container.reason in reasons]
    if not stuck:
        return None
    first = stuck[0]
    pulling = first.reason in _PULL_FAILURES
    words = f"container {first.name} waits: {first.reason}"
    if pulling and first.image:
        words += f" of {first.image[:_MAX_QUOTE]}"
    if not pulling and first.message:  # a pull's messages alternate and carry addresses; its reason is enough
        words += f": {first.message[:_MAX_QUOTE]}"
    return Symptom(
        pod=pod,
        since=first_failing if first_failing is not None else _not_ready_since(pod),
        words=words,
        kind=_kind_of_wait(first.reason),
    )


def _kind_of_wait(reason: str) -> str:
    if reason in _PULL_FAILURES:
        return "cannot pull an image"
    return "cannot be configured" if reason in _CONFIG_ERRORS else "cannot be created"


def _creating(pod: Pod) -> Symptom | None:
    """It is bound to a node, and no container of it was ever started, for none of the reasons that have a name.

    A volume that cannot be mounted shows so, and a large image that is still pulled.
    """
    waiting = [container for container in pod.containers if container.state == "waiting"]
    others = [
        container for container in pod.containers if container.state != "waiting" and not container.has_done_its_work
    ]
    failing = any(container.reason in _FAILURES or container.restarts for container in waiting)
    if pod.phase != "Pending" or not waiting or others or failing:
        return None
    first = waiting[0]
    words = f"container {first.name} waits: {first.reason or 'it does not say for what'}"
    return Symptom(pod=pod, since=_not_ready_since(pod), words=words, kind="have no container yet")


def _unschedulable(pod: Pod) -> Symptom | None:
    """Since it was made: the scheduler says so within a moment, and nothing moves a pod that runs back to it."""
    if not pod.unschedulable:
        return None
    words = f"the scheduler says: {pod.unschedulable[:_MAX_QUOTE]}"
    return Symptom(pod=pod, since=pod.created_at, words=words, kind="cannot be scheduled")


def _terminating(pod: Pod) -> Symptom | None:
    """Since its grace is over, which may lie ahead: the kubelet has killed its containers by then, or is not there.

    A finalizer holds it as well, or a volume that cannot be unmounted.
    """
    if pod.gone_by is None:
        return None
    runs = [container.name for container in pod.containers if container.state == "running"]
    words = f"its grace was over at {say_time(pod.gone_by)}" + (f", on node {pod.node}" if pod.node else "")
    words += f", and container {runs[0]} still runs" if runs else ""
    words += f"; it waits for finalizer {name_some(pod.finalizers, _FINALIZERS_SAID)}" if pod.finalizers else ""
    return Symptom(pod=pod, since=pod.gone_by, words=words, kind="hang in Terminating")


def _unready(pod: Pod) -> Symptom | None:
    """Continuously, so since the condition last changed, whatever else failed before. A first start is none."""
    if pod.phase != "Running" or pod.ready or pod.is_starting:
        return None
    unready = [container.name for container in pod.containers if not container.ready]
    words = f"container {unready[0]} is not ready" if unready else "is not ready"
    return Symptom(pod=pod, since=_not_ready_since(pod), words=words, kind="are not ready")


def _not_ready_since(pod: Pod) -> datetime:
    """Tell since when the pod is not ready. Where it never was, that is when the kubelet took it over."""
    return pod.created_at if pod.ready or pod.ready_changed_at is None else pod.ready_changed_at
