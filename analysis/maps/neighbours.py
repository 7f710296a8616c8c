"""t-SNE: places on a plane at which neighbours are neighbours; distances between far places mean nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LARGEST_PERPLEXITY = 30.0
FEWEST = 4


def neighbour_places(points: npt.ArrayLike, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(n, 2) places of points (n, D), n >= 4; the same on one machine for the same `rng`.

    Perplexity: 30, or (n - 1) / 3 where that is less. Starts from the first two principal components, so that the large
    lines of the map do not depend on chance.
    Source: van der Maaten, Hinton (2008), JMLR 9, 2579-2605; for the start, Kobak, Berens (2019), Nature Communications 10.
    Raises ValueError for fewer than 4 points.
    """
    from sklearn.manifold import TSNE

    rows = np.asarray(points, dtype=np.float32)
    if len(rows) < FEWEST:
        raise ValueError(f"{len(rows)} points; a map needs at least {FEWEST}")
    if rows.shape[1] < 2:
        rows = np.pad(rows, ((0, 0), (0, 2 - rows.shape[1])))
    perplexity = min(LARGEST_PERPLEXITY, (len(rows) - 1) / 3)
    state = int(rng.integers(2**31))
    places: npt.NDArray[np.float32] = TSNE(perplexity=perplexity, init="pca", random_state=state).fit_transform(rows)
    return places
