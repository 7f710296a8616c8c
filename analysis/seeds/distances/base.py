"""Distances of a seed's images to the real ones: the Frechet distance, and those that may be taken beside it.

A distance is measured for each seed, with the prompts' share in its error, and again for seeds whose images were shuffled. A
kernel distance is a KID for the Inception network that defines it, and a CMMD for CLIP; with other features it is a distance
under the same kernel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.cmmd import CMMD, CMMD_UNBIASED
from seedscope.analysis.seeds.distances.fd_infinity import enough_images, fd_infinity, subset_sizes
from seedscope.analysis.seeds.distances.fd_infinity_null import fd_infinity_shuffle_null
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.frechet_null import frechet_shuffle_null
from seedscope.analysis.seeds.distances.jackknife import Jackknife, jackknife
from seedscope.analysis.seeds.distances.kernel import KernelReference, kernel_jackknife, kernel_state
from seedscope.analysis.seeds.distances.kernel_null import kernel_shuffle_null
from seedscope.analysis.seeds.distances.kid import KID
from seedscope.analysis.seeds.distances.null import ShuffleNull

FRECHET, FD_INFINITY = "frechet", "fd_infinity"
KERNELS = {kernel.name: kernel for kernel in (KID, CMMD, CMMD_UNBIASED)}

Rows = npt.NDArray[np.generic]
Labels = npt.NDArray[np.generic]


class Distance(ABC):
    """One distance to the real images. Lower is better.

    name: of the kind, such as `kid`. floor: the least that there is. real_images, dimensions: of the reference.
    """

    name: str
    floor: float = 0.0
    real_images: int
    dimensions: int

    @abstractmethod
    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        """The distance of a seed's features (n, D), and what each of the clusters (n,) of its prompts adds."""

    @abstractmethod
    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        """The distances of seeds whose images were shuffled; grid (P, S, D), every seed's distance defined."""

    def caution(self, images: int) -> str | None:  # noqa: ARG002  (for those that depend on it)
        """Why a size that was taken of so many images a seed says little; None where nothing speaks against it."""
        return None


class Frechet(Distance):
    """The Frechet distance (`frechet`)."""

    name = FRECHET

    def __init__(self, reference: Reference) -> None:
        self.reference, self.real_images, self.dimensions = reference, reference.n, reference.dimensions

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        return jackknife(rows, clusters, self.reference)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        return frechet_shuffle_null(grid, self.reference, rng, shuffles, groups)

    def caution(self, images: int) -> str | None:
        if images > self.reference.factor.shape[1]:
            return None
        return f"rank-deficient: {images} images in {self.dimensions:,} dimensions"


class KernelDistance(Distance):
    """A squared maximum mean discrepancy (`kernel`), by one of KERNELS."""

    def __init__(self, reference: KernelReference) -> None:
        self.reference, self.name = reference, reference.kernel.name
        self.real_images, self.dimensions = len(reference.features), reference.dimensions
        self.floor = -np.inf if reference.kernel.unbiased else 0.0

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        return kernel_jackknife(kernel_state(rows, clusters, self.reference), self.reference)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        return kernel_shuffle_null(grid, self.reference, rng, shuffles, groups)


class FdInfinity(Distance):
    """The Frechet distance at endlessly many images (`fd_infinity`), from the same subsets of prompts for all seeds.

    drawn: draws the subsets; it is left as it is.
    """

    name = FD_INFINITY
    floor = -np.inf

    def __init__(self, reference: Reference, drawn: np.random.Generator) -> None:
        self.reference, self.real_images, self.dimensions = reference, reference.n, reference.dimensions
        self.drawn = drawn

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        return fd_infinity(rows, clusters, self.reference, deepcopy(self.drawn)).limit

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        return fd_infinity_shuffle_null(grid, self.reference, deepcopy(self.drawn), rng, shuffles, groups)

    def caution(self, images: int) -> str | None:
        sizes = subset_sizes(images)
        if enough_images(sizes, self.reference):
            return None
        return f"not to be trusted: {sizes[0]} images in {self.dimensions:,} dimensions in the smaller subsets"
