"""All that is generated from the code, written into a checkout: `python -m platelet.cli.generated .` (`make crds`)."""

import sys
from pathlib import Path

from platelet.api.generation import crds, guards_table, rights
from platelet.cli import reference


def build() -> dict[str, str]:
    """Generate all files that are generated as a whole: path from the repository's root -> text."""
    resources = {f"crds/{name}": text for name, text in crds.build_folder().items()}
    return {**resources, **rights.build(), "docs/guards.md": guards_table.build_guards_table()}


def write(root: Path) -> None:
    """Write them, and replace what follows the mark in docs/cli.md."""
    for name, text in build().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    commands = root / "docs" / "cli.md"
    kept = commands.read_text(encoding="utf-8").partition(reference.MARK)[0]
    commands.write_text(f"{kept}{reference.MARK}{reference.render()}", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
