"""docs/install.md, followed to the letter: its files are written, its commands are run, by a person with all rights."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.cluster import installation
from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "install.md"
NAMESPACE = installation.NAMESPACE
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:platelet"


def commands(chapter: str) -> str:
    """The shell commands of one chapter of the guide."""
    text = GUIDE.read_text().partition(f"\n## {chapter}")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


def write_files(folder: Path) -> None:
    """What the guide says to write, beside this repository's own folders."""
    for name, content in re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name in ("crds", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    command = folder / "bin" / "platelet"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/operator exec {sys.executable} -m platelet "$@"\n')
    command.chmod(0o700)


def run(plane: ControlPlane, script: str, folder: Path) -> str:
    """Run commands as a person with all rights who has kubectl and platelet."""
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{plane.bin_dir}:{os.environ['PATH']}",
        "KUBECONFIG": str(plane.kubeconfig("admin")),
        "KUBECACHEDIR": str(plane.directory / "kubectl-cache-of-the-guide"),
    }
    command = ["bash", "-euc", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def kubeconfig_of_account(plane: ControlPlane, folder: Path) -> Path:
    """A kubeconfig with a token of the ServiceAccount, as the kubelet would mount it."""
    content = yaml.safe_load(plane.kubeconfig("admin").read_text())
    token = plane.kubectl("create", "token", "platelet", "-n", NAMESPACE).strip()
    content["users"] = [{"name": "test", "user": {"token": token}}]
    content["contexts"][0]["context"]["user"] = "test"
    path = folder / "account.kubeconfig"
    path.write_text(json.dumps(content))
    return path
