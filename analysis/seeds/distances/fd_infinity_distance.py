"""The Frechet distance at endlessly many images (`fd_infinity`) of each seed, with its error and its null."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from seedscope.analysis.seeds.distances.base import Distance, Labels, RealFeatures, Rows
from seedscope.analysis.seeds.distances.fd_infinity import enough_images, fd_infinity, subset_sizes
from seedscope.analysis.seeds.distances.fd_infinity_null import fd_infinity_shuffle_null
from seedscope.analysis.seeds.distances.frechet_distance import Frechet
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.null import ShuffleNull


class FdInfinity(Distance):
    """FD-infinity, from the same subsets of prompts for all seeds."""

    name = "fd_infinity"
    floor = -np.inf

    def __init__(self, real: RealFeatures) -> None:
        self.reference = real.reference
        self.real_images, self.dimensions = self.reference.n, self.reference.dimensions
        # Each use draws from a copy, so that all seeds and shuffles have the same subsets.
        self._subsets = real.rng("fd_infinity subsets")

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        return fd_infinity(rows, clusters, self.reference, deepcopy(self._subsets)).limit

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        return fd_infinity_shuffle_null(grid, self.reference, deepcopy(self._subsets), rng, shuffles, groups)

    def caution(self, images: int) -> str | None:
        sizes = subset_sizes(images)
        if enough_images(sizes, self.reference):
            return None
        return f"not to be trusted: {sizes[0]} images in {self.dimensions:,} dimensions in the smaller subsets"

    @classmethod
    def title(cls, feature: str) -> str:
        return f"{Frechet.title(feature)}, extrapolated"
