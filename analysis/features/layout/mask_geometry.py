"""Where a mask stands in its picture: centroid, box, share, and how near it is by a depth map.

Lengths are shares of the picture's width and height, x to the right and y down; pixel i of n has its centre at
(i + 0.5) / n and its edges at i / n and (i + 1) / n. All functions take masks with at least one pixel.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

Mask = npt.NDArray[np.bool_]


def centroid(mask: Mask) -> tuple[float, float]:
    """(x, y) of the centre of mass of a mask (H, W), each in 0..1."""
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return float((columns.mean() + 0.5) / width), float((rows.mean() + 0.5) / height)


def box(mask: Mask) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) around a mask (H, W), each in 0..1."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    height, width = mask.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def size(mask: Mask) -> float:
    """The mask's share of the picture, in 0..1."""
    return float(mask.mean())


def nearer(nearness: npt.NDArray[np.float32], mask: Mask) -> float | None:
    """How likely a pixel of the mask is nearer than a pixel outside it, both drawn at random; ties count half.

    `nearness` (H, W) is the larger the nearer. In 0..1: 1 where the mask is in front of all else, 0.5 where neither is
    nearer, 0 where it is behind all else. Only the order of the depths counts, so that models which give distances,
    inverse distances or depths without a scale compare. None where nothing is outside the mask, or depth is not finite.

    Source: the area under the ROC curve, as Mann and Whitney's U over the number of pairs: Hanley and McNeil (1982),
    Radiology 143, 29-36. To use it for relative depth is this project's choice.
    """
    if mask.all() or not np.isfinite(nearness).all():
        return None
    inside, outside = nearness[mask], np.sort(nearness[~mask])
    below = np.searchsorted(outside, inside, "left")
    not_above = np.searchsorted(outside, inside, "right")
    return float((below + not_above).mean() / (2 * len(outside)))


def png(mask: Mask) -> bytes:
    """A mask (H, W) as PNG with one bit a pixel, white where it is True."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
