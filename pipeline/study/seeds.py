"""Seeds as a study names them: `"0-31"`, `7`, or a list of such; in Python also ranges and arrays."""

import re
import reprlib
from collections.abc import Iterator
from numbers import Integral

import numpy as np

LARGEST_SEED = 2**63 - 1
MOST_SEEDS = 2_000_000


def seed_list(value: object) -> list[int]:
    """Every seed, in the order given.

    Raises:
        ValueError: what is no seed or range, is outside 0 .. 2^63-1, is named twice, or draws the noise of another.
    """
    ranges = list(_ranges(list(value) if isinstance(value, list | tuple | np.ndarray) else [value]))
    if (count := sum(map(len, ranges))) > MOST_SEEDS:
        raise ValueError(f"the ranges hold {count:,} seeds; a study has at most {MOST_SEEDS:,}")
    seeds = [seed for each in ranges for seed in each]
    drawn = np.array(seeds, np.int64)
    if twice := _first_twice(drawn):
        raise ValueError(f"seed {drawn[twice]} is named twice")
    if _first_twice(drawn % 2**32):
        raise ValueError("two of the seeds agree in their low 32 bits; torch draws the same noise for both")
    return seeds


def _first_twice(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
    """Place of the first value that stands further on in front of an equal one, from 1 on; 0 where all differ."""
    order = np.argsort(values, kind="stable")
    again = order[1:][np.diff(values[order]) == 0]
    return int(again.min()) if len(again) else 0


def _ranges(items: list[object]) -> Iterator[range]:
    for item in items:
        if isinstance(item, Integral) and not isinstance(item, bool):
            yield _within(range(int(item), int(item) + 1))
        elif isinstance(item, range) and item:
            yield _within(item)
        elif isinstance(item, str) and (match := re.fullmatch(r"\s*([0-9]{1,30})(?:\s*-\s*([0-9]{1,30}))?\s*", item)):
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise ValueError(f"the range {item!r} runs backwards")
            if last - first >= MOST_SEEDS:
                raise ValueError(
                    f"the range {item!r} holds {last - first + 1:,} seeds; a study has at most {MOST_SEEDS:,}"
                )
            yield _within(range(first, last + 1))
        elif isinstance(item, dict):
            raise ValueError(
                "a seed is a whole number; a variation is for all seeds, by the key noise: {variation: ...}"
            )
        else:
            raise ValueError(f"{reprlib.repr(item)} is neither a whole number nor a range such as '0-31'")


def _within(seeds: range) -> range:
    for seed in (seeds[0], seeds[-1]):
        if not 0 <= seed <= LARGEST_SEED:
            shown = seed if abs(seed) < 10**40 else "of more than 40 digits"
            raise ValueError(f"seed {shown} is outside 0 .. 2^63-1")
    return seeds
