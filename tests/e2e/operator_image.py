"""The operator's image from what runs these tests: this interpreter, the locked packages, and operator/.

The Dockerfile says what an image must offer: `python -m platelet` as user 65532, which writes nothing at run time.
"""

import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from tests.e2e import images

_ROOT = Path(__file__).parents[2]
_HOME, _APP, _LIBRARIES = "python", "app", "python/lib"
_NEVER_IMPORTED = {"test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "dist-packages"}
_SETTINGS = {
    "Entrypoint": [f"/{_HOME}/bin/python", "-m", "platelet"],
    "User": "65532:65532",
    "Env": [
        f"PYTHONHOME=/{_HOME}",
        f"PYTHONPATH=/{_APP}",
        f"LD_LIBRARY_PATH=/{_LIBRARIES}",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONUNBUFFERED=1",
    ],
}


def write(archive: Path, name: str) -> Path:
    """The image as a docker archive."""
    return images.write(archive, name, _fill, _SETTINGS)


def _fill(layer: tarfile.TarFile) -> None:
    program = Path(sys.executable).resolve()
    binaries = [program]
    images.add_directory(layer, "tmp", 0o1777)
    _add(layer, program, f"{_HOME}/bin/python")
    library = Path(sysconfig.get_path("stdlib"))
    for target, file in (*_standard_library(library), *_packages(), *_operator()):
        _add(layer, file, target)
        if file.suffix == ".so":
            binaries.append(file)
    for target, file in _shared_libraries(binaries).items():
        _add(layer, file, target)


def _standard_library(library: Path) -> Iterator[tuple[str, Path]]:
    """With its caches, which could not be written later; without tests and windows."""
    for file in _files(library):
        inner = file.relative_to(library)
        unwanted = not _NEVER_IMPORTED.isdisjoint(inner.parts) or inner.parts[0].startswith("config-")
        if not unwanted and "_tkinter" not in file.name:
            yield f"{_LIBRARIES}/{library.name}/{inner}", file


def _packages() -> Iterator[tuple[str, Path]]:
    """The files of what requirements.txt names, as they are installed."""
    locked = re.findall(r"^([A-Za-z0-9._-]+)==", (_ROOT / "requirements.txt").read_text(), re.MULTILINE)
    for name in locked:
        for file in metadata.files(name) or []:
            path = Path(str(file.locate()))
            if ".." not in file.parts and path.is_file():
                yield f"{_APP}/{file}", path


def _operator() -> Iterator[tuple[str, Path]]:
    package = _ROOT / "operator"
    for file in _files(package / "platelet"):
        if file.suffix != ".pyc":
            yield f"{_APP}/{file.relative_to(package)}", file


def _shared_libraries(binaries: Iterable[Path]) -> dict[str, Path]:
    """What the dynamic linker would load for these, by its place in the image; the linker itself where it is sought."""
    printed = subprocess.run(["ldd", *binaries], stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603, S607
    libraries = {f"{_LIBRARIES}/{name}": Path(path) for name, path in re.findall(r"(\S+) => (/\S+) \(", printed)}
    linkers = re.findall(r"^\s+(/\S+) \(", printed, re.MULTILINE)
    return {**libraries, **{path.lstrip("/"): Path(path) for path in linkers}}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _add(layer: tarfile.TarFile, file: Path, target: str) -> None:
    """Readable by everybody, owned by root; the time stays, by which a cache is known to be fresh."""
    entry = layer.gettarinfo(file.resolve(), target)
    entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", file.stat().st_size  # a hard link is a file, too
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    with file.open("rb") as content:
        layer.addfile(entry, content)
