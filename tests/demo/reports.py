"""What a user would type to look at it: kubectl, and platelet's own commands."""

# ruff: noqa: S603 - every command line is our own

import os
import subprocess
import sys

from tests.cluster.installation import ROOT
from tests.demo.stage import Stage

_OBJECTS = "rem,rempol,rbk,budget"


def show_platelet_objects(stage: Stage) -> None:
    """Platelet's objects, as kubectl shows them."""
    stage.timeline.quote(f"kubectl get {_OBJECTS} -A", stage.plane.kubectl("get", _OBJECTS, "-A"))


def explain(stage: Stage) -> None:
    """`platelet explain` of the act's Remediation, where this version has the command."""
    if _platelet(stage, "explain", "--help").returncode != 0:
        return
    for remediation in stage.seen.latest("Remediation"):
        name = f"remediation/{remediation['metadata']['name']}"
        printed = _platelet(stage, "explain", name, "--namespace", stage.namespace)
        stage.timeline.quote(f"platelet explain {name} --namespace {stage.namespace}", printed.stdout + printed.stderr)


def approve(stage: Stage, user: str) -> None:
    """`platelet approve`, typed by a person who may."""
    for remediation in stage.seen.latest("Remediation"):
        name = f"remediation/{remediation['metadata']['name']}"
        printed = _platelet(stage, "approve", name, "--namespace", stage.namespace, user=user)
        stage.timeline.quote(
            f"platelet approve {name} --namespace {stage.namespace}   # as {user}", printed.stdout + printed.stderr
        )


def _platelet(stage: Stage, *arguments: str, user: str = "admin") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "platelet", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "operator"),
            "KUBECONFIG": str(stage.plane.kubeconfig(user)),
            "COLUMNS": "120",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
