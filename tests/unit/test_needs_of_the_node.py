"""Where real containers cannot run, the tier says why, and installs nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster import packages
from tests.e2e import needs

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


def test_a_package_that_cannot_be_installed_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the installer's words."""

    def fail(_wanted: Mapping[str, str]) -> None:
        raise packages.InstallationFailed("apt-get ended with 100: no such package")

    path = tmp_path / "os-release"
    path.write_text(DEBIAN)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(needs, "_RELEASE", path)
    monkeypatch.setattr(packages, "ensure", fail)
    assert needs.missing() == "no node: apt-get ended with 100: no such package"
