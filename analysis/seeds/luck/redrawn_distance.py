"""How far the Frechet distance of a model moves with its seeds, by drawing some of a run's seeds again and again.

Each draw's pictures are taken for all that there are of the model: n of each prompt, with the same n seeds for all prompts, or
with seeds of each prompt's own. `redrawn` says how the spread of such draws is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from seedscope.analysis.seeds.distances.feature_rows import Rows, SeedRows
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.luck.redrawn import Places, drawn_seeds

DRAWS, FEWEST_DRAWS = 200, 50
FLOPS = 2e12
"""Of all draws of one size: some minutes of a core at most, but for the fewest draws of very many pictures."""
MOST_BYTES = 2**30
"""Of the features of the seeds that are drawn from."""

Told = Callable[[], None]


def features_of(rows: SeedRows, seeds: Sequence[int]) -> Rows:
    """The features (P, S, D) of some seeds, in their order, which are all among those of the rows."""
    wanted = {*seeds}
    found = {seed: values for seed, values in rows.by_seed() if seed in wanted}
    return np.stack([found[seed] for seed in seeds], axis=1)


def most_seeds(prompts: int, dimensions: int) -> int:
    """How many seeds' features are held at once."""
    return max(MOST_BYTES // (4 * prompts * dimensions), 1)


def drawn_cells(
    kind: Literal["common", "own"], prompts: int, seeds: int, n: int, draws: int, rng: np.random.Generator
) -> list[Places]:
    """Of each draw the seeds' places (P, n): the same in each row, or drawn for each prompt."""
    if kind == "common":
        return [np.broadcast_to(one, (prompts, n)) for one in drawn_seeds(seeds, n, draws, rng)]
    return [drawn_seeds(seeds, n, prompts, rng) for _ in range(draws)]


def redrawn_distances(
    features: Rows, draws: Sequence[Places], reference: Reference, told: Told = lambda: None
) -> Array:
    """The distance (B,) of the cells of each draw (P, n), of features (P, S, D) that are finite. told: after each."""
    rows = np.arange(len(features))[:, None]
    found = []
    for chosen in draws:
        distance = frechet_distance_of_rows(features[rows, chosen].reshape(-1, features.shape[2]), reference)
        found.append(np.nan if distance is None else distance)
        told()
    return np.array(found)


def draws_for(pictures: int, reference: Reference, budget: float = FLOPS) -> int:
    """How many draws of so many pictures are made with a budget of floating-point operations: 200, or fewer, 50 at least."""
    rank = reference.factor.shape[1]
    small = min(pictures, rank)
    each = 2 * pictures * reference.dimensions * rank + 2 * pictures * rank * small + 8 * small**3
    return int(np.clip(budget / each, FEWEST_DRAWS, DRAWS))
