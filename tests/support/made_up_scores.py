"""Made-up scores whose truth is known: prompt effect + seed effect + rest, the last two with a total variance of 1."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import Scores


@dataclass(frozen=True)
class World:
    """How scores come about.

    share: of seeds in all variance, prompts having half of it. sizes: prompts in each group; empty: `prompts` groups of one.
    alike: correlation of a seed's rests within a group. heavy: rests with the tails of Student's t with 4 degrees of
    freedom. missing: share of cells, at random.
    """

    prompts: int = 60
    seeds: int = 24
    share: float = 0.05
    sizes: tuple[int, ...] = field(default=())
    alike: float = 0.0
    heavy: bool = False
    missing: float = 0.0

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        sizes = self.sizes or (1,) * self.prompts
        return np.repeat(np.arange(len(sizes)), sizes)

    @property
    def spread(self) -> float:
        """Variance of the seeds' true effects."""
        return 2.0 * self.share

    @property
    def noise(self) -> float:
        """Variance of a seed's mean rest, where no cell is missing."""
        sizes = np.bincount(self.groups).astype(np.float64)
        return float((sizes * (1 + (sizes - 1) * self.alike)).sum() / sizes.sum() ** 2) * (1.0 - self.spread)

    def draw(self, rng: np.random.Generator, seed: Array | None = None) -> tuple[Scores, Array]:
        """Scores, and the seeds' true effects (S,) less their mean; `seed` (S,): the effects, if not to be drawn."""
        groups = self.groups
        shape = (len(groups), self.seeds)
        true = np.sqrt(self.spread) * rng.standard_normal(self.seeds) if seed is None else seed
        own = rng.standard_t(4, shape) / np.sqrt(2) if self.heavy else rng.standard_normal(shape)
        common = rng.standard_normal((groups[-1] + 1, self.seeds))[groups]
        rest = np.sqrt(self.alike) * common + np.sqrt(1 - self.alike) * own
        values = 5.0 + rng.standard_normal((len(groups), 1)) + true + np.sqrt(1.0 - self.spread) * rest
        values[rng.random(shape) < self.missing] = np.nan
        return Scores.of(values, groups), true - true.mean()


UNEVEN = tuple(1 + i % 10 for i in range(30))
WORLDS = {
    "plain": World(100, 32, 0.05),
    "small share": World(100, 64, 0.01),
    "large share": World(100, 32, 0.2),
    "heavy tails": World(heavy=True),
    "missing cells": World(missing=0.3),
    "groups": World(seeds=32, sizes=(6,) * 40, alike=0.5),
    "uneven groups": World(seeds=32, sizes=UNEVEN, alike=0.5),
    "eight groups": World(seeds=32, sizes=(10,) * 8, alike=0.3),
}
