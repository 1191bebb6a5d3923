"""The control plane's programs, and the stages of a pod's life that KWOK ships."""

from dataclasses import dataclass
from pathlib import Path

from tests.cluster import go_tools

_MODULE = Path(__file__).parent

# What KWOK ships to play healthy nodes and pods, by the path in its module.
_SHIPPED_STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "kustomize/stage/pod/fast/pod-ready.yaml",
    "kustomize/stage/pod/fast/pod-complete.yaml",
    "kustomize/stage/pod/fast/pod-delete.yaml",
)


@dataclass(frozen=True)
class Binaries:
    """A complete build: the programs and the stages that KWOK ships."""

    bin_dir: Path
    stages: Path

    def path(self, name: str) -> Path:
        """The path of one program, such as `etcd`."""
        return self.bin_dir / name


def ensure() -> Binaries:
    """The binaries, built now if this machine has none for the present pins. Raises go_tools.BuildFailed."""
    built = go_tools.ensure(_MODULE, "kube-apiserver and 5 more: 4 to 14 minutes, by the machine", _finish)
    return Binaries(built / "bin", built / "stages")


def _finish(go: Path, work: Path) -> None:
    (work / "bin" / "server").rename(work / "bin" / "etcd")
    module = go_tools.output(_MODULE, [str(go), "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"])
    (work / "stages").mkdir()
    for stage in _SHIPPED_STAGES:
        source = Path(module) / stage
        (work / "stages" / source.name).write_bytes(source.read_bytes())  # the original is read-only
