"""What a command must not import: libraries take most of the time until it answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_THE_OPERATOR = ("kopf", "prometheus_client", "aiohttp.web", "platelet.shell.run")
OF_A_CLUSTER = ("kubernetes", "aiohttp", "requests", *OF_THE_OPERATOR)
OF_THE_CONTRACT = ("pydantic", "msgspec", "cel_expr_python", *OF_A_CLUSTER)
MAY_NOT_IMPORT = {
    "platelet --version": (("--version",), OF_THE_CONTRACT),
    "platelet lint, which reads files alone": (("lint", "README.md"), OF_A_CLUSTER),
    "platelet get --help": (("get", "--help"), OF_A_CLUSTER),
    "platelet explain --help": (("explain", "--help"), OF_A_CLUSTER),
    "platelet run --help": (("run", "--help"), OF_A_CLUSTER),
    "the help of all commands": (("--help",), OF_A_CLUSTER),
    "platelet run by hand": (("run", "heal", "deployment/api", "--kubeconfig", "/dev/null"), OF_THE_OPERATOR),
    "platelet get": (("get", "--kubeconfig", "/dev/null"), OF_THE_OPERATOR),
    "platelet doctor": (("doctor", "--kubeconfig", "/dev/null"), OF_THE_OPERATOR),
}
SCRIPT = """
import contextlib, io, sys
from platelet.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    try:
        main(sys.argv[2:])
    except SystemExit:
        pass
print(*[name for name in sys.argv[1].split() if name in sys.modules])
"""


@pytest.mark.parametrize(("arguments", "forbidden"), MAY_NOT_IMPORT.values(), ids=MAY_NOT_IMPORT)
def test_a_command_imports_no_more_than_serves_it(arguments: tuple[str, ...], forbidden: tuple[str, ...]) -> None:
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", SCRIPT, " ".join(forbidden), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ran.stdout.split() == []
