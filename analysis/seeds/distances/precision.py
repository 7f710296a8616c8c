"""Precision: the share of a seed's pictures that lie in the ball of some real picture. It falls where pictures are unlike all
real ones; it does not fall for a seed that repeats one good picture.

Source: Kynkaanniemi et al. (2019), arXiv 1904.06991, eq. 2. Deviation: as in `neighbours`.
"""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.base import Rows
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.picture_mean import PictureMean


class Precision(PictureMean):
    """The measure `precision`, 0 to 1."""

    name, ceiling = "precision", 1.0

    def scores(self, rows: Rows) -> Array:
        held = np.zeros(len(rows), dtype=np.bool_)
        for block, gaps in self.real.gaps(rows):
            held |= (gaps < self.real.radius[block]).any(axis=1)
        return held.astype(np.float64)
