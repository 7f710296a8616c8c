"""The reference of study files, from their JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

HEAD = """# Study file

Every key of a study, from the JSON schema that `seedscope schema` prints. Unknown keys are refused, with the nearest that is
known. Paths are relative to the study file.
"""
Schema = Mapping[str, Any]


def page() -> str:
    """The page as Markdown: the keys of a study, then those of each part of it."""
    from seedscope.pipeline.study.schema import Study

    schema = Study.model_json_schema()
    parts = {name: part for name, part in schema["$defs"].items() if part.get("type") == "object"}
    found = [HEAD, "## Study\n", *_keys(schema, parts)]
    for name, part in parts.items():
        found += [f"## {name}\n", *_keys(part, parts)]
    return "\n".join(found)


def _keys(schema: Schema, parts: Mapping[str, Schema]) -> Iterator[str]:
    if said := schema.get("description"):
        yield f"{_line(said)}\n"
    needed = schema.get("required", [])
    yield "| key | type | default | meaning |\n| --- | --- | --- | --- |"
    for name, key in schema["properties"].items():
        default = "required" if name in needed else _default(key)
        yield f"| `{name}` | {_type(key, parts)} | {default} | {_line(key.get('description', ''))} |"
    yield ""


def _default(key: Schema) -> str:
    if "default" not in key or isinstance(key["default"], dict):
        return ""
    value = key["default"]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"`{', '.join(each['name'] for each in value)}`"
    return f"`{json.dumps(value)}`"


def _type(key: Schema, parts: Mapping[str, Schema]) -> str:
    """What may stand there, with links to the parts of a study."""
    if "$ref" in key:
        name = key["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})" if name in parts else "any value"
    if "const" in key:
        return f"`{json.dumps(key['const'])}`"
    if "enum" in key:
        return ", ".join(f"`{value}`" for value in key["enum"])
    for several in ("anyOf", "oneOf"):
        if several in key:
            return " or ".join(dict.fromkeys(_type(each, parts) for each in key[several]))
    kind = key.get("type", "any value")
    if kind == "array":
        return f"list of {_type(key.get('items', {}), parts)}"
    if kind == "object":
        inner = key.get("additionalProperties")
        return f"name: {_type(inner, parts)}" if isinstance(inner, dict) else "keys and values"
    return {"string": "text", "integer": "whole number", "boolean": "`true`, `false`", "null": "nothing"}.get(
        kind, str(kind)
    ) + _bounds(key)


def _bounds(key: Schema) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {key[bound]:g}" for bound, word in words.items() if bound in key)


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
