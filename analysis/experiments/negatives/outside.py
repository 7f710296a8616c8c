"""How far a picture changes outside the place that its negative prompt is to change."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter
from torchmetrics.functional.image import structural_similarity_index_measure

from seedscope.pipeline.images import Pixels
from seedscope.pipeline.study.negative_pairs import Where

SIGMA, REACH = 0.8, 3
"""Of SSIM's Gaussian window, in pixels, and how far it reaches to each side."""
AT_ONCE = 16
FEWEST = 0.02
"""Share of a picture that has to lie outside for something to be said of it."""


def outside(mask: bytes | None, where: Where, size: tuple[int, int]) -> npt.NDArray[np.bool_] | None:
    """(H, W), true for pixels at which SSIM sees nothing of the place; None where there are too few, or the place is not known.

    Args:
        mask: the object's, an encoded picture whose white pixels are the object; None where it was not found.
        where: what the negative prompt is to change.
        size: (H, W) of the picture.
    """
    if where == "whole":
        return np.ones(size, bool)
    if mask is None:
        return None
    with Image.open(io.BytesIO(mask)) as picture:
        shown = picture.convert("L")
    if where == "object":
        found = np.asarray(shown.filter(ImageFilter.MaxFilter(2 * REACH + 1))) < 128
    else:
        found = np.asarray(shown.filter(ImageFilter.MinFilter(2 * REACH + 1))) >= 128
    return found if found.shape == size and found.mean() >= FEWEST else None


def changes(plain: list[Pixels], changed: list[Pixels], places: list[npt.NDArray[np.bool_]]) -> npt.NDArray[np.float64]:
    """(N,) of pictures of one size: 1 - SSIM with the plain picture, averaged over the pixels of `places` (H, W); equal
    pictures have changed by 0.

    Source: Wang, Bovik, Sheikh, Simoncelli (2004), "Image quality assessment: from error visibility to structural similarity".
    Deviation: a window of 7 pixels with sigma 0.8, not 11 and 1.5, which reaches over most of a small picture.
    """
    found = list[float]()
    for start in range(0, len(plain), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        found += _changed(plain[some], changed[some], places[some])
    same = [np.array_equal(before, after) for before, after in zip(plain, changed, strict=True)]
    return np.where(same, 0.0, found)


def _changed(plain: list[Pixels], changed: list[Pixels], places: list[npt.NDArray[np.bool_]]) -> list[float]:
    """As `changes`, of so few that they are compared at once."""
    one, other = (
        torch.from_numpy(np.stack(each).transpose(0, 3, 1, 2).copy()).float() / 255 for each in (plain, changed)
    )
    _, full = structural_similarity_index_measure(
        one, other, sigma=SIGMA, data_range=1.0, reduction="none", return_full_image=True
    )
    maps = torch.as_tensor(full).mean(1).numpy().astype(np.float64)
    return [1 - float(of_one[place].mean()) for of_one, place in zip(maps, places, strict=True)]
