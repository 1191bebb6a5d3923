"""The hooks before a commit run what `make check` runs, and nothing that would have to be fetched."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_hooks_are_the_parts_of_make_check() -> None:
    """Whoever commits and whoever runs `make check` hear the same."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (parts,) = re.findall(r"^check: \$\(READY\) ([a-z ]+) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == [f"make -s {part}" for part in parts.split()]
    assert all(hook["language"] == "system" and hook["always_run"] for hook in repository["hooks"])
