"""Pictures with something taken away: what the seed is told by is what is missed.

The classifier is the one that learnt from whole pictures. Where it falls, what was taken away mattered, or pictures became
unlike all that it knows; where it stays, what was taken away did not matter. The first is no proof, the second is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
"""(N, H, W, 3)."""
BLOCKS = 8
"""Blocks a side of the coarsest pictures."""
BORDER = 8
"""One part in so many of a side is border."""
JPEG = 75


def grey(pictures: Pixels) -> Pixels:
    """Rec. 601 luma in all three channels, as Pillow's mode L."""
    luma = pictures.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return _bytes(np.repeat(luma[..., None], 3, axis=-1))


def blocks(pictures: Pixels) -> Pixels:
    """Means of 8 x 8 blocks alone: coarse colour and place, and nothing finer."""
    means = block_means(pictures)
    rows, columns = (np.arange(size) * BLOCKS // size for size in pictures.shape[1:3])
    return _bytes(means[:, rows][:, :, columns])


def fine(pictures: Pixels) -> Pixels:
    """What is finer than 8 x 8 blocks, on mid-grey: their means are taken away."""
    rows, columns = (np.arange(size) * BLOCKS // size for size in pictures.shape[1:3])
    return _bytes(pictures.astype(np.float32) - block_means(pictures)[:, rows][:, :, columns] + 127.5)


def without_border(pictures: Pixels) -> Pixels:
    """The outer eighth of each side in the picture's mean colour."""
    found = pictures.copy()
    down, across = (max(1, size // BORDER) for size in pictures.shape[1:3])
    inside = np.zeros(pictures.shape[1:3], np.bool_)
    inside[down:-down, across:-across] = True
    found[:, ~inside] = _bytes(pictures.mean(axis=(1, 2)))[:, None]
    return found


def only_border(pictures: Pixels) -> Pixels:
    """The outer eighth of each side alone, the rest in the picture's mean colour."""
    found = pictures.copy()
    down, across = (max(1, size // BORDER) for size in pictures.shape[1:3])
    found[:, down:-down, across:-across] = _bytes(pictures.mean(axis=(1, 2)))[:, None, None]
    return found


def shifted(pictures: Pixels) -> Pixels:
    """A pixel to the right and down, the edge repeated: a classifier of fine patterns would fall."""
    return np.pad(pictures, ((0, 0), (1, 0), (1, 0), (0, 0)), mode="edge")[:, :-1, :-1]


def as_jpeg(pictures: Pixels) -> Pixels:
    """Through a JPEG of quality 75."""
    return np.stack([_through_jpeg(picture) for picture in pictures])


def without_object(pictures: Pixels, masks: npt.NDArray[np.bool_]) -> Pixels:
    """The object, where a mask (N, H, W) has found one, in the mean colour of what is around it."""
    found = pictures.copy()
    for place, mask in enumerate(masks):
        if mask.any() and not mask.all():
            found[place, mask] = _bytes(pictures[place, ~mask].mean(axis=0))
    return found


ABLATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "grey": grey,
    "8 x 8 block means": blocks,
    "without 8 x 8 block means": fine,
    "border masked": without_border,
    "border alone": only_border,
    "JPEG of quality 75": as_jpeg,
    "shifted by a pixel": shifted,
}
OBJECT = "object masked"


def block_means(pictures: Pixels) -> npt.NDArray[np.float32]:
    """(N, 8, 8, 3) float32, 0 to 255; blocks of as even a size as the picture's allows."""
    found: npt.NDArray[np.float64] = pictures.astype(np.float64)
    for axis in (1, 2):
        size = pictures.shape[axis]
        starts = -(-np.arange(BLOCKS) * size // BLOCKS)
        counts = np.diff(np.append(starts, size))
        shape = [1, 1, 1, 1]
        shape[axis] = BLOCKS
        found = np.add.reduceat(found, starts, axis=axis) / counts.reshape(shape)
    return found.astype(np.float32)


def _bytes(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _through_jpeg(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=JPEG)
    with Image.open(stream) as read:
        return np.asarray(read.convert("RGB"))
