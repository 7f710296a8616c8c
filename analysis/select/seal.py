"""A digest over the content of a golden list, by which an edited or damaged one is told."""

from __future__ import annotations

import hashlib
import json

from pydantic import JsonValue

KEY = "sha256"
_TOLD = ("torch", "diffusers")  # versions in the noise contract: told, not compared


def seal(content: dict[str, JsonValue]) -> str:
    """sha256 (hex) over what a list says, in whatever way its JSON is laid out.

    The versions of libraries are left out, and so is the key under which the digest itself stands.
    """
    said = {key: value for key, value in content.items() if key != KEY}
    noise = said.get("noise")
    if isinstance(noise, dict):
        said["noise"] = {key: value for key, value in noise.items() if key not in _TOLD}
    return hashlib.sha256(json.dumps(_plain_numbers(said), sort_keys=True).encode()).hexdigest()


def _plain_numbers(value: JsonValue) -> JsonValue:
    """Whole numbers as integers: programs that rewrite JSON turn 5.0 into 5."""
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
