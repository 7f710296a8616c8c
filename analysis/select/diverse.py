"""Diverse seeds: a few that lie far from each other in a feature space, such as style or layout.

Source: Gonzalez (1985), "Clustering to minimize the maximum intercluster distance", section 2; begun with the farthest pair as
in Ravi, Rosenkrantz, Tayi (1994), "Heuristic and Special Case Algorithms for Dispersion Problems": the smallest distance
between two chosen seeds is at least half of what the best choice of as many seeds attains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array


@dataclass(frozen=True, eq=False)
class DiverseSet:
    """Farthest-point order. Its first j seeds are what would have been chosen for j.

    chosen: (k,) positions of the seeds, no two the same.
    distance: (k,) float64, from each seed to the nearest one chosen before it, never growing; the first has that of the second.
        0 says that no seed was left that differs from those chosen before.
    """

    chosen: npt.NDArray[np.intp]
    distance: Array


def farthest_points(vectors: npt.ArrayLike, k: int, candidates: npt.ArrayLike | None = None) -> DiverseSet:
    """Choose k of S seeds, each the farthest from those chosen before it.

    It begins with the two candidates farthest from each other, so that no arbitrary start decides; ties go to the earlier
    position. Distances are Euclidean: give rows of unit length where direction alone should count.

    Args:
        vectors: (S, D), one a seed, such as the mean of its pictures' features over prompts.
        k: number of seeds, >= 2.
        candidates: (S,) booleans, the seeds that may be chosen, such as the golden ones; None: all.

    O(S^2 D) time, O(S^2) memory.
    Raises ValueError for k below 2 or above the number of candidates, another shape, or candidates that are not finite.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(f"vectors have shape {rows.shape}; a table (seeds, dimensions) is needed")
    allowed = np.ones(len(rows), dtype=bool) if candidates is None else np.asarray(candidates)
    if allowed.shape != (len(rows),) or allowed.dtype != np.bool_:
        raise ValueError(f"candidates are {allowed.dtype} of shape {allowed.shape}; {len(rows)} booleans are needed")
    places = np.flatnonzero(allowed)
    if not 2 <= k <= len(places):
        raise ValueError(
            f"a diverse set of {k} seeds out of {len(places)} candidates: at least 2, and no more than there are"
        )
    rows = rows[places]
    if not np.isfinite(rows).all():
        odd = places[~np.isfinite(rows).all(axis=1)]
        raise ValueError(f"{len(odd)} candidates (the first at {odd[0]}) have no finite vector: take them out first")

    apart = _distances(rows)
    first, second = np.unravel_index(apart.argmax(), apart.shape)
    # Where all candidates are equal the farthest pair is a seed and itself.
    chosen = [int(first), int(second) if first != second else int(first) + 1]
    distance = [apart[chosen[0], chosen[1]]] * 2
    nearest = np.minimum(apart[chosen[0]], apart[chosen[1]])
    while len(chosen) < k:
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
        distance.append(nearest[chosen[-1]])
        nearest = np.minimum(nearest, apart[chosen[-1]])
    return DiverseSet(places[chosen], np.array(distance))


def _distances(rows: Array) -> Array:
    """Euclidean distances (S, S), 0 between equal rows."""
    around = rows - rows.mean(axis=0)
    lengths = np.einsum("ij,ij->i", around, around)
    squared = lengths[:, None] + lengths - 2.0 * (around @ around.T)
    # Equal rows come out as rounding, whose root would be a distance.
    squared[squared <= 64 * np.finfo(np.float64).eps * (lengths[:, None] + lengths)] = 0.0
    np.fill_diagonal(squared, 0.0)
    return np.asarray(np.sqrt(squared), dtype=np.float64)
