"""Where real containers cannot run, the tier says why, and installs nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster import packages
from tests.e2e import control_groups, needs

DEBIAN, ALPINE = "ID=debian\n", "ID=alpine\nID_LIKE=debian-not\n"
ELSEWHERE = {
    "another system": (("darwin", DEBIAN, 0), "this is darwin"),
    "another Linux": (("linux", ALPINE, 0), "this Linux is not Debian"),
    "a Linux that does not say which": (("linux", "", 0), "this Linux is not Debian"),
    "a user without rights": (("linux", DEBIAN, 1000), "this user is not root"),
}


@pytest.mark.parametrize(("machine", "words"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_elsewhere_it_says_why_there_is_no_node(
    machine: tuple[str, str, int], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is needed instead."""
    platform, release, user = machine
    path = tmp_path / "os-release"
    if release:
        path.write_text(release)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr(needs, "_RELEASE", path)
    monkeypatch.setattr(packages, "ensure", lambda _wanted: pytest.fail("nothing may be installed"))
    assert needs.missing().startswith(words)
    assert "Debian's packages" in needs.missing()


def test_a_machine_without_control_groups_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubelet could hold pods to their limits there."""
    be_debian(monkeypatch, tmp_path)
    monkeypatch.setattr(control_groups, "_TOP", tmp_path / "cgroup")
    assert needs.missing() == f"no node: there are no control groups at {tmp_path / 'cgroup'}"
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "cgroup" / "cgroup.procs").touch()  # of a tree that is not the kernel's
    (tmp_path / "cgroup" / "cgroup.controllers").write_text("cpu memory")
    (tmp_path / "cgroup" / "cgroup.subtree_control").mkdir()
    assert needs.missing().startswith("no node: root may make no control groups: ")


def be_debian(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Where root runs the tests, and nothing may be installed."""
    path = directory / "os-release"
    path.write_text(DEBIAN)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(needs, "_RELEASE", path)
    monkeypatch.setattr(packages, "ensure", lambda _wanted: pytest.fail("nothing may be installed"))


def test_a_package_that_cannot_be_installed_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the installer's words."""

    def fail(_wanted: Mapping[str, str]) -> None:
        raise packages.InstallationFailed("apt-get ended with 100: no such package")

    be_debian(monkeypatch, tmp_path)
    monkeypatch.setattr(control_groups, "missing", lambda: "")
    monkeypatch.setattr(packages, "ensure", fail)
    assert needs.missing() == "no node: apt-get ended with 100: no such package"
