"""`make bench`: memory and CPU at idle, and the seconds from a pod's status write to the committed undo."""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.cluster import control_plane, installation, patience
from tests.cluster.control_plane import ControlPlane

HEALS = 20
IDLE = 60  # seconds
NAMESPACE = "bench"
POLICY = """
apiVersion: platelet.dev/v1alpha1
kind: Runbook
metadata: {name: undo}
spec:
  steps:
  - name: undo
    rolloutUndo: {to: LastHealthy}
    verify: {timeout: 30s, stableFor: 1s}
---
apiVersion: platelet.dev/v1alpha1
kind: RemediationPolicy
metadata: {name: undo}
spec:
  mode: Enforce
  triggers: [{pod: {reasons: [CrashLoopBackOff], minRestarts: 2, for: 0s}}]
  targets: {all: true}
  runbookRef: {name: undo}
  limits: {cooldown: 0s, maxUnhealthy: 100%, maxConcurrent: 100, rate: {maxActions: 100, per: 1h}}
"""


def idle(pid: int) -> tuple[float, float]:
    """Resident memory in MiB, and CPU in percent of one core, over a minute of rest."""
    tick = os.sysconf("SC_CLK_TCK")
    before = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    time.sleep(IDLE)
    after = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, (after - before) / tick / IDLE * 100


def entries(plane: ControlPlane) -> Iterator[Mapping[str, Any]]:
    """The audit log's lines."""
    for line in plane.audit_log.read_text().splitlines():
        yield json.loads(line)


def ours(plane: ControlPlane) -> Iterator[Mapping[str, Any]]:
    """Those of the operator."""
    return (each for each in entries(plane) if each["user"]["username"] == "platelet")


def seconds(first: str, then: str) -> float:
    """From one time of the audit log to another."""
    return (datetime.fromisoformat(then) - datetime.fromisoformat(first)).total_seconds()


def break_pod(plane: ControlPlane, name: str) -> str:
    """Write a crash loop into the status of one of the newest pods; the pod's name."""

    def newest() -> str | None:
        pods = installation.get_all(plane, "pods", NAMESPACE)
        mine = [each for each in pods if each["spec"]["containers"][0]["image"].endswith(f"app:unready-{name}")]
        running = [each for each in mine if (each.get("status") or {}).get("containerStatuses")]
        return running[0]["metadata"]["name"] if running else None

    pod = patience.until(f"a new pod of {name}", newest)
    status = {
        "name": "app",
        "image": "app",
        "imageID": "",
        "ready": False,
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}},
    }
    patch = json.dumps({"status": {"containerStatuses": [status]}})
    plane.kubectl("patch", "pod", pod, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch)
    return pod


def measure(plane: ControlPlane, name: str, pod: str) -> tuple[float, float]:
    """Seconds from the status write to the committed undo, and those spent in answers of the API server in between."""

    def undone() -> Mapping[str, Any] | None:
        writes = (each for each in entries(plane) if each["verb"] == "patch" and each["user"]["username"] == "platelet")
        mine = (
            each
            for each in writes
            if each["objectRef"]["resource"] == "deployments" and each["objectRef"]["name"] == name
        )
        return next((each for each in mine if "/0/" in each["userAgent"]), None)

    undo = patience.until(f"the undo of {name}", undone)
    written = next(
        each
        for each in entries(plane)
        if each["verb"] == "patch" and each["user"]["username"] == "admin" and each["objectRef"].get("name") == pod
    )
    begun, ended = written["stageTimestamp"], undo["stageTimestamp"]
    calls = (
        seconds(each["requestReceivedTimestamp"], each["stageTimestamp"])
        for each in entries(plane)
        if each["user"]["username"] == "platelet"
        and each["verb"] != "watch"
        and begun <= each["stageTimestamp"] <= ended
    )
    return seconds(begun, ended), sum(calls)


def prepare(plane: ControlPlane) -> list[str]:
    """A policy, a wide budget and healthy Deployments; their names."""
    budget = '{"spec":{"limits":[{"maxActions":1000,"per":"1h"}]}}'
    plane.kubectl("patch", "budget", "platelet", "-n", installation.NAMESPACE, "--type=merge", "-p", budget)
    plane.kubectl("create", "namespace", NAMESPACE)
    plane.kubectl("apply", "-n", NAMESPACE, "-f", "-", input=POLICY)
    names = [f"w{number}" for number in range(HEALS)]
    for name in names:
        manifest = installation.deployment(name, "app:good", replicas=1)
        plane.kubectl("apply", "-n", NAMESPACE, "-f", "-", input=manifest)
    time.sleep(15)
    return names


def heal(plane: ControlPlane, name: str) -> tuple[float, float]:
    """One bad release, broken by hand, and how long its undo took."""
    plane.kubectl("set", "image", f"deployment/{name}", f"app=app:unready-{name}", "-n", NAMESPACE)
    time.sleep(1)
    return measure(plane, name, break_pod(plane, name))


def main() -> int:
    """Print the figures."""
    with (
        control_plane.start() as plane,
        tempfile.TemporaryDirectory() as directory,
        installation.installed(plane, Path(directory), resync="30s") as place,
    ):
        replica = place.start()
        names = prepare(plane)
        memory, cpu = idle(replica.process.pid)
        sys.stdout.write(f"idle with {HEALS} Deployments: {memory:.0f} MiB resident, {cpu:.1f} % of one core\n")
        figures = [heal(plane, name) for name in names]
    totals, servers = [each[0] for each in figures], [each[1] for each in figures]
    sys.stdout.write(
        f"from status write to committed undo, {HEALS} heals: p50 {statistics.median(totals):.2f} s "
        f"(min {min(totals):.2f}, max {max(totals):.2f}); "
        f"answers of the API server, summed: p50 {statistics.median(servers):.2f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
