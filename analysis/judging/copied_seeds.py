"""Seeds that are copies of others: the same scores and the same pictures, so that they are no evidence of their own.

A folder that was imported twice, or a model that reads half of the bits of a seed, makes such seeds. Counted each for itself
they would pass for seeds that differ, and that keep their character from run to run. Of 8 unrelated seeds with four copies of
each, two runs seem to agree (p <= 2.5 %) in 18 %; of 6 such ones, seeds seem to differ (5 %) in 12 % of runs.

Scores tell which seeds to look at: they are read anyway, and may differ by what the place of a picture in a batch changes.
What a rare or a coarse measurement says is the same of many seeds, so that the pixels decide.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import centre_by_prompt
from seedscope.analysis.seeds.scores.grid import Grid

PROMPTS = 4
"""Of which the pictures of two seeds are compared."""
ALIKE = 1e-3
"""Within which two scores count as the same, in standard deviations between pictures of one prompt."""
NAMED = 5


def copied_seeds(run: Run, grids: Sequence[Grid]) -> dict[int, int]:
    """Copy -> the first seed that has the same scores by all `grids` and the same pictures; empty where there are none.

    Read are the pictures of seeds alone that have the scores of another, on at most 4 prompts, evenly spaced.

    Raises:
        CorruptShard: a shard is damaged.
    """
    pictures = RunPictures(run.images, run.units)
    prompts = evenly([prompt.id for prompt in run.wanted.prompts], PROMPTS)
    copied: dict[int, int] = {}
    for seeds in same_scores(grids):
        of_pixels: dict[str, int] = {}
        for seed in seeds:
            seen = [pictures(seed, prompt) for prompt in prompts]
            if any(picture is not None for picture in seen):
                digests = [b"" if each is None else hashlib.sha256(each.tobytes()).digest() for each in seen]
                original = of_pixels.setdefault(b".".join(digests).hex(), seed)
                copied |= {} if original == seed else {seed: original}
    return copied


def same_scores(grids: Sequence[Grid]) -> list[list[int]]:
    """Seeds, two or more together, that have the same scores on all prompts by all grids (of the same seeds); gaps too."""
    if not grids:
        return []
    cells = np.concatenate([_in_deviations(grid) for grid in grids])
    weights = np.random.default_rng(0).standard_normal(len(cells))
    mark, near = weights @ np.nan_to_num(cells), ALIKE * float(np.abs(weights).sum())  # equal columns have near marks
    order = np.argsort(mark, kind="stable")
    free, found = np.ones(len(mark), np.bool_), list[list[int]]()
    for first in order:
        if free[first]:
            window = order[np.searchsorted(mark, mark[first], sorter=order) :]
            window = window[(mark[window] <= mark[first] + near) & free[window]]
            off = np.abs(cells[:, window] - cells[:, [first]]) <= ALIKE
            off |= np.isnan(cells[:, window]) & np.isnan(cells[:, [first]])
            same = np.sort(window[off.all(axis=0)])
            free[same] = False
            if len(same) > 1:
                found.append(grids[0].seeds[same].tolist())
    return found


def of_copies(copied: Mapping[int, int], seeds: int) -> list[str]:
    """A sentence on the copies among so many seeds; none where there are none."""
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
    return [
        f"{what} the same pictures as another: {'; '.join(named)}{more}. A copy is no evidence of its own: of each set the "
        "first is judged, and the others have no rank."
    ]


def _listed(seeds: Sequence[int]) -> str:
    more = f" and {len(seeds) - NAMED} more" if len(seeds) > NAMED else ""
    return ", ".join(map(str, seeds[:NAMED])) + more


def _in_deviations(grid: Grid) -> Array:
    """(P, S) scores less their prompt's mean, in standard deviations between pictures of one prompt; NaN where missing."""
    values = np.where(np.isfinite(grid.values), grid.values, np.nan).astype(np.float64)
    _, centred = centre_by_prompt(values)
    freedom = int((~np.isnan(values)).sum() - (~np.isnan(values)).any(axis=1).sum())
    sd = float(np.sqrt((centred**2).sum() / freedom)) if freedom > 0 else 0.0
    return np.where(np.isnan(values), np.nan, centred / sd if sd else 0.0)
