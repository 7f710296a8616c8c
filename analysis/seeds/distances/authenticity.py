"""Authenticity: the share of a seed's pictures that are no copies of a real one.

A copy is a picture that is as near to its nearest real picture as that one is to the nearest other real one, or nearer. It says
nothing of quality: noise is authentic.
Source: Alaa et al. (2022), "How Faithful is your Synthetic Data?", arXiv 2102.08921; a tie is a copy as in dgm-eval, whose
`authpct` is in per cent.
Deviation: as in `neighbours`. Of more real pictures than are taken, a copy of one that was not drawn goes unseen.
"""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.base import Rows
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbours import WITHIN
from seedscope.analysis.seeds.distances.picture_mean import PictureMean


class Authenticity(PictureMean):
    """The measure `authenticity`, 0 to 1."""

    name, ceiling = "authenticity", 1.0

    def scores(self, rows: Rows) -> Array:
        gap, of_real = np.full(len(rows), np.inf), np.zeros(len(rows))
        for block, gaps in self.real.gaps(rows):
            place = gaps.argmin(axis=1)
            here = np.take_along_axis(gaps, place[:, None], axis=1)[:, 0]
            of_real = np.where(here < gap, self.real.nearest[block][place], of_real)
            gap = np.minimum(gap, here)
        return (of_real < WITHIN * gap).astype(np.float64)
