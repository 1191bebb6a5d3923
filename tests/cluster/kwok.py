"""Nodes without machines, and pods that live as their image's name says.

KWOK writes the status of pods bound to nodes that carry its annotation. The stages
that it ships play a healthy life; ours (`stages/*.yaml`) weigh more and match the
image, with any repository before `app:`.
"""

from collections.abc import Iterator
from pathlib import Path

_OUR_STAGES = Path(__file__).with_name("stages")
_SELECTOR = "kwok.x-k8s.io/node=fake"
_CONDITIONS = "{{/* conditions */}}"


def node(name: str) -> dict[str, object]:
    """A Node object that KWOK plays; the stage that it ships gives it room for all pods."""
    annotation, _, value = _SELECTOR.partition("=")
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
    metadata = {"name": name, "annotations": {annotation: value}, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


def write_stages(path: Path, shipped: Path) -> Path:
    """All stages in the one file that KWOK is started with."""
    path.write_text("\n---\n".join(_stages(shipped)))
    return path


def arguments(kubeconfig: Path, stages: Path, port: int) -> list[str]:
    """What the KWOK controller is started with."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--config={stages}",
        f"--manage-nodes-with-annotation-selector={_SELECTOR}",
        f"--server-address=127.0.0.1:{port}",
        # No lease: after a restart KWOK would wait 40 s for that of its former self to lapse.
        "--node-lease-duration-seconds=0",
        "--cidr=10.244.0.1/16",
    ]


def _stages(shipped: Path) -> Iterator[str]:
    for file in sorted(shipped.glob("*.yaml")):
        yield file.read_text()
    conditions = (_OUR_STAGES / "conditions.tmpl").read_text()
    for file in sorted(_OUR_STAGES.glob("*.yaml")):
        yield "\n".join(_with_conditions(file.read_text(), conditions))


def _with_conditions(stage: str, conditions: str) -> Iterator[str]:
    """KWOK's templates cannot include one another: the common part is put in here."""
    for line in stage.splitlines():
        if line.strip() == _CONDITIONS:
            indent = line.removesuffix(_CONDITIONS)
            yield from (indent + common for common in conditions.splitlines())
        else:
            yield line
