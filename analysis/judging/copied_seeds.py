"""Seeds that are copies of others: the same scores and the same pictures, so that they are no evidence of their own.

A folder that was imported twice, or a model that reads half of the bits of a seed, makes such seeds. Counted each for itself
they would pass for seeds that differ, and that keep their character from run to run. Of 8 unrelated seeds with four copies of
each, two runs seem to agree (p <= 2.5 %) in 18 %; of 6 such ones, seeds seem to differ (5 %) in 12 % of runs.

Scores tell which seeds to look at: they are read anyway, and may differ by what the place of a picture in a batch changes.
What a rare or a coarse measurement says is the same of many seeds, so that the pictures decide. These may differ as far as that
does not move the mean of any of their 64 parts by half a grey level: rounding of a picture that was drawn in another place of
a batch does not. A copy that was drawn in another number format, or on another machine, may pass for a seed of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.same_scores import near_columns, same_scores
from seedscope.analysis.seeds.scores.vectors import Grid as Vectors
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.study.plan import Unit

PROMPTS = 4
"""Of which the pictures of two seeds are compared."""
SIDE, NEAR = 8, 0.5
"""Parts of a picture in each direction, and grey levels within which the means of each are the same."""
NAMED = 5


def copied_seeds(run: Run, grids: Iterable[Grid]) -> dict[int, int]:
    """Copy -> the first seed that has the same scores by all `grids` and the same pictures; empty where there are none.

    Read are no more grids than it takes to tell all seeds apart, and the pictures of those seeds alone that have the scores of
    another: of one prompt, and of three others as long as those are the same.

    Raises:
        CorruptShard: a shard is damaged.
    """
    sets, seen = same_scores(grids), set[int]()
    prompts = evenly([prompt.id for prompt in run.wanted.prompts], PROMPTS) if sets else []
    for prompt, units in _units_with(run, prompts).items():
        pictures = RunPictures(run.images, units)
        looks = {seed: _look(pictures(seed, prompt)) for seeds in sets for seed in seeds}
        seen |= {seed for seed, look in looks.items() if not np.isnan(look).any()}
        sets = [
            [seeds[place] for place in places]
            for seeds in sets
            for places in near_columns(np.stack([looks[seed] for seed in seeds], axis=1), NEAR)
        ]
    return {copy: seeds[0] for seeds in sorted(sets) for copy in seeds[1:] if copy in seen}


def left_out(copied: Mapping[int, int], seeds: int) -> Mapping[int, int]:
    """The copies that do not count among so many seeds: all of them, or none where the seeds are copies of one."""
    return copied if seeds - len(copied) > 1 else {}


def without_copies(run: Run, grid: Vectors) -> tuple[Vectors, Mapping[int, int]]:
    """A grid of vectors without the seeds that are copies of others, by these vectors and their pictures; and these seeds.

    Raises:
        CorruptShard: a shard is damaged.
    """
    prompts, seeds = np.array(grid.prompts), np.array(grid.seeds, np.int64)
    parts = (Grid(grid.values[:, :, part], prompts, prompts, seeds) for part in range(grid.values.shape[2]))
    copied = left_out(copied_seeds(run, parts), len(seeds))
    return (grid.without(copied) if copied else grid), copied


def _units_with(run: Run, prompts: Collection[str]) -> dict[str, list[Unit]]:
    """Prompt id -> the units with pictures of it, which may be one in a hundred of all."""
    found: dict[str, list[Unit]] = {prompt: [] for prompt in prompts}
    for unit in run.units if prompts else []:
        for prompt in {prompt.id for prompt in unit.prompts} & found.keys():
            found[prompt].append(unit)
    return found


def _look(picture: Pixels | None) -> Array:
    """Height, width, and means of the parts of a picture (H, W, 3), in 0..255; NaN of one that is missing."""
    if picture is None:
        return np.full(2 + 3 * SIDE**2, np.nan)
    height, width = picture.shape[:2]
    rows, row_sizes = _edges(height)
    columns, column_sizes = _edges(width)
    sums = np.add.reduceat(np.add.reduceat(picture, rows, axis=0, dtype=np.int64), columns, axis=1)
    means = sums / np.outer(row_sizes, column_sizes)[:, :, None]
    return np.concatenate([np.array([height, width], np.float64), means.ravel()])


def _edges(length: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where the parts of so many pixels begin, and how many they have: one at least, of which parts may have the same."""
    ends = np.arange(SIDE + 1) * length // SIDE
    return ends[:-1], np.maximum(np.diff(ends), 1)


JUDGED = "of each set the first is judged, and the others have no rank"


def of_copies(copied: Mapping[int, int], seeds: int, fate: str = JUDGED) -> list[str]:
    """A sentence on the copies among so many seeds, and what becomes of them; none where there are none."""
    if not copied:
        return []
    if len(set(copied.values())) == 1 and len(copied) == seeds - 1:
        return [f"All {seeds} seeds have the same pictures: nothing that is drawn here depends on the seed."]
    of_each: dict[int, list[int]] = defaultdict(list)
    for copy, original in copied.items():
        of_each[original].append(copy)
    named = [f"{_listed(copies)} as {original}" for original, copies in list(of_each.items())[:NAMED]]
    more = f", and of {len(of_each) - NAMED} other seeds" if len(of_each) > NAMED else ""
    what = "1 seed has" if len(copied) == 1 else f"{len(copied)} of {seeds} seeds have"
    return [f"{what} the same pictures as another: {'; '.join(named)}{more}. A copy is no evidence of its own: {fate}."]


def _listed(seeds: Sequence[int]) -> str:
    more = f" and {len(seeds) - NAMED} more" if len(seeds) > NAMED else ""
    return ", ".join(map(str, seeds[:NAMED])) + more
