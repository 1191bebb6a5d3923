"""Images without a builder: docker archives, written as the tar files that they are."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_BUSYBOX = Path("/bin/busybox")  # Debian's is linked statically: a whole userland in one file

Fill = Callable[[tarfile.TarFile], None]


def busybox(
    archive: Path, name: str, *, entrypoint: Sequence[str] = (), files: Mapping[str, Path] | None = None, **env: str
) -> Path:
    """An image with all of busybox's commands, and with directories of programs by where they go."""

    def fill(layer: tarfile.TarFile) -> None:
        _add_busybox(layer)
        for place, directory in (files or {}).items():
            layer.add(directory, place, filter=_owned_by_root)

    variables = [f"{key}={value}" for key, value in {"PATH": "/bin", **env}.items()]
    # A shell that is the first process of its container hears no other signal.
    settings = {"Entrypoint": list(entrypoint) or None, "Env": variables, "StopSignal": "SIGKILL"}
    return write(archive, name, fill, settings)


def write(archive: Path, name: str, fill: Fill, settings: dict[str, Any]) -> Path:
    """An image of one layer; `settings` is its `config`."""
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as inner:
        fill(inner)
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "tests/e2e/images.py"}],
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as outer:
        add_file(outer, "config.json", json.dumps(configuration).encode())
        outer.add(layer, "layer.tar")
        add_file(outer, "manifest.json", json.dumps(manifest).encode())
    layer.unlink()
    return archive


def add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """A file of root's with this content."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def add_directory(archive: tarfile.TarFile, name: str, mode: int = 0o755) -> None:
    """An empty directory of root's."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    """A symbolic link."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    archive.addfile(entry)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.mode = 0o755
    return entry


def _add_busybox(archive: tarfile.TarFile) -> None:
    for directory in ("bin", "etc", "proc", "sys", "dev"):
        add_directory(archive, directory)
    add_directory(archive, "tmp", 0o1777)
    add_file(archive, "bin/busybox", _BUSYBOX.read_bytes(), 0o755)
    commands = subprocess.run([_BUSYBOX, "--list"], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    for command in commands.stdout.split():
        if command != "busybox":
            add_link(archive, f"bin/{command}", "busybox")
