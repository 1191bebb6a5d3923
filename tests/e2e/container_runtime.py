"""containerd with state of its own, and the images that are put into it by hand."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import patience
from tests.e2e import images, network
from tests.e2e.machine import Machine

PAUSE = "node/pause:1"  # holds a pod's namespaces

# `restrict_oom_score_adj`: in a sandbox root may lack the capability that Kubernetes' usual scores need.
_CONFIGURATION = """\
version = 2
root = "{directory}/containerd"
state = "{directory}/containerd-state"
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{network}"
"""


@dataclass(frozen=True)
class ContainerRuntime:
    """A running containerd."""

    machine: Machine
    socket: Path
    snapshotter: str  # how a container gets its files

    def import_image(self, archive: Path) -> None:
        """Put in an image from a docker archive, under the names that are in it."""
        self.machine.run(*self._client(), "images", "import", f"--snapshotter={self.snapshotter}", archive)

    def answers(self) -> bool:
        """Whether it serves. Raises ComponentFailed when it has ended."""
        self.machine.check()
        return self.socket.exists()

    def _client(self) -> tuple[str, ...]:
        return ("ctr", f"--address={self.socket}", "--namespace=k8s.io")


def start(machine: Machine) -> ContainerRuntime:
    """Start it and put in the image that every pod needs."""
    directory = machine.directory
    socket = directory / "containerd.sock"
    snapshotter = "overlayfs" if _can_overlay(machine) else "native"
    configuration = directory / "containerd.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            directory=directory,
            socket=socket,
            pause=PAUSE,
            snapshotter=snapshotter,
            plugins=network.PLUGINS,
            network=network.write_plugin_configuration(directory / "cni"),
        )
    )
    program = shutil.which("containerd") or "containerd"
    runtime = ContainerRuntime(machine, socket, snapshotter)
    machine.start("containerd", [program, f"--config={configuration}"])
    patience.until("containerd to serve", runtime.answers, seconds=30)
    runtime.import_image(images.busybox(directory / "pause.tar", PAUSE, entrypoint=("/bin/sleep", "2147483647")))
    return runtime


def _can_overlay(machine: Machine) -> bool:
    """Whether containers can share an image's files; where this machine is itself a container, they need copies."""
    layers = [machine.directory / "overlay" / name for name in ("lower", "upper", "work", "merged")]
    for layer in layers:
        layer.mkdir(parents=True)
    lower, upper, work, merged = layers
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    try:
        machine.run("mount", "-t", "overlay", "overlay", "-o", options, merged)
        machine.run("umount", merged)
    except subprocess.CalledProcessError:
        return False
    return True
