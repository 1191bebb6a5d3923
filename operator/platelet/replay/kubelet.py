"""The kubelets: what becomes of a pod, by its image, as they would report it.

The tag decides: `app:good*` runs, `app:crash*` exits again and again with a growing back-off, `app:crash-unready*` does
so without ever being ready, `app:oom*` is killed, `app:unready*` never gets ready, `app:pullfail*` and
`app:configerror*` never start, `app:flaky-200s` exits after each 200 s, and `app:slow-8m`
passes its startup probe after 8 min.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from platelet.model.durations import format_time, parse_duration
from platelet.shell.kube import Json

Behaviour = Literal["good", "crash", "crash-unready", "oom", "unready", "pullfail", "configerror", "flaky", "slow"]
_BEHAVIOURS: tuple[Behaviour, ...] = (
    "crash-unready",
    "crash",
    "oom",
    "unready",
    "pullfail",
    "configerror",
    "flaky",
    "slow",
)
_TAG = re.compile(r"(?:^|/)app:(?P<tag>\S+)$")
_LASTING = re.compile(r"(?:flaky|slow)-(?P<run>[0-9hms]+)")

STARTS_AFTER = timedelta(seconds=1)
FIRST_RUN = timedelta(seconds=3)  # of a crashing container: long enough that several are ready at once (TRAPS 39)
LATER_RUN = timedelta(seconds=1)
BACK_OFFS = tuple(timedelta(seconds=seconds) for seconds in (10, 20, 40, 80, 160, 300))
FORGIVEN_AFTER = timedelta(minutes=10)  # a run that long resets the back-off
SAYS_BACK_OFF_FOR = timedelta(seconds=3)  # the end of a back-off in which the state is CrashLoopBackOff (TRAPS 40)
_TURN_OF_A_PULL = timedelta(seconds=1)


def behaviour_of(image: str) -> Behaviour:
    """What an image does."""
    tag = _TAG.search(image)
    return next((behaviour for behaviour in _BEHAVIOURS if tag and tag["tag"].startswith(behaviour)), "good")


@dataclass(slots=True)
class Life:
    """One pod's single container, from one change of its status to the next."""

    created: datetime
    behaviour: Behaviour
    run: timedelta  # how long each run of a flaky container lasts, or the start of a slow one
    state: Json = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Json = field(default_factory=dict)
    restarts: int = 0
    failures: int = 0  # in a row, for the back-off
    started: bool = False
    ready: bool = False
    ready_changed: datetime | None = None
    next_change: datetime | None = None
    ahead: timedelta = timedelta()  # by so much does its node's clock lead

    @classmethod
    def begin(cls, image: str, now: datetime) -> "Life":
        """A pod that was just bound to a node."""
        lasting = _LASTING.search(image)
        run = parse_duration(lasting["run"]) if lasting else timedelta(seconds=20)
        return cls(created=now, behaviour=behaviour_of(image), run=run, next_change=now + STARTS_AFTER)

    def sicken(self, behaviour: Behaviour, now: datetime) -> None:
        """From now on behave otherwise, whatever the image."""
        self.behaviour, self.next_change = behaviour, now

    def turn(self, now: datetime) -> None:
        """Go to the next state, if its time has come."""
        if self.next_change is None or now < self.next_change:
            return
        if "running" in self.state:
            self._end_run(now)
        elif "terminated" in self.state:
            self._say_back_off(now)
        else:
            self._start(now)

    def _start(self, now: datetime) -> None:
        if self.behaviour in ("pullfail", "configerror"):
            self._fail_to_start(now)
            return
        if self.last:
            self.restarts += 1
        self._run(now)

    def _run(self, now: datetime) -> None:
        self.state = {"running": {"startedAt": format_time(now + self.ahead)}}
        self.started = self.behaviour != "slow"
        self._set_ready(now, ready=self.behaviour not in ("unready", "crash-unready", "slow"))
        lasts = {"flaky": self.run, "slow": self.run, "good": None, "unready": None}.get(
            self.behaviour, LATER_RUN if self.restarts else FIRST_RUN
        )
        self.next_change = None if lasts is None else now + lasts

    def _end_run(self, now: datetime) -> None:
        if self.behaviour == "slow":  # it is well from now on
            self.behaviour, self.started = "good", True
        if self.behaviour in ("good", "unready"):  # it was sickened into this
            self._set_ready(now, ready=self.behaviour == "good")
            self.next_change = None
            return
        killed = self.behaviour == "oom"
        started = self.state["running"]["startedAt"]
        ended = {
            "exitCode": 137 if killed else 1,
            "reason": "OOMKilled" if killed else "Error",
            "startedAt": started,
            "finishedAt": format_time(now + self.ahead),
        }
        lasted = now + self.ahead - datetime.fromisoformat(started)
        self.failures = 1 if lasted >= FORGIVEN_AFTER else self.failures + 1
        self.state = {"terminated": ended}
        self._set_ready(now, ready=False)
        self.next_change = now + self._back_off() - SAYS_BACK_OFF_FOR

    def _say_back_off(self, now: datetime) -> None:
        self.last = {"terminated": self.state["terminated"]}
        message = f"back-off {int(self._back_off().total_seconds())}s restarting failed container=app"
        self.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self.next_change = now + SAYS_BACK_OFF_FOR

    def _fail_to_start(self, now: datetime) -> None:
        self._set_ready(now, ready=False)
        if self.behaviour == "configerror":
            self.state = {
                "waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
            }
            self.next_change = None
        elif self.state["waiting"].get("reason") == "ErrImagePull":
            self.failures += 1
            self.state = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
            self.next_change = now + self._back_off()
        else:
            self.state = {
                "waiting": {"reason": "ErrImagePull", "message": "failed to pull and unpack image: not found"}
            }
            self.next_change = now + _TURN_OF_A_PULL

    def _back_off(self) -> timedelta:
        return BACK_OFFS[min(self.failures, len(BACK_OFFS)) - 1]

    def _set_ready(self, now: datetime, *, ready: bool) -> None:
        if self.ready != ready or self.ready_changed is None:
            self.ready, self.ready_changed = ready, now + self.ahead

    def status(self, container: str, image: str) -> dict[str, Any]:
        """The pod's status as JSON."""
        begun = format_time(self.created)
        readiness = {"status": str(self.ready), "lastTransitionTime": format_time(self.ready_changed or self.created)}
        return {
            "phase": "Pending" if not self.last and "waiting" in self.state else "Running",
            "startTime": begun,
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": begun},
                {"type": "Initialized", "status": "True", "lastTransitionTime": begun},
                {"type": "ContainersReady", **readiness},
                {"type": "Ready", **readiness},
            ],
            "containerStatuses": [
                {
                    "name": container,
                    "image": image,
                    "imageID": "",
                    "ready": self.ready,
                    "started": self.started and "running" in self.state,
                    "restartCount": self.restarts,
                    "state": self.state,
                    "lastState": self.last,
                }
            ],
        }
