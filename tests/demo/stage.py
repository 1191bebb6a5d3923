"""One act's stage: its namespace, what people do there, and what is awaited and told."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import installation, patience
from tests.cluster.control_plane import ControlPlane
from tests.demo.narration import ProgressReporter, is_true
from tests.demo.timeline import Timeline
from tests.demo.watching import Obj, Seen, Watches

POLICIES = Path(__file__).parent / "policies"
LABEL = "platelet.dev/heal"


class NotObservedError(Exception):
    """A claim was awaited in vain; the message is the claim."""


class OperatorEndedError(Exception):
    """The operator's process has ended."""


@dataclass(slots=True)
class Stage:
    """What an act plays on."""

    plane: ControlPlane
    operator: installation.OperatorProcess
    timeline: Timeline
    namespace: str
    watches: Watches
    seen: Seen = field(default_factory=Seen)
    progress: ProgressReporter = field(default_factory=ProgressReporter)
    observed: list[tuple[str, str]] = field(default_factory=list)  # claim and evidence

    def install(self, policy: str, **replacements: str) -> None:
        """Apply one file of `policies/` and wait until the operator has taken it in."""
        text = (POLICIES / policy).read_text()
        for old, new in replacements.items():
            text = text.replace(old, new)
        self.plane.kubectl("apply", "-n", self.namespace, "-f", "-", input=text)
        self.timeline.line("people", f"apply tests/demo/policies/{policy} in namespace {self.namespace}")
        self.until(
            "the policy is Ready",
            lambda: "yes" if any(is_true(policy, "Ready") for policy in self.seen.latest("RemediationPolicy")) else "",
        )
        self.observed.clear()  # that was no claim

    def create(self, name: str, image: str, replicas: int = 2) -> None:
        """The first release of a Deployment."""
        self.timeline.line("people", f"release {name}: {image}, {replicas} replicas")
        manifest = installation.deployment(name, image, replicas=replicas, labels={LABEL: "true"})
        self.plane.kubectl("apply", "-n", self.namespace, "-f", "-", input=manifest)

    def release(self, name: str, image: str) -> None:
        """A further release."""
        self.timeline.line("people", f"release {name}: {image}")
        self.plane.kubectl("set", "image", f"deployment/{name}", f"app={image}", "-n", self.namespace)

    def until(self, claim: str, evidence: Callable[[], str], seconds: float = 60) -> None:
        """Tell what happens until there is evidence for the claim. Raises NotObservedError."""
        deadline = time.monotonic() + seconds
        with self.timeline.waiting(f"until {claim}"):
            while not (proof := evidence()):
                if time.monotonic() > deadline:
                    raise NotObservedError(claim)
                self._look(0.5)
        self.observed.append((claim, proof))

    def go_on(self, seconds: float) -> None:
        """Tell what happens for a while."""
        end = time.monotonic() + seconds
        with self.timeline.waiting(f"{seconds:.0f} s more, to see what does not happen"):
            while (left := end - time.monotonic()) > 0:
                self._look(min(left, 0.5))

    def _look(self, seconds: float) -> None:
        for change in self.watches.changes(self.seen, seconds):
            for line in self.progress.tell(change):
                self.timeline.line(line.who, line.text)
        if not self.operator.alive:
            raise OperatorEndedError(f"the operator ended with {self.operator.process.returncode}")

    def read_pods(self) -> list[Obj]:
        """The pods as they are now, asked for anew."""
        pods: list[Obj] = json.loads(self.plane.kubectl("get", "pods", "-n", self.namespace, "-o", "json"))["items"]
        return pods


@contextmanager
def stage(
    plane: ControlPlane, operator: installation.OperatorProcess, timeline: Timeline, namespace: str
) -> Iterator[Stage]:
    """A fresh namespace, watched for the length of a `with` block."""
    plane.kubectl("create", "namespace", namespace)

    def has_account() -> bool:
        return "default" in plane.kubectl("get", "serviceaccounts", "-n", namespace, "-o", "name")

    patience.until(f"the default service account of {namespace}", has_account)
    watches = Watches(plane, namespace)
    try:
        yield Stage(plane, operator, timeline, namespace, watches)
    finally:
        watches.stop()
