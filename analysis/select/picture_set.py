"""What the pictures of a seed are like as a set, by pixels alone: contrast, tones, detail, variety, and how many are distinct.

Five plain descriptors. They say nothing of beauty or of what is shown, but how empty, noisy, blurred or alike pictures are.
Contrast, tones and detail are taken at a picture's own resolution, so that blur and noise of a pixel or two are seen; variety
and distinctness on thumbnails, so that they cost little.

Sources: contrast: the root mean square contrast of Peli (1990), "Contrast in complex images", J. Opt. Soc. Am. A 7(10), in
grey levels. Tones: Shannon (1948), "A Mathematical Theory of Communication", section 6, of the histogram of luminance. Detail:
the variance of the Laplacian of Pech-Pacheco et al. (2000), "Diatom autofocusing in brightfield microscopy", ICPR; LAPV in
Pertuz et al. (2013), "Analysis of focus measure operators for shape-from-focus", Pattern Recognition 46(5). Luminance: ITU-R
BT.601.
Deviation: detail is the root of that variance, over the contrast: a dim picture is not a blurred one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image

from seedscope.pipeline.images import Pixels

Array = npt.NDArray[np.float64]

SIDE = 16
"""Of a thumbnail, in pixels."""
SAME = 2.0
"""Grey levels (root mean square) within which two thumbnails count as one picture: noise and compression move less."""
FLAT = 2.0
"""Contrast in grey levels below which a picture has no detail to speak of, fine or coarse."""
LEAST_PICTURES = 8
"""Of fewer, nothing is said: what they show would be what few prompts asked for."""


@dataclass(frozen=True)
class Sketch:
    """What is kept of one picture.

    Attributes:
        contrast: standard deviation of luminance, 0..127.5 grey levels.
        tones: entropy of luminance in whole grey levels, 0..8 bits.
        detail: standard deviation of the Laplacian over the contrast, 0..8: about 0.2 to 1 for pictures, 4.5 (the root of
            20) for white noise, 8 for a checkerboard of single pixels; NaN for a flat picture.
        thumbnail: (16 * 16 * 3,) float64, 0..255.
    """

    contrast: float
    tones: float
    detail: float
    thumbnail: Array


@dataclass(frozen=True)
class PictureSet:
    """What the pictures of one seed are like; NaN where there are too few to say.

    Attributes:
        contrast: the lower quartile over pictures: a quarter of them have no more.
        tones: the lower quartile.
        detail: the lower and the upper quartile over pictures that are not flat.
        variety: root mean square difference of the thumbnails of two pictures, mean over all pairs, 0..255 grey levels.
        distinct: the share of pictures that are not one again, in 1/n..1: each counts 1 / (pictures that look like it).
    """

    contrast: float
    tones: float
    detail: tuple[float, float]
    variety: float
    distinct: float


def sketch(picture: Pixels) -> Sketch:
    """Look at one picture, (H, W, 3) uint8, RGB, of any size."""
    luminance = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    contrast = float(luminance.std(dtype=np.float64))
    small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
    return Sketch(
        contrast=contrast,
        tones=_entropy(luminance),
        detail=nan if contrast < FLAT else float(_laplacian(luminance).std(dtype=np.float64)) / contrast,
        thumbnail=np.asarray(small, np.float64).ravel(),
    )


def picture_set(sketches: Sequence[Sketch]) -> PictureSet:
    """Describe the pictures of one seed, in any order."""
    if len(sketches) < LEAST_PICTURES:
        return PictureSet(nan, nan, (nan, nan), nan, nan)
    detailed = np.array([one.detail for one in sketches if not np.isnan(one.detail)])
    low, high = np.quantile(detailed, [0.25, 0.75]).tolist() if len(detailed) >= LEAST_PICTURES else (nan, nan)
    apart = _apart(np.stack([one.thumbnail for one in sketches]))
    return PictureSet(
        contrast=float(np.quantile([one.contrast for one in sketches], 0.25)),
        tones=float(np.quantile([one.tones for one in sketches], 0.25)),
        detail=(low, high),
        variety=float(apart[np.triu_indices(len(sketches), 1)].mean()),
        distinct=float((1 / (apart < SAME).sum(axis=1)).mean()),
    )


def _entropy(luminance: npt.NDArray[np.float32]) -> float:
    """Bits of the histogram of whole grey levels."""
    counts = np.bincount(np.rint(luminance).astype(np.intp).ravel(), minlength=256)
    shares = counts[counts > 0] / luminance.size
    return float(-(shares * np.log2(shares)).sum())


def _laplacian(luminance: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The sum of the four neighbours less four times the pixel, (H, W); edges are repeated outwards."""
    wide = np.pad(luminance, 1, mode="edge")
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * luminance


def _apart(thumbnails: Array) -> Array:
    """(n, n) root mean square differences of thumbnails (n, K)."""
    return np.stack([np.linalg.norm(thumbnails - one, axis=1) for one in thumbnails]) / sqrt(thumbnails.shape[1])
