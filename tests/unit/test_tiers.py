"""The runner of all tests, tried on tiny trees of tests with a real pytest."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import tiers
from tests.cluster import binaries, packages, patience, processes

PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert False\n"
SKIPS = "import pytest\n\n@pytest.mark.skip(reason='not here')\ndef test_skips(): pass\n"
BREAKS_AT_THE_END = """
import pytest

@pytest.fixture
def resource():
    yield
    raise RuntimeError("not cleaned up")

def test_passes(resource): pass
"""
FAILS_TWICE = BREAKS_AT_THE_END.replace("pass", "assert False")
CANNOT_BE_IMPORTED = "import no_such_module_anywhere\n"
ENDS_PYTEST = "import os\n\ndef test_crashes(): os._exit(3)\n"
HANGS = "import time\n\ndef test_hangs(): time.sleep(60)\n"
NOTHING = "x = 1\n"
WAITS_IN_VAIN = """
from collections.abc import Mapping
from pathlib import Path

def test_waits():
    first = not Path("waited").exists()
    Path("waited").touch()
    if first:
        raise TimeoutError("waited 60 s for a pod; last answer: None")
"""
ALWAYS_WAITS_IN_VAIN = "def test_waits(): raise TimeoutError('waited 60 s for a pod; last answer: None')\n"
HOLDS_A_WORKER = """
import os, pathlib, time

def test_holds_its_worker():
    pathlib.Path("worker.pid").write_text(str(os.getpid()))
    time.sleep(600)
"""

ONE = tiers.Tier(name="one", folders=("tests/one",))


def plant(root: Path, **folders: str) -> Path:
    """A tree with one test file in each folder; `pytest.ini` keeps pytest from looking above it."""
    (root / "pytest.ini").write_text("[pytest]\n")
    for folder, content in folders.items():
        (root / "tests" / folder).mkdir(parents=True)
        (root / "tests" / folder / f"test_{folder}.py").write_text(content)
    return root


# What the one tier holds, whether every tier must run, the exit code, and the last line.
CASES = {
    "a test that passes": (PASSES, False, 0, "1 passed, 0 failed, 0 skipped"),
    "a test that passes, in CI": (PASSES, True, 0, "1 passed, 0 failed, 0 skipped"),
    "a test that fails": (PASSES + FAILS, False, 1, "1 passed, 1 failed, 0 skipped"),
    "a skipped test beside one that ran": (PASSES + SKIPS, False, 0, "1 passed, 0 failed, 1 skipped"),
    "a skipped test, in CI": (PASSES + SKIPS, True, 1, "1 passed, 1 failed, 1 skipped"),
    "a test that fails in its teardown": (BREAKS_AT_THE_END, False, 1, "0 passed, 1 failed, 0 skipped"),
    "a test that fails twice": (FAILS_TWICE, False, 1, "0 passed, 1 failed, 0 skipped"),
    "a file that cannot be imported": (CANNOT_BE_IMPORTED, False, 1, "0 passed, 1 failed, 0 skipped"),
    "a test that ends pytest": (ENDS_PYTEST, False, 1, "0 passed, 1 failed, 0 skipped"),
    "a folder without a test": (NOTHING, False, 1, "0 passed, 1 failed, 0 skipped"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_tier(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    """The exit code and the last line tell what happened."""
    content, every_tier, code, last_line = CASES[name]
    assert tiers.run([ONE], plant(tmp_path, one=content), every_tier=every_tier) == code
    assert capfd.readouterr().out.splitlines()[-1] == last_line


def test_a_tier_that_cannot_run_says_why(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The others run, and the account names what did not."""
    two = tiers.Tier(name="two", folders=("tests/two",), missing=lambda: "there is no Go")
    assert tiers.run([ONE, two], plant(tmp_path, one=PASSES, two=FAILS)) == 0
    shown = capfd.readouterr().out
    assert "two       there is no Go" in shown
    assert shown.endswith("1 passed, 0 failed, 0 skipped\n")


def test_the_cluster_cannot_run_without_what_monitors_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packs' tests would fail one by one."""

    def refuse(wanted: Mapping[str, str]) -> None:
        raise packages.InstallationFailed(f"no {', '.join(wanted)}")

    (cluster,) = [tier for tier in tiers.TIERS if tier.name == "cluster"]
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(binaries, "ensure", lambda: None)
    monkeypatch.setattr(packages, "ensure", refuse)
    assert cluster.missing().endswith("no prometheus, prometheus-alertmanager")
    monkeypatch.setattr(packages, "ensure", lambda _wanted: None)
    assert cluster.missing() == ""


