"""Kernel distances of each seed's images to the real ones, with their errors and their null; a subclass names its kernel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seedscope.analysis.seeds.distances.base import Distance, Labels, RealFeatures, Rows, UnfitReference
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.kernel import Kernel, KernelReference, kernel_jackknife, kernel_state
from seedscope.analysis.seeds.distances.kernel_null import kernel_shuffle_null
from seedscope.analysis.seeds.distances.null import ShuffleNull


class KernelDistance(Distance):
    """A squared maximum mean discrepancy (`kernel`).

    words: what it is called. published: (feature, the name under which the literature knows the distance of that feature).
    """

    kernel: ClassVar[Kernel]
    words: ClassVar[str]
    published: ClassVar[tuple[str, str]] = ("", "")

    def __init__(self, real: RealFeatures) -> None:
        rows = real.rows()
        try:
            self.reference = KernelReference.of(rows, self.kernel)
        except ValueError as error:
            raise UnfitReference(str(error)) from error
        self.real_images, self.dimensions = len(self.reference.features), self.reference.dimensions
        self.floor = -np.inf if self.kernel.unbiased else 0.0

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        return kernel_jackknife(kernel_state(rows, clusters, self.reference), self.reference)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        return kernel_shuffle_null(grid, self.reference, rng, shuffles, groups)

    @classmethod
    def title(cls, feature: str) -> str:
        defining, name = cls.published
        return name if feature == defining else cls.words
