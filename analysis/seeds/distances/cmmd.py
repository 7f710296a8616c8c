"""CMMD: the discrepancy of CLIP embeddings under a Gaussian kernel.

    1000 MMD^2,  k(x, y) = exp(-|x - y|^2 / (2 * 10^2)),  |x| = |y| = 1

Source: Jayasumana et al. (2024), "Rethinking FID", arXiv 2401.09603, section 4; sigma, scale, unit lengths and the mean over
all pairs as in the authors' code (github.com/google-research/google-research, cmmd/distance.py; its CLIP ViT-L/14-336
divides image embeddings by their length).
Deviation: none in `CMMD`. k - 1 is summed in place of k, which changes no discrepancy and keeps the digits: at unit length k
lies between 0.98 and 1.

`CMMD` keeps each image's pair with itself, as the authors' code does though the paper speaks of an unbiased estimator. That
adds 1000 (1 - mean k(x, x')) / n, more for a seed of varied pictures, and a like term of the reference: at a few hundred
images it can outweigh the differences between seeds. `CMMD_UNBIASED` leaves those pairs out.
Deviation of `CMMD_UNBIASED`: Gretton et al. (2012), eq. 3, in place of eq. 5; it has another name because the values differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seedscope.analysis.seeds.distances.kernel import Kernel
from seedscope.analysis.seeds.distances.kernel_distance import KernelDistance
from seedscope.analysis.seeds.distances.moments import Array

SIGMA = 10.0
SCALE = 1000.0


def gaussian_less_one(inner: Array, _dimensions: int) -> Array:
    """exp(-|x - y|^2 / (2 sigma^2)) - 1 of unit rows from their inner products, any shape; `inner` is overwritten."""
    inner -= 1.0
    inner /= SIGMA**2
    return np.expm1(inner, out=inner)


CMMD = Kernel("cmmd", gaussian_less_one, unit_length=True, unbiased=False, scale=SCALE)
CMMD_UNBIASED = replace(CMMD, name="cmmd_unbiased", unbiased=True)


class CmmdDistance(KernelDistance):
    """The distance `cmmd`: a CMMD for CLIP, else a distance under the same kernel."""

    kernel, name = CMMD, CMMD.name
    words = "Kernel distance, Gaussian"
    published = ("fd_clip", "CMMD")


class UnbiasedCmmdDistance(KernelDistance):
    """The distance `cmmd_unbiased`."""

    kernel, name = CMMD_UNBIASED, CMMD_UNBIASED.name
    words = "Kernel distance, Gaussian, unbiased"
    published = ("fd_clip", "CMMD, unbiased")
