"""The formats of `-o`: lines for people, JSON and YAML for scripts, both with the same documented fields."""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

import yaml

from platelet.cli import terminal

Document = dict[str, Any]
_DOCUMENTS = ("json", "yaml")


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, which people and some tools stumble over."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def add_argument(parser: argparse._ActionsContainer, *, wide: bool = False) -> None:
    """Add `-o`; `wide` where there are columns to add."""
    choices = ("wide", *_DOCUMENTS) if wide else _DOCUMENTS
    parser.add_argument("-o", "--output", choices=choices, default="", help="default: text for people")


def write(options: argparse.Namespace, text: Iterable[str], document: Document) -> None:
    """Write the answer to standard output, in the format that was asked for."""
    if options.output in _DOCUMENTS:
        sys.stdout.write(render(options.output, document))
    else:
        terminal.write(text, sys.stdout)


def render(form: str, document: Document) -> str:
    """Write a document as `json` or `yaml`."""
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