def test_a_tier_that_cannot_run_is_a_failure_in_ci(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Otherwise CI would be green without the tests that matter most."""
    two = tiers.Tier(name="two", folders=("tests/two",), missing=lambda: "there is no Go")
    assert tiers.run([ONE, two], plant(tmp_path, one=PASSES, two=PASSES), every_tier=True) == 1
    assert "FAILED: two did not run: there is no Go" in capfd.readouterr().out


def test_a_tier_without_its_folders_is_a_failure_in_ci(tmp_path: Path) -> None:
    """A renamed folder does not silence its tests."""
    gone = tiers.Tier(name="gone", folders=("tests/gone",))
    assert tiers.run([ONE, gone], plant(tmp_path, one=PASSES), every_tier=True) == 1


def test_nothing_at_all_is_a_failure(tmp_path: Path) -> None:
    """No folder, no test, no success."""
    assert tiers.run([ONE], plant(tmp_path)) == 1


def test_a_folder_of_tests_in_no_tier_is_a_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Tests that nobody runs are found."""
    assert tiers.run([ONE], plant(tmp_path, one=PASSES, forgotten=PASSES)) == 1
    assert "tests/forgotten holds tests and belongs to no tier" in capfd.readouterr().out


def test_one_folder_of_a_tier_may_be_missing(tmp_path: Path) -> None:
    """Folders that later work will add are named already."""
    both = tiers.Tier(name="both", folders=("tests/one", "tests/later"))
    assert tiers.run([both], plant(tmp_path, one=PASSES), every_tier=True) == 0


def test_a_tier_that_hangs_is_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """CI ends with words instead of its own time limit."""
    hanging = tiers.Tier(name="one", folders=("tests/one",), minutes=0.05)
    assert tiers.run([hanging], plant(tmp_path, one=HANGS)) == 1
    assert "it hangs" in capfd.readouterr().out


def test_no_worker_outlives_a_runner_that_is_ended(tmp_path: Path) -> None:
    """A CI that gives up sends SIGTERM to the runner alone; what it has started must not go on without it."""
    root = plant(tmp_path, one=HOLDS_A_WORKER)
    script = (
        "import pathlib, sys; from tests import tiers\n"
        "wide = tiers.Tier(name='wide', folders=('tests/one',), parallel=True)\n"
        f"sys.exit(tiers.main([wide, wide], pathlib.Path({str(root)!r})))"
    )
    runner = subprocess.Popen([sys.executable, "-c", script], cwd=tiers.ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    written = root / "worker.pid"
    worker = patience.until(
        "a worker to begin", lambda: int(written.read_text()) if _has_content(written) else None, seconds=60
    )
    runner.send_signal(signal.SIGTERM)
    shown, _ = runner.communicate(timeout=60)
    assert runner.returncode == 1
    assert "wide      interrupted" in shown, "the tier after it is not begun"
    patience.until("the worker to end", lambda: not processes.is_alive(worker), seconds=20)


def _has_content(path: Path) -> bool:
    return path.exists() and bool(path.read_text())


def test_several_processes_count_alike(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With xdist every test is counted once."""
    wide = tiers.Tier(name="wide", folders=("tests/one", "tests/two"), parallel=True)
    assert tiers.run([wide], plant(tmp_path, one=PASSES + SKIPS, two=PASSES + FAILS)) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "2 passed, 1 failed, 1 skipped"


# What the tier holds, how many of its tests may wait in vain, the last line, and whether a test was run once more.
IN_VAIN = {
    "a test that waits in vain once": (WAITS_IN_VAIN, 1, "1 passed, 0 failed, 0 skipped", True),
    "a test that waits in vain again": (ALWAYS_WAITS_IN_VAIN, 1, "0 passed, 1 failed, 0 skipped", True),
    "more tests than may": (WAITS_IN_VAIN, 0, "0 passed, 1 failed, 0 skipped", False),
    "beside a wrong answer": (WAITS_IN_VAIN + FAILS, 2, "0 passed, 2 failed, 0 skipped", False),
    "a wrong answer": (FAILS, 1, "0 passed, 1 failed, 0 skipped", False),
}


@pytest.mark.parametrize("name", IN_VAIN)
def test_only_what_waited_in_vain_is_run_once_more(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """And the account names it."""
    content, second_tries, last_line, again = IN_VAIN[name]
    tier = tiers.Tier(name="one", folders=("tests/one",), second_tries=second_tries)
    tiers.run([tier], plant(tmp_path, one=content))
    shown = capfd.readouterr().out
    assert shown.splitlines()[-1] == last_line
    assert ("waited in vain at first, and was run once more: tests/one/test_one.py::test_waits" in shown) == again


def test_every_folder_of_tests_is_in_a_tier() -> None:
    """Of this repository, too."""
    assert tiers._unlisted(tiers.TIERS, tiers.ROOT) == []  # noqa: SLF001 - the rule itself
