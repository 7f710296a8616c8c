"""Density: in how many balls of real pictures a seed's pictures lie, in K-ths. About 1 for pictures like the real ones, more
where they gather among real ones that stand close together; one far real picture with its wide ball counts for little.

Source: Naeem et al. (2020), arXiv 2002.09797, section 3. Deviation: as in `neighbours`.
"""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.base import Rows
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbours import K
from seedscope.analysis.seeds.distances.picture_mean import PictureMean


class Density(PictureMean):
    """The measure `density`, 0 or more."""

    name = "density"

    def scores(self, rows: Rows) -> Array:
        balls = np.zeros(len(rows))
        for block, gaps in self.real.gaps(rows):
            balls += (gaps < self.real.radius[block]).sum(axis=1)
        return balls / K
