"""Borders: a frame of one colour along all four sides of a picture, of any colour and of nearly any width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features.looks.colour import NOTICEABLE, Plane, distance, shrunk

SMALLEST = 16
"""Pictures with a shorter side than this many pixels are too coarse for a border."""
FOUND = 0.5
"""Strength from which on there is a border."""

_SEEN_AT = 128  # pixels; larger pictures are shrunk, so that neither grain nor compression makes or breaks a border
# Shares of the shorter side.
_WIDEST = 0.2
_SOFT = 0.02  # how far an edge may be smeared out
# Shares of a line of pixels along a side.
_ALIKE = 0.8  # of the border; the rest may be an ear that hangs over it
_UNLIKE = 0.7  # of what it encloses; the rest may happen to have its colour
_CORNER = 0.15  # runs within the borders of the neighbouring sides


@dataclass(frozen=True)
class Border:
    """How clearly a picture has a border, in 0..1; its mean width as share of the shorter side; and what it encloses.

    `width` is None, and `inside` (rows, columns) the whole picture, where there is no border; `strength` is None where
    the picture is too small to tell.
    """

    strength: float | None
    width: float | None
    inside: tuple[slice, slice]


_UNKNOWN = Border(None, None, (slice(None), slice(None)))


@dataclass(frozen=True)
class _Side:
    """For one side of N pictures: contrast at its likeliest edge, that edge's depth, and how much of it is a mere ramp."""

    contrast: Plane
    ramp: Plane
    depth: npt.NDArray[np.int64]


def borders(lab: Plane) -> list[Border]:
    """The border of each picture (N, H, W, 3), CIELAB.

    A border of width w has one colour c, the median of the outermost pixels. With d the distance of a pixel from c in
    CIELAB, take for each side the 80th percentile F of d on the worst line up to depth w, and the 30th percentile E on
    the line just inside, 2 % of the shorter side further in to allow for a soft edge. The side's contrast is
    (E - F) / (E + 2.3), 2.3 being the smallest difference that people see; each side takes the w that suits it best.
    The strength is the lowest contrast of the four sides, so a sky above or bars at two sides are none; a vignette grows
    on and on beyond every "edge", and the part of E that does so on all four sides is taken off.

    Source: this project. Compared with a colour's share of the outermost pixels, the usual test, it asks for an edge,
    which a plain background does not have.
    """
    if min(lab.shape[1:3]) < SMALLEST:
        return [_UNKNOWN] * len(lab)
    small, k = shrunk(lab, _SEEN_AT)
    height, width = small.shape[1:3]
    shorter = min(height, width)
    soft = max(2, round(_SOFT * shorter))
    apart = distance(small, _outermost(small, max(1, round(_SOFT * shorter))))
    sides = [_side(band, round(_WIDEST * shorter), soft) for band in _towards_the_middle(apart)]
    contrast = np.min([side.contrast for side in sides], axis=0)
    ramp = np.min([side.ramp for side in sides], axis=0)
    strength = np.clip(contrast - ramp, 0, 1)
    depths = np.stack([side.depth for side in sides], axis=1)
    return [
        Border(float(value), float(depth.mean() / shorter), _within(lab.shape, (depth + soft) * k))
        if value >= FOUND
        else replace(_UNKNOWN, strength=float(value))
        for value, depth in zip(strength, depths, strict=True)
    ]


def _outermost(lab: Plane, thickness: int) -> Plane:
    """(N, 1, 1, 3): the median colour of a ring of pixels."""
    ring = np.ones(lab.shape[1:3], np.bool_)
    ring[thickness:-thickness, thickness:-thickness] = False
    median: Plane = np.median(lab[:, ring], axis=1)
    return median[:, None, None]


def _towards_the_middle(plane: Plane) -> Iterator[Plane]:
    """Top, bottom, left and right: (N, depth, along the side)."""
    yield plane
    yield plane[:, ::-1]
    yield plane.swapaxes(1, 2)
    yield plane[:, :, ::-1].swapaxes(1, 2)


def _side(band: Plane, widest: int, soft: int) -> _Side:
    """One side, its widths from one pixel to `widest`. band: (N, depth, length), distances from the border's colour."""
    near = band[:, : widest + 2 * soft + 2]
    corner = round(_CORNER * near.shape[2])
    inner = near[:, :, corner:-corner]
    of_border = np.maximum.accumulate(np.quantile(near, _ALIKE, axis=2), axis=1)
    of_inside, middle = np.quantile(inner, [1 - _UNLIKE, 0.5], axis=2)
    width = np.arange(1, widest + 1)
    edge = of_inside[:, width + soft]
    contrast = (edge - of_border[:, width - 1]) / (edge + NOTICEABLE)
    growth = np.clip(middle[:, width + 2 * soft + 1] - middle[:, width + soft], 0, None) / (edge + NOTICEABLE)
    best = (contrast - growth).argmax(axis=1)
    chosen = np.arange(len(best)), best
    half = edge[chosen] / 2
    return _Side(contrast[chosen], growth[chosen], (middle > half[:, None]).argmax(axis=1))


def _within(shape: tuple[int, ...], depths: npt.NDArray[np.int64]) -> tuple[slice, slice]:
    top, bottom, left, right = (int(depth) for depth in depths)
    return slice(top, shape[1] - bottom), slice(left, shape[2] - right)
