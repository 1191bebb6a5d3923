"""JSON Schema of a dataclass with what its source says: descriptions from comments, defaults as users write them.

A field's description is its Field(description=...), else the comment on its line in the source: one text for the
reader of the code and for `kubectl explain`. A type's description is its docstring.
"""

import dataclasses
import inspect
import io
import itertools
import re
import tokenize
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from platelet.model import durations

_POINTER = re.compile(r" \((DESIGN|TRAPS) [^)]*\)")


class DocumentedSchema(GenerateJsonSchema):
    """pydantic's own generator, with descriptions and defaults added."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Add to each property what its field in the source says."""
        written = super().dataclass_schema(schema)
        fields = {field.name: field for field in dataclasses.fields(schema["cls"])}
        comments = _comments(schema["cls"])
        properties = written.get("properties", {})
        aliases = dict(_aliases(schema["schema"]))
        for name, alias in aliases.items():
            described = properties[alias]
            described.setdefault("description", comments.get(name, ""))
            described["description"] = _for_users(described["description"], aliases)
            described.pop("default", None)
            default = _default(fields[name])
            if default is not None:
                described["default"] = written_value(default)
        written["description"] = _for_users(written.get("description", ""), aliases)
        return written


def written_value(value: Any) -> Any:
    """Write a default as it stands in YAML: `10m`, camelCase, without what is absent."""
    written = TypeAdapter(type(value)).dump_python(value, mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, timedelta):
        return durations.format_duration(value)
    if dataclasses.is_dataclass(value):
        return {key: entry for key, entry in written.items() if entry not in ("", [], {})}
    return written


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _aliases(schema: Any) -> Iterator[tuple[str, str]]:
    """Find the dataclass's fields below its validators: name and alias."""
    while "fields" not in schema:
        schema = schema["schema"]
    for field in schema["fields"]:
        yield field["name"], field.get("serialization_alias", field["name"])


def _comments(cls: type[Any]) -> dict[str, str]:
    """Find the comment on the line of each field; none for a class that was composed at run time."""
    try:
        source = inspect.cleandoc("\n" + inspect.getsource(cls))
    except (OSError, TypeError):
        return {}
    found: dict[str, str] = {}
    name = ""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, following in itertools.pairwise(tokens):
        if token.type == tokenize.NAME and following.string == ":" and token.start[1] == 4:  # noqa: PLR2004 - a field's indent
            name = token.string
        if token.type == tokenize.COMMENT and name and not token.string.startswith("# noqa"):
            found.setdefault(name, _sentence(token.string))
    return found


def _for_users(text: str, aliases: Mapping[str, str]) -> str:
    """Say it to readers of `kubectl explain`: fields as they are written in YAML, no pointers into our documents."""
    for name, alias in aliases.items():
        text = text.replace(f"`{name}`", f"`{alias}`")
    return _POINTER.sub("", text)


def _sentence(comment: str) -> str:
    text = comment.removeprefix("#").strip()
    return f"{text[:1].upper()}{text[1:]}".removesuffix(".") + "."
