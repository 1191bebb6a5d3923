"""Which programs of the control plane are taken ready from KUBEBUILDER_ASSETS, and which are built."""

from pathlib import Path

import pytest

from tests.cluster import go_tools

API_SERVER = "k8s.io/kubernetes/cmd/kube-apiserver"
KUBECTL = "k8s.io/kubernetes/cmd/kubectl"
ETCD = "go.etcd.io/etcd/server/v3"
KWOK = "sigs.k8s.io/kwok/cmd/kwok"
PACKAGES = [ETCD, API_SERVER, KUBECTL, KWOK]

# What lies in KUBEBUILDER_ASSETS, with what it says of its version; and what is left to build.
CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing lies there": ({}, PACKAGES),
    "what setup-envtest brings, in the pinned minor version": (
        {"etcd": "etcd Version: 3.6.4", "kube-apiserver": "Kubernetes v1.36.0", "kubectl": "Client Version: v1.36.0"},
        [KWOK],
    ),
    "an API server of an older minor version": ({"kube-apiserver": "Kubernetes v1.35.2"}, PACKAGES),
    "an API server whose version only begins alike": ({"kube-apiserver": "Kubernetes v1.360.1"}, PACKAGES),
    "etcd alone": ({"etcd": "etcd Version: 3.5.9"}, [API_SERVER, KUBECTL, KWOK]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_lies_ready_is_not_built(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs are real processes that are asked for their version."""
    ready, to_build = CASES[name]
    assets, bin_dir = tmp_path / "assets", tmp_path / "bin"
    assets.mkdir()
    for program, version in ready.items():
        (assets / program).write_text(f"#!/bin/sh\necho '{version}'\n")
        (assets / program).chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert go_tools.take_ready_programs(PACKAGES, bin_dir) == to_build
    assert len(list(bin_dir.iterdir())) == len(PACKAGES) - len(to_build)


def test_a_file_that_cannot_be_executed_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that was not made executable is built instead."""
    (tmp_path / "etcd").write_text("not yet")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert go_tools.take_ready_programs([ETCD], tmp_path / "bin") == [ETCD]


def test_without_the_variable_the_working_directory_is_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty path is no path."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etcd").write_text("#!/bin/sh\n")
    (tmp_path / "etcd").chmod(0o755)
    assert go_tools.take_ready_programs([ETCD], tmp_path / "bin") == [ETCD]


@pytest.mark.parametrize(
    ("changed", "anew"), [("go.mod", True), ("go.sum", True), ("main.go", True), ("README.md", False)]
)
def test_a_build_is_known_by_its_pins_and_its_source(changed: str, anew: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A baseline that was changed must not be measured as it was before."""
    for name in ("go.mod", "go.sum", "main.go", "README.md"):
        (tmp_path / name).write_text("before")
    before = go_tools.key(tmp_path)
    (tmp_path / changed).write_text("after")
    assert (go_tools.key(tmp_path) != before) == anew
