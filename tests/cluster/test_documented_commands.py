"""The commands of README and docs, run as they stand by a person with all rights, with each kind of object present."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster import attested, documented, guide, installation, patience
from tests.cluster import control_plane as cluster

pytestmark = pytest.mark.cluster
SHOP = "shop"
_CTRL_C = "timeout --foreground --preserve-status -s INT 6"


@pytest.fixture(scope="module")
def scene(
    control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[cluster.ControlPlane, Path]]:
    """An operator that leads, a Deployment `api` in `shop`, and a folder in which the commands are typed."""
    folder = tmp_path_factory.mktemp("documented")
    guide.write_files(folder)
    with installation.installed(control_plane, folder) as installed:
        control_plane.kubectl("create", "namespace", SHOP)
        installed.start()
        deployment = yaml.safe_load(installation.deployment("api", "app:good-1", labels={}))
        control_plane.kubectl("apply", "-n", SHOP, "-f", "-", input=yaml.safe_dump(deployment))
        yield control_plane, folder
        control_plane.kubectl("delete", "namespace", SHOP, "--wait=false")


def test_every_documented_command_does_what_it_is_shown_for(scene: tuple[cluster.ControlPlane, Path]) -> None:
    """In the order of the documents, with the exit code that it should have, and never a traceback."""
    plane, folder = scene
    ended: dict[str, tuple[int, str]] = {}
    for command in documented.SHOWN:
        if command == "kubectl describe rem deployment-api-1":
            _have_it_heal(plane)
        ended[command] = _type(plane, folder, command)
    assert {command: code for command, (code, _) in ended.items()} == documented.SHOWN, ended
    assert [command for command, (_, output) in ended.items() if "Traceback" in output] == []


def _have_it_heal(plane: cluster.ControlPlane) -> None:
    """A bad release of `api`, and the Remediation that the documents speak of; with the sample's times made short."""
    for step in (0, 1):
        patch = f'[{{"op": "replace", "path": "/spec/steps/{step}/verify/stableFor", "value": "2s"}}]'
        plane.kubectl("patch", "rbk", "crash-loop", "-n", SHOP, "--type=json", "-p", patch)
    patch = '[{"op": "replace", "path": "/spec/triggers/0/pod/for", "value": "0s"}]'
    plane.kubectl("patch", "rempol", "crash-loop", "-n", SHOP, "--type=json", "-p", patch)

    def is_proven() -> bool:
        attestations = installation.get_all(plane, "controllerrevisions", installation.NAMESPACE)
        return "api" in attested.proven(attestations, SHOP)

    patience.until("the good release to be on record as healthy", is_proven)
    plane.kubectl("set", "image", "deployment/api", "-n", SHOP, "app=app:crash")
    patience.until("an incident", lambda: installation.get_all(plane, "remediations", SHOP))


def _type(plane: cluster.ControlPlane, folder: Path, command: str) -> tuple[int, str]:
    """Type one command where the context's namespace is `shop`; what is followed is ended by Ctrl-C."""
    kubeconfig = yaml.safe_load(plane.kubeconfig("admin").read_text())
    kubeconfig["contexts"][0]["context"]["namespace"] = SHOP
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{plane.bin_dir}:{os.environ['PATH']}",
        "KUBECONFIG": str(folder / "kubeconfig"),
        "KUBECACHEDIR": str(plane.directory / "kubectl-cache-of-the-documents"),
    }
    typed = f"{_CTRL_C} {command}" if command.endswith(" -w") else command
    done = subprocess.run(  # noqa: S603 - the commands of our own documents
        ["/bin/bash", "-c", typed],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=700,
    )
    return done.returncode, done.stdout
