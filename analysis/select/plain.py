"""Settings as JSON holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath

from pydantic import JsonValue


def plain(value: object) -> JsonValue:
    """What JSON gives back for a setting: lists for tuples, sets and arrays, words for infinities, names for the rest.

    `-inf`, `inf` and `nan` become these words, for JSON has no such numbers. What is no data at all is named by its type: its
    own text may hold an address, another in each process.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    return _of_object(value)


def _of_object(value: object) -> JsonValue:
    as_list = getattr(value, "tolist", None)  # arrays, their scalars, tensors
    if callable(as_list):
        return plain(as_list())
    if type(value).__module__ == "torch" or isinstance(value, PurePath):  # dtypes, devices, paths
        return str(value)
    named = value if isinstance(value, type) or hasattr(value, "__qualname__") else type(value)
    return str(getattr(named, "__qualname__", type(value).__name__))
