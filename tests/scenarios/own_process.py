"""Tests of a toy, in a process of its own: the lists that it adds itself to are read when the package is imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def assert_passes(toy: str) -> None:
    """Run the module of this name beside this one as tests, with itself as the plugin that is imported first."""
    path, plugin = Path(__file__).with_name(f"{toy}.py"), f"tests.scenarios.{toy}"
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-p", plugin, str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
