"""Recall: the share of real pictures that lie in the ball of some picture of a seed. It falls where a seed misses kinds of
pictures, and is 0 for one that repeats a picture; but noise, whose balls are wide, reaches all.

Source: Kynkaanniemi et al. (2019), arXiv 1904.06991, eq. 2. Deviation: as in `neighbours`. The balls of few pictures are wide:
compare seeds with as many pictures only. Errors come out 1.1 to 1.5 times too wide (Efron, Stein 1981), in simulations
of 24 to 200 pictures, of which test_measures.py keeps a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seedscope.analysis.seeds.distances.base import Labels, Rows
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbour_measure import NeighbourMeasure
from seedscope.analysis.seeds.distances.neighbours import WITHIN, K, Places, nearest, squared_distances
from seedscope.analysis.seeds.distances.null import (
    Cells,
    Measure,
    ShuffleNull,
    images_and_cells,
    refuse_incomplete,
    shuffle_null,
)
from seedscope.analysis.seeds.distances.reached import Mask, shares_reached

KEPT = 2**26
"""Squared distances up to which those of all pairs are kept for the shuffles: 512 MB."""


class Recall(NeighbourMeasure):
    """The measure `recall`, 0 to 1; None for seeds of K pictures or fewer."""

    name, ceiling = "recall", 1.0

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        labels, member, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
        own = np.asarray(rows, dtype=np.float64)
        if len(own) <= K or not np.isfinite(own).all():
            return Jackknife.unknown(None, len(own), labels)
        if len(own) - sizes.max() <= K:
            return Jackknife.unknown(self._share(own), len(own), labels)
        radii, left_out = radii_without(own, member, int(sizes.max()))
        share, without = shares_reached(self._reached(own, radii), [member, *left_out])
        return Jackknife.of(share, len(own), labels, without)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        """Up to KEPT squared distances a shuffle looks them up; above, it takes them again, O(P S (P + m) D).

        Raises ValueError for K prompts or fewer.
        """
        images, cells = images_and_cells(grid)
        if len(cells) <= K:
            raise ValueError(f"{len(cells)} prompts: recall with {K} neighbours wants {K + 1} or more")
        rows = np.asarray(images, dtype=np.float64)
        refuse_incomplete(rows)
        small = len(rows) * (len(rows) + len(self.real.features)) <= KEPT
        measure = self._from_distances(rows) if small else self._from_rows(rows)
        return shuffle_null(measure, cells, rng, shuffles, groups, self.better)

    def caution(self, images: int) -> str | None:
        if images <= K:
            return f"undefined: {images} pictures a seed; {K} neighbours want {K + 1} or more"
        return super().caution(images)

    def _from_distances(self, rows: Array) -> Measure:
        pairs, across = squared_distances(rows, rows), squared_distances(rows, self.real.features)
        np.fill_diagonal(pairs, np.inf)

        def measure(cells: Cells) -> Array:
            shares = []
            for of_seed in cells.T:
                radius = WITHIN * np.partition(pairs[np.ix_(of_seed, of_seed)], K - 1, axis=1)[:, K - 1]
                shares.append((across[of_seed] < radius[:, None]).any(axis=0).mean())
            return np.array(shares)

        return measure

    def _from_rows(self, rows: Array) -> Measure:
        def measure(cells: Cells) -> Array:
            return np.array([self._share(rows[of_seed]) for of_seed in cells.T])

        return measure

    def _share(self, rows: Array) -> float:
        radius = WITHIN * nearest(rows, K)[0][:, -1]
        alone = np.zeros(len(rows), dtype=np.intp)
        return shares_reached(self._reached(rows, [radius]), [alone])[0]

    def _reached(self, rows: Array, radii: Sequence[Array]) -> Iterator[list[Mask]]:
        """Of each block of real pictures: those in the ball of each row, then those in its wider balls alone."""
        radius, *wider = radii
        for _, gaps in self.real.gaps(rows):
            held = gaps < radius[:, None]
            yield [held, *((gaps < each[:, None]) & ~held for each in wider)]


def radii_without(rows: Array, member: Places, largest: int) -> tuple[list[Array], list[Places]]:
    """Squared radii (n,) of the balls of a seed's rows (n, D), and of those that a ball has without each cluster.

    The first radii are those of all rows. The i-th of the others are those without the cluster of the i-th nearest row, and
    these clusters (n,) come beside them: without any other cluster the ball stays. Where that cluster is the row's own, the
    radius is that of all rows. member: (n,) cluster of each row. largest: rows of the largest cluster; n - largest is K + 1 or
    more.
    """
    gaps, places = nearest(rows, min(K + largest, len(rows) - 1))
    clusters = member[places]
    whole, radii, left_out = gaps[:, K - 1], list[Array](), list[Places]()
    for i in range(K):
        cluster = clusters[:, i]
        stays = clusters != cluster[:, None]
        # The row itself is no neighbour of its own: without its cluster fewer than K may be left, but it has no ball then.
        place = (stays.cumsum(axis=1) == K).argmax(axis=1)
        without = np.take_along_axis(gaps, place[:, None], axis=1)[:, 0]
        radii.append(np.where(cluster == member, whole, without))
        left_out.append(cluster)
    return [WITHIN * each for each in (whole, *radii)], left_out
