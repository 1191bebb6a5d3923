"""`python -m tests.demo`: the five acts, live. Exit 0 only if every claim was observed in the cluster's state."""

import argparse
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.cluster import binaries, control_plane, installation, patience
from tests.demo import claims, on_call
from tests.demo.acts import ACTS, Act
from tests.demo.alertmanager import NotAcceptedError
from tests.demo.narration import brief
from tests.demo.stage import NotObservedError, OperatorEndedError, Stage, stage
from tests.demo.timeline import NOT_OBSERVED, OBSERVED, Row, Timeline

NEXT = """
What to look at next
  tests/demo/policies/   the five policies and runbooks that you saw at work
  deploy/samples/        policies for real life; observe-first.yaml acts on nothing
  eval "$(make -s cluster)"   a cluster of your own to play with; make cluster-down ends it
  make test              what else is proven"""


@dataclass(frozen=True, slots=True)
class Performance:
    """One act as it was played."""

    name: str
    act: Act
    scene: Stage
    missed: str  # the claim that was awaited in vain


def main() -> int:
    """Play, clean up, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, until Ctrl-C")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    directory = Path(tempfile.mkdtemp(prefix="platelet-demo-"))
    timeline = Timeline()
    code = 1
    try:
        code = _play(timeline, directory, keep=options.keep)
    except KeyboardInterrupt:
        code = 130
        timeline.say("\ninterrupted; everything was ended")
    except Exception:  # noqa: BLE001 - whatever it was, the log is named and kept
        timeline.say(traceback.format_exc())
    finally:
        log = directory / "operator-0.log"
        if code == 1 and log.exists():
            timeline.say(f"the operator's log: {log}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return code


def _play(timeline: Timeline, directory: Path, *, keep: bool) -> int:
    binaries.ensure()  # with its own progress, once per machine
    with ExitStack() as stack:
        with timeline.waiting("until the control plane runs"):
            timeline.line("cluster", "etcd, kube-apiserver, controllers and scheduler start; nodes and pods are played")
            plane = stack.enter_context(control_plane.start())
            timeline.line("cluster", f"Kubernetes {_version(plane)} is ready on {plane.url}")
        with timeline.waiting("until platelet leads"):
            platelet = stack.enter_context(installation.installed(plane, directory))
            operator = platelet.start()
            timeline.line("people", "install platelet: CRDs, rights, ActionBudget; the operator starts")
            _await_leader(plane, operator)
            timeline.line("platelet", "the operator holds the Lease and its epoch is on the ActionBudget")
        people = stack.enter_context(on_call.listening())
        code = _account(timeline, [_perform(act, plane, operator, timeline, people) for act in ACTS], plane)
        if keep:
            timeline.say(f"\nexport KUBECONFIG={plane.kubeconfig('admin')}   (Ctrl-C ends everything)")
            signal.pause()
    return code


def _await_leader(plane: control_plane.ControlPlane, operator: installation.OperatorProcess) -> None:
    def leads() -> bool:
        if not operator.alive:
            raise OperatorEndedError(f"the operator ended with {operator.process.returncode}")
        budget = installation.get(plane, "actionbudget", installation.NAMESPACE, "platelet") or {}
        return bool((budget.get("status") or {}).get("epoch"))

    patience.until("the operator to lead", leads)


def _perform(
    act: Act,
    plane: control_plane.ControlPlane,
    operator: installation.OperatorProcess,
    timeline: Timeline,
    people: on_call.OnCall,
) -> Performance:
    """Play one act to its end, or to the claim that is not observed."""
    timeline.heading(act.title, act.subtitle)
    started = timeline.seconds
    with stage(plane, operator, timeline, act.namespace) as scene:
        missed = ""
        try:
            act.play(scene, people)
        except NotObservedError as error:
            missed = str(error)
        except (OperatorEndedError, NotAcceptedError) as error:
            missed = f"the act's end: {error}"
        if missed:
            timeline.line("people", f"waited in vain: {missed}")
    return Performance(f"{act.title.split(':')[0]}, {timeline.seconds - started:.0f} s", act, scene, missed)


def _rows(performance: Performance, plane: control_plane.ControlPlane) -> Iterator[Row]:
    """What was observed, and the claim that was not; at last, that nothing came after."""
    scene = performance.scene
    for claim, evidence in scene.observed:
        yield performance.name, claim, OBSERVED, brief(evidence)
    if performance.missed:
        yield performance.name, performance.missed, NOT_OBSERVED, ""
        return
    calm = claims.written(plane.audit_events(), scene.namespace, scene.seen, performance.act.writes)
    yield performance.name, "and no write beside those until the end", OBSERVED if calm else NOT_OBSERVED, calm


def _account(timeline: Timeline, performances: Sequence[Performance], plane: control_plane.ControlPlane) -> int:
    rows = [row for performance in performances for row in _rows(performance, plane)]
    timeline.table("What was observed in the cluster's state", rows)
    missed = [row for row in rows if row[2] != OBSERVED]
    for act, claim, *_ in missed:
        timeline.say(f"FAILED: {act}: not observed: {claim}")
    if not missed:
        timeline.say(f"\nAll {len(rows)} claims of {len(ACTS)} acts were observed, in {timeline.seconds:.0f} s.")
        timeline.say(NEXT)
    return 1 if missed else 0


def _version(plane: control_plane.ControlPlane) -> str:
    lines = plane.kubectl("version").splitlines()
    return next((line.split()[-1] for line in lines if line.startswith("Server")), "")


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's form
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
