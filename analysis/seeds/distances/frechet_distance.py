"""The Frechet distance of each seed's images to the real ones (`frechet`), with its error and its null."""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.base import FRECHET, Distance, Labels, RealFeatures, Rows
from seedscope.analysis.seeds.distances.frechet_null import frechet_shuffle_null
from seedscope.analysis.seeds.distances.jackknife import Jackknife, jackknife
from seedscope.analysis.seeds.distances.null import ShuffleNull


class Frechet(Distance):
    """The Frechet distance."""

    name = FRECHET

    def __init__(self, real: RealFeatures) -> None:
        self.reference = real.reference
        self.real_images, self.dimensions = self.reference.n, self.reference.dimensions

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        return jackknife(rows, clusters, self.reference)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        return frechet_shuffle_null(grid, self.reference, rng, shuffles, groups)

    def caution(self, images: int) -> str | None:
        if images > self.reference.factor.shape[1]:
            return None
        return f"rank-deficient: {images} images in {self.dimensions:,} dimensions"

    @classmethod
    def title(cls, feature: str) -> str:
        """FID only for the features that define it."""
        return "FID" if feature.startswith("fid_") else "Fréchet distance"
