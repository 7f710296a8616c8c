"""Coverage: the share of real pictures in whose ball some picture of a seed lies. It falls where a seed misses kinds of
pictures or repeats itself.

Source: Naeem et al. (2020), arXiv 2002.09797, section 3. Deviation: as in `neighbours`: a seed of n pictures covers the less of
m real ones the smaller n / m is, so its size is to be held against `expected_coverage`.
"""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.base import Labels, Rows
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbour_measure import NeighbourMeasure
from seedscope.analysis.seeds.distances.neighbours import K, in_parts
from seedscope.analysis.seeds.distances.null import (
    Cells,
    ShuffleNull,
    images_and_cells,
    refuse_incomplete,
    shuffle_null,
)
from seedscope.analysis.seeds.distances.reached import Mask, shares_reached


def expected_coverage(images: int, real: int) -> float:
    """What so many pictures cover of so many real ones if both are of one kind. Source: as above."""
    nearest = np.arange(1, K + 1)
    return float(1.0 - np.prod((real - nearest) / (images + real - nearest)))


class Coverage(NeighbourMeasure):
    """The measure `coverage`, 0 to 1."""

    name, ceiling = "coverage", 1.0

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        labels, member = np.unique(clusters, return_inverse=True)
        if not np.isfinite(np.asarray(rows, dtype=np.float64)).all():
            return Jackknife.unknown(None, len(rows), labels)
        blocks = ([gaps < self.real.radius[block]] for block, gaps in self.real.gaps(rows))
        share, without = shares_reached(blocks, [member])
        if len(labels) < 2:
            return Jackknife.unknown(share, len(rows), labels)
        return Jackknife.of(share, len(rows), labels, without)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        """A bit for each picture and real picture: at the most 1.25 KB a picture."""
        images, cells = images_and_cells(grid)
        refuse_incomplete(np.asarray(images, dtype=np.float64))
        covers = np.concatenate([np.packbits(self._covered(part), axis=1) for part in in_parts(images)])

        def measure(cells: Cells) -> Array:
            by_seed = [np.bitwise_or.reduce(covers[of_seed], axis=0) for of_seed in cells.T]
            return np.array([np.bitwise_count(bits).sum() for bits in by_seed]) / len(self.real.features)

        return shuffle_null(measure, cells, rng, shuffles, groups, self.better)

    def caution(self, images: int) -> str | None:
        most = expected_coverage(images, len(self.real.features))
        facts = [
            super().caution(images),
            f"{images} reference pictures would cover {100 * most:.0f} % of the others" if most < 0.5 else None,
        ]
        return "; ".join(filter(None, facts)) or None

    def _covered(self, rows: Rows) -> Mask:
        """(n, m) in the ball of which real picture each lies."""
        return np.concatenate([gaps < self.real.radius[block] for block, gaps in self.real.gaps(rows)], axis=1)
