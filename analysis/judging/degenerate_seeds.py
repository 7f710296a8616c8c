"""Which seeds of a run have degenerate pictures, whatever the run measures: by its pictures, drawn or imported."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.analysis.select.degenerate import degenerate
from seedscope.analysis.select.picture_set import PictureSet, picture_set, sketch

PROMPTS = 64
SEEDS = 33


class DegenerateSeeds:
    """Seeds -> those with degenerate pictures, each with what is wrong, such as "their contrast is 0.0, ...".

    Each is compared with at most 32 others of the run, evenly spaced, on the same at most 64 prompts, evenly spaced: what is
    said of a seed depends on no other that is asked for. What was seen is kept, for a rule that chooses again.

    Raises:
        CorruptShard: a shard is damaged.
    """

    def __init__(self, run: Run) -> None:
        self._pictures = RunPictures(run.images, run.units)
        self._prompts = evenly([prompt.id for prompt in run.wanted.prompts], PROMPTS)
        self._compared = evenly(sorted(run.wanted.seeds), SEEDS)
        self._seen = lru_cache(None)(self._look)

    def __call__(self, seeds: Iterable[int]) -> dict[int, str]:
        found = {}
        for seed in seeds:
            others = [other for other in self._compared if other != seed][: SEEDS - 1]
            gap = degenerate(self._seen(seed), [self._seen(other) for other in others])
            if gap is not None:
                found[seed] = gap.reason()
        return found

    def _look(self, seed: int) -> PictureSet:
        pictures = (self._pictures(seed, prompt) for prompt in self._prompts)
        return picture_set([sketch(picture) for picture in pictures if picture is not None])


def degenerate_seeds(run: Run, seeds: Iterable[int]) -> dict[int, str]:
    """Of these seeds of a run, those with degenerate pictures, each with what is wrong; see `DegenerateSeeds`."""
    return DegenerateSeeds(run)(seeds)
