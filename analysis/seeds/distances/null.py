"""What chance alone does: the best, the worst and the spread of seeds whose images were shuffled between seeds.

A best and a worst of many seeds always differ, even where no seed matters. Within a prompt the images of seeds that do
not matter are exchangeable, and so are a seed's images of a group of prompts, taken together: they are shuffled by groups,
because a shuffle by prompts would take a seed's luck with one object for evidence.
Source: Phipson, Smyth (2010), "Permutation P-values Should Never Be Zero", for the p-value (b + 1) / (m + 1); Good (2005),
"Permutation, Parametric and Bootstrap Tests of Hypotheses", for permutation within blocks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.chance import p_values
from seedscope.analysis.seeds.distances.frechet import one_thread_each
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import sign

Cells = npt.NDArray[np.intp]
"""(P, S) indices into all images; a column is a seed's images, in the order of the prompts."""

Measure = Callable[[Cells], Array]
"""(S,) measures of the seeds whose images are the columns of the given cells. Called by several threads at a time."""

LARGEST_GRAM = 4096
"""Images up to which two Gram matrices are kept (134 MB each): shuffles then cost milliseconds."""


@dataclass(frozen=True, eq=False)
class Spread:
    """The best, the worst and the standard deviation of the seeds' measures: floats, or (B,) over B shuffles."""

    best: Array
    worst: Array
    deviation: Array


@dataclass(frozen=True, eq=False)
class ShuffleNull:
    """observed: of the seeds as they are (0-d arrays). chance: of B shuffles (B,). p_value: in [1 / (B + 1), 1].

    The p-value is for "the seeds do not differ at all": the share of shuffles whose standard deviation over seeds is at
    least the observed one, the observed one counted in.
    seed: (S,) p of each seed, one-sided, "no better than the median seed": the share of all shuffled seeds, of which each is
    taken over the median of its shuffle, that are at least as good; it supposes that errors of seeds are alike.
    over: (S,) how much better than the median seed each is; shuffled: (B S,) each shuffled seed than its median, ascending.
    """

    observed: Spread
    chance: Spread
    p_value: float
    seed: Array
    over: Array
    shuffled: Array


def images_and_cells(features: npt.ArrayLike) -> tuple[npt.NDArray[np.generic], Cells]:
    """All images as rows (P * S, D), and the cells (P, S) at which they stand, of a grid of features (P, S, D).

    Raises ValueError for another shape, a single prompt or a single seed.
    """
    grid = np.asarray(features)
    if grid.ndim != 3 or grid.shape[0] < 2 or grid.shape[1] < 2:
        raise ValueError(f"features of shape {grid.shape}: need (P >= 2, S >= 2, D)")
    prompts, seeds, dimensions = grid.shape
    return grid.reshape(-1, dimensions), np.arange(prompts * seeds).reshape(prompts, seeds)


def refuse_incomplete(rows: Array) -> None:
    """Raise ValueError where a value of prepared rows is not finite."""
    if not np.isfinite(rows).all():
        raise ValueError("a shuffle needs a complete grid: leave out prompts with a failed cell first")


def shuffle_null(
    measure: Measure,
    cells: Cells,
    rng: np.random.Generator,
    shuffles: int,
    groups: npt.ArrayLike | None = None,
    better: Better = "lower",
) -> ShuffleNull:
    """Measure the seeds of the cells (P, S) as they are, and after each shuffle between them.

    `groups` (P,): labels of prompts whose images are shuffled together, a seed's as one block; None: each prompt alone.
    `better`: which values are good.
    Raises ValueError for fewer than 1 shuffle, or for another number of labels or a single one.
    """
    if shuffles < 1:
        raise ValueError(f"{shuffles} shuffles show nothing; ask for at least one")
    prompts, seeds = cells.shape
    member = _member(np.arange(prompts) if groups is None else np.asarray(groups))
    count = len(np.unique(member))
    if len(member) != prompts or count < 2:
        raise ValueError(
            f"{len(member)} labels of {count} groups for {prompts} prompts: need one each, of 2 groups or more"
        )
    order = np.tile(np.arange(seeds), (count, 1))
    shuffled = (np.take_along_axis(cells, rng.permuted(order, axis=1)[member], axis=1) for _ in range(shuffles))
    observed, *chance = _measured(measure, chain([cells], shuffled))
    return _null(observed, np.array(chance), better)


def _measured(measure: Measure, grids: Iterator[Cells]) -> Iterator[Array]:
    """The measure of each grid, in order, several at a time."""
    at_a_time = os.cpu_count() or 1
    with one_thread_each(), ThreadPoolExecutor(at_a_time) as threads:
        while some := list(islice(grids, at_a_time)):
            yield from threads.map(measure, some)


def _null(observed: Array, chance: Array, better: Better) -> ShuffleNull:
    """From measures (S,) and those of B shuffles (B, S)."""
    # What differs by rounding alone is equal.
    beyond = (chance.std(axis=1) >= observed.std() * (1 - 1e-9)).sum()
    over = sign(better) * (observed - np.median(observed))
    shuffled = np.sort(sign(better) * (chance - np.median(chance, axis=1, keepdims=True)), axis=None)
    p = float((beyond + 1) / (len(chance) + 1))
    return ShuffleNull(_spread(observed, better), _spread(chance, better), p, p_values(over, shuffled), over, shuffled)


def _member(labels: npt.NDArray[np.generic]) -> npt.NDArray[np.intp]:
    """The number of each prompt's group, counted in the order in which the groups first appear."""
    _, first, member = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first.argsort().argsort()[member], dtype=np.intp)


def _spread(values: Array, better: Better) -> Spread:
    ends = values.min(axis=-1), values.max(axis=-1)
    best, worst = ends if better == "lower" else ends[::-1]
    return Spread(best, worst, values.std(axis=-1))
