"""Whether the pictures of two causes may lie in one run, and in what they differ."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from seedscope.pipeline.study.schema import Json


def changes(old: Json, new: Json, place: str = "") -> Iterator[str]:
    """Each value that differs: `place was this and is now that`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield f"{place} was {_short(old)} and is now {_short(new)}"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True)
class Agreement:
    """Whether the pictures of two causes may lie in one run.

    differences: recorded cause, and that of now -> in what their pictures differ; nothing: both may.
    naming: a cause -> the part of it that names tables.
    """

    differences: Callable[[Json, Json], Iterable[str]] = changes
    naming: Callable[[Json], Json] = lambda cause: cause


TO_THE_LETTER = Agreement()
