"""The share of real pictures that some of a seed's pictures reach, and that share without each cluster of its prompts.

Without a cluster its pictures reach nothing, and those that had a picture of it among their neighbours may reach farther. Real
pictures are counted a block at a time, by how many pictures reach them: O((1 + h) n m) whatever the number of clusters, where h
is in how many ways a picture may reach farther.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbours import Places

Mask = npt.NDArray[np.bool_]


def shares_reached(blocks: Iterable[Sequence[Mask]], clusters: Sequence[Places]) -> tuple[float, Array]:
    """The share of real pictures that are reached, 0..1, and (G,) those without each cluster.

    blocks: of B real pictures: which are reached from each picture (n, B), then which are reached besides, once a cluster is
    left out. clusters: (n,) of each of these masks: that of the picture itself, 0 .. G-1, then the one that is left out, which
    may come more than once.
    """
    groups, pictures = int(clusters[0].max()) + 1, len(clusters[0])
    ones, order = np.ones(pictures, dtype=np.int32), np.arange(pictures)
    by_cluster = [csr_array((ones, (of, order)), shape=(groups, pictures)) for of in clusters]
    real, reached, without = 0, 0.0, np.zeros(groups)
    for masks in blocks:
        own, *more = (into @ mask.astype(np.int32) for into, mask in zip(by_cluster, masks, strict=True))
        times = own.sum(axis=0)
        real, reached = real + len(times), reached + float(np.count_nonzero(times))
        without += np.count_nonzero(sum(more, times - own), axis=1)
    return reached / real, without / real
