"""Group inference: of the pictures of one prompt those few that are good and unlike each other.

    max  sum u_i y_i + weight sum_{i<j} b_ij y_i y_j   over y in {0, 1}^M with sum y = k

Source: Parmar et al. (2025), "Scaling Group Inference for Diverse and High-Quality Generation", arXiv 2508.15773, eq. for the
group's objective. Deviation: all candidates are finished pictures; none is given up on the way by what it promises.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array

Places = npt.NDArray[np.intp]
MOST_EXACT = 2000
"""Groups of which every one is looked at; of more, one is built picture by picture, and exchanges follow while they gain."""


def best_group(unary: Array, pair: Array, weight: float, k: int) -> Places:
    """(k,) ascending positions of the best group.

    Args:
        unary: (M,) how good each picture is. pair: (M, M) symmetric, how unlike two are; its diagonal does not count.

    Exact for at most 2,000 groups; else greedy, then by exchanges, which may end in a group that only no exchange betters.
    Raises ValueError for k beyond M.
    """
    count = len(unary)
    if not 1 <= k <= count:
        raise ValueError(f"a group of {k} out of {count} pictures")
    if comb(count, k) <= MOST_EXACT:
        groups = _groups(count, k)
        best: Places = groups[int(worth(unary, pair, weight, groups).argmax())]
        return best
    return _by_exchange(unary, pair, weight, _greedy(unary, pair, weight, k))


def worth(unary: Array, pair: Array, weight: float, groups: Places) -> Array:
    """(G,) the objective of groups (G, k)."""
    k = groups.shape[1]
    unlike = sum((pair[groups[:, i], groups[:, j]] for i in range(k) for j in range(i)), np.zeros(len(groups)))
    return np.asarray(unary[groups].sum(axis=1) + weight * unlike)


@lru_cache(maxsize=8)
def _groups(count: int, k: int) -> Places:
    return np.array(list(combinations(range(count), k)), dtype=np.intp)


def _greedy(unary: Array, pair: Array, weight: float, k: int) -> Places:
    """Begins with the best two, and adds what gains most."""
    if k == 1:
        return np.array([int(unary.argmax())], dtype=np.intp)
    gain = unary[:, None] + unary + weight * pair
    np.fill_diagonal(gain, -np.inf)
    chosen = list(map(int, np.unravel_index(int(gain.argmax()), gain.shape)))
    while len(chosen) < k:
        added = unary + weight * pair[:, chosen].sum(axis=1)
        added[chosen] = -np.inf
        chosen.append(int(added.argmax()))
    return np.array(sorted(chosen), dtype=np.intp)


def _by_exchange(unary: Array, pair: Array, weight: float, chosen: Places) -> Places:
    while True:
        others = np.setdiff1d(np.arange(len(unary)), chosen)
        best, found = float(worth(unary, pair, weight, chosen[None])[0]), chosen
        for out in range(len(chosen)):
            kept = np.delete(chosen, out)
            groups = np.concatenate([np.broadcast_to(kept, (len(others), len(kept))), others[:, None]], axis=1)
            worths = worth(unary, pair, weight, groups)
            if worths.max() > best + 1e-12:
                best, found = float(worths.max()), groups[int(worths.argmax())]
        if found is chosen:
            return np.sort(chosen)
        chosen = found
