"""Manifests as people keep them in files: YAML or JSON, several to a file, lists among them; each with its place."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from platelet.api.readers import lenient

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object as written, and where it begins."""

    place: str  # FILE:LINE
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        """What it says of its kind."""
        return lenient.text(self.content.get("kind"))


class UnreadableFileError(Exception):
    """A file is not there, or is not YAML; the message has its name and where it goes wrong."""


class _Loader(yaml.SafeLoader):
    """Reads what Kubernetes reads: a time is text, and a key that stands twice is a fault."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the library's
        """Refuse a second key of one name, of which all but one would be lost."""
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is no word: is this a template of Helm?", key_node.start_mark
                )
            if key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice in one mapping", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def find_files(names: list[str]) -> list[str]:
    """The files that are meant: a folder stands for its YAML and JSON files, at any depth; `-` for standard input.

    Raises UnreadableFileError.
    """
    files = []
    for name in names:
        path = Path(name)
        if name != "-" and path.is_dir():
            inside = sorted(str(file) for file in path.rglob("*") if file.suffix in _SUFFIXES)
            if not inside:
                raise UnreadableFileError(f"the folder {name} has no YAML or JSON file: name the one that has")
            files += inside
        elif name == "-" or path.exists():  # a pipe is none of is_file's, as in lint <(kubectl kustomize .)
            files.append(name)
        else:
            raise UnreadableFileError(f"there is no file {name}")
    return files


def read(name: str) -> list[Manifest]:
    """Read all objects of a file. Raises UnreadableFileError."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return list(_read(name, text))
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"{name}: {error}") from None
    except RecursionError:
        raise UnreadableFileError(f"{name}: it is nested too deep to be read") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        raise UnreadableFileError(f"{where}: this is not YAML: {getattr(error, 'problem', None) or error}") from None


def _read(name: str, text: str) -> Iterator[Manifest]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            content = loader.construct_document(node) if node is not None else None
            if node is None or content is None:
                continue  # nothing but comments between two separators
            place = f"{name}:{node.start_mark.line + 1}"
            if not isinstance(content, dict):
                raise UnreadableFileError(f"{place}: this is no object of Kubernetes")
            yield from (Manifest(place=place, content=item) for item in _items(content))
    finally:
        loader.dispose()


def _items(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a List, or the object itself."""
    items = content.get("items")
    if lenient.text(content.get("kind")).endswith("List") and isinstance(items, list):
        return [item for item in items if isinstance(item, dict)]
    return [content]
