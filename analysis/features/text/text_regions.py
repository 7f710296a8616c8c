"""Where words stand in a picture, whichever network finds them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Polygon = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """The place of a word.

    polygon: its corners (4, 2) as x and y, shares of the width and height in 0..1. plane: bool (H, W), the pixels that it
    takes of the picture. box: where to read it in the enlarged picture, in EasyOCR's way: left, right, top and bottom in
    pixels, or four corners.
    """

    polygon: Polygon
    plane: Mask
    box: list[Any]


class TextDetector(ABC):
    """Finds words in pictures."""

    @abstractmethod
    def find(self, pixels: Pixels, enlarged: Sequence[Pixels]) -> list[list[Region]]:
        """The words in each of the pictures (N, H, W, 3), which are given as enlarged for reading, too."""


def upright(left: float, right: float, top: float, bottom: float) -> Polygon:
    """The corners (4, 2) of a box, clockwise from the upper left one."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def covered(polygon: npt.NDArray[np.floating[Any]], shape: tuple[int, ...]) -> Mask:
    """bool (H, W) = `shape`: pixels whose centre lies in a polygon (4, 2) of x and y in 0..1."""
    import shapely

    rows, columns = ((np.arange(length) + 0.5) / length for length in shape)
    area = shapely.Polygon(polygon)
    shapely.prepare(area)
    inside: Mask = shapely.contains_xy(area, *np.meshgrid(columns, rows))
    return inside
