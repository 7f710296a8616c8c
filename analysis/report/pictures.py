"""The pictures at their full size, in files beside the pages: as they are in the run's shards, without loss.

Their bytes are copied as they are, mostly lossless WebP, which every browser shows: nothing is decoded or encoded for them,
and a saved picture is the very one that was measured. They are most of a report's bytes, so that a large run has only some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedscope.analysis.report.data import ReportData
from seedscope.analysis.report.first_look import first_look
from seedscope.pipeline import images

Encoded = Callable[[int, str], bytes | None]

MOST_PICTURES = 1_000
"""Pictures that are written at their full size where nothing else is asked for."""
MOST_STRIPS = 8
"""Of the best and of the worst seeds, whose pictures the main page shows."""
MOST_DIVERSE = 5
_ENDINGS = ((b"RIFF", ".webp"), (b"\x89PNG", ".png"))


@dataclass(frozen=True)
class FullPictures:
    """encoded: (seed, prompt id) -> a picture's bytes in the run, or None. wanted: seed -> places among all prompts."""

    encoded: Encoded
    wanted: Mapping[int, frozenset[int]]

    def write(self, seed: int, place: int, prompt: str, folder: Path) -> str | None:
        """Write a picture below `folder`, if it is wanted; return the ending of its file."""
        if place not in self.wanted.get(seed, ()) or (data := self.encoded(seed, prompt)) is None:
            return None
        ending = next((ending for start, ending in _ENDINGS if data.startswith(start)), None)
        if ending is None:  # a table that others wrote may hold any format
            data, ending = images.encode(images.decode(data)), ".webp"
        path = folder / f"{full_path(seed, place)}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return ending


def full_path(seed: int, place: int) -> str:
    """Without its ending."""
    return f"pictures/{seed:06d}/{place:04d}"


def wanted_pictures(data: ReportData, seeds: Sequence[int], most: int | None) -> dict[int, frozenset[int]]:
    """Which pictures to write, `most` of them at most, None for all: first those that the main page shows, then all prompts of
    these seeds, then seed by seed as they are ranked."""
    chosen: dict[int, set[int]] = {}
    left = len(seeds) * len(data.prompts) if most is None else most
    for seed, place in _in_order(data, seeds):
        if left <= 0:
            break
        if place not in (of_seed := chosen.setdefault(seed, set())):
            of_seed.add(place)
            left -= 1
    return {seed: frozenset(places) for seed, places in chosen.items()}


def _in_order(data: ReportData, seeds: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = seeds_shown(data)
    yield from ((seed, data.places[prompt]) for seed in first for prompt in data.shown)
    for seed in dict.fromkeys([*first, *data.ranked, *seeds]):
        yield from ((seed, place) for place in data.places.values())


def seeds_shown(data: ReportData) -> list[int]:
    """The seeds of which the main page shows pictures."""
    found = [seed for row in first_look(data).rows for seed in row.seeds]
    found += [*data.ranked[:MOST_STRIPS], *data.ranked[-MOST_STRIPS:]]
    found += [seed for each in data.diverse for seed in each.seeds[:MOST_DIVERSE]]
    return list(dict.fromkeys(found))
