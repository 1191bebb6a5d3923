"""JSON Schema of a dataclass with what its source says: descriptions from comments, defaults as users write them.

A field's description is its Field(description=...), else the comment on its line in the source: one text for the
reader of the code and for `kubectl explain`. A type's description is its docstring.
"""

import dataclasses
import inspect
import itertools
import re
import tokenize
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

_ABSENT: tuple[Any, ...] = (None, "", (), [], {})
_POINTER = re.compile(r" \((DESIGN|TRAPS) [^)]*\)")


class DocumentedSchema(GenerateJsonSchema):
    """pydantic's own generator, with descriptions and defaults added."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Add to each property what its field in the source says."""
        written = super().dataclass_schema(schema)
        fields = {field.name: field for field in dataclasses.fields(schema["cls"])}
        types = get_type_hints(schema["cls"], include_extras=True)
        comments = _comments(schema["cls"])
        properties = written.get("properties", {})
        aliases = dict(_aliases(schema["schema"]))
        for name, alias in aliases.items():
            described = properties[alias]
            comment = described.get("description") or comments.get(name)
            if comment:
                described["description"] = _for_users(comment, aliases)
            described.pop("default", None)
            default = _default(fields[name], types[name])
            if default not in _ABSENT:
                described["default"] = default
        written["description"] = _for_users(written.get("description", ""), aliases)
        return written


def _default(field: dataclasses.Field[Any], kind: Any) -> Any:
    """Write a field's default as it stands in YAML: `10m`, camelCase, without what is absent."""
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    elif field.default is not dataclasses.MISSING:
        value = field.default
    else:
        return None
    if value in _ABSENT:
        return None
    written = TypeAdapter(kind).dump_python(value, mode="json", by_alias=True, exclude_none=True)
    if dataclasses.is_dataclass(value):
        return {key: entry for key, entry in written.items() if entry not in _ABSENT}
    return written


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
    comments: dict[str, str] = {}
    name = ""
    tokens = list(tokenize.generate_tokens(StringIO(source).readline))
    for token, following in itertools.pairwise(tokens):
        if token.type == tokenize.NAME and following.string == ":" and token.start[1] == 4:  # noqa: PLR2004 - a field's indent
            name = token.string
        if token.type == tokenize.COMMENT and name and not token.string.startswith("# noqa"):
            comments.setdefault(name, _sentence(token.string))
    return comments


def _for_users(text: str, aliases: Mapping[str, str]) -> str:
    """Say it to readers of `kubectl explain`: fields as they are written in YAML, no pointers into our documents."""
    for name, alias in aliases.items():
        text = text.replace(f"`{name}`", f"`{alias}`")
    return _POINTER.sub("", text)


def _sentence(comment: str) -> str:
    text = comment.removeprefix("#").strip()
    begins_with_a_word = re.match(r"[a-z]+\b", text) is not None  # and not with the name of a field
    return f"{text[:1].upper() if begins_with_a_word else text[:1]}{text[1:]}".removesuffix(".") + "."
