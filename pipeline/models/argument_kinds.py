"""What kind of value an argument of a stock pipeline's call takes, as its signature says."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any, Final, Union, get_args, get_origin

from seedscope.pipeline.study.strict import Json

_WORDS: Final[dict[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "settings by name",
}
_LISTS: Final = (list, tuple)


def other_than_taken(value: Json, parameter: inspect.Parameter) -> str:
    """What an argument takes, in words, where that is another kind of value than this; empty where it is not, or not known.

    diffusers' annotations leave null out of lists and settings that may be so.
    """
    kinds = [kind for kind in _kinds(parameter) if (get_origin(kind) or kind) in (*_WORDS, *_LISTS, type(None))]
    if not kinds or (value is None and parameter.default is None) or any(_is(value, kind) for kind in kinds):
        return ""
    words = (_WORDS.get(get_origin(kind) or kind, _WORDS[list]) for kind in kinds if kind is not type(None))
    return " or ".join(dict.fromkeys(words))


def _kinds(parameter: inspect.Parameter) -> Iterator[Any]:
    """The types of an annotation; of none, or one that is not evaluated, that of the default."""
    kind = parameter.annotation
    if kind is parameter.empty or isinstance(kind, str):
        yield type(parameter.default)
    elif get_origin(kind) in (Union, types.UnionType):
        yield from get_args(kind)
    else:
        yield kind


def _is(value: Json, kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if origin in _LISTS:
        items = [each for each in get_args(kind) if each is not Ellipsis]
        known = all(each in _WORDS for each in items)
        # Of times annotations say whole numbers, and schedulers take any.
        wanted = [float if each is int else each for each in items] if known else []
        return value is None or (
            isinstance(value, list) and all(not wanted or any(_is(item, each) for each in wanted) for item in value)
        )
    if origin is dict:
        return value is None or isinstance(value, dict)
    if origin is float or origin is int:
        return isinstance(value, (int, float) if origin is float else int) and not isinstance(value, bool)
    return isinstance(value, origin)
