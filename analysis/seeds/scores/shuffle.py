"""What chance alone makes of scores: the best, the worst and the spread of seeds whose scores were shuffled between seeds.

Where seeds do not differ, the scores of a prompt are exchangeable between seeds, and so are the summed scores of a group of
prompts: they are shuffled by groups, because a shuffle by prompts would take a seed's luck with one object for evidence.
A missing cell stays where it is.
Source: Good (2005), "Permutation, Parametric and Bootstrap Tests of Hypotheses", for permutation within blocks; Phipson,
Smyth (2010) for p-values (b + 1) / (m + 1); Westfall, Young (1993), "Resampling-Based Multiple Testing", algorithm 2.5,
for the best of many.
Deviation: a shuffle turns the seeds of each group round by a random number of places, in an order that was drawn once for
each block of groups. These turns are a subgroup of all shuffles, which is enough for exact p-values (Hemerik, Goeman
2018, "Exact testing with random permutations", theorem 2), and sums over many groups spread as under all shuffles; a turn
is a copy of memory, sixty times faster than a shuffle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, centre_by_prompt
from seedscope.analysis.seeds.scores.scores import StatisticsError, sign

BLOCKS, LARGEST_BLOCK = 64, 128
"""Groups are turned in at least so many blocks, each with an order of its own, or one by one; and at most so many at a time,
which with a thousand seeds stay in the cache."""
LARGEST_COPY = 2**17
"""Numbers copied at a time: several shuffles at once where groups and seeds are few."""

Rows = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ScoreNull:
    """Seeds' effects as observed and over B shuffles, in the score's unit; p-values in [1 / (B + 1), 1].

    observed: (S,) effects, NaN for seeds without a score. best, worst, deviation: (B,) of shuffled seeds, `best` by the
    measure's direction, `deviation` the root mean square effect.
    differ: p of "seeds do not differ at all", by the deviation. seed: (S,) p of each seed, one-sided, against all shuffled
        seeds; it supposes that errors of seeds are alike. family: (S,) p against the best shuffled seed, which holds for
        all seeds at once; the smallest is the p of the best seed.
    """

    observed: Array
    best: Array
    worst: Array
    deviation: Array
    differ: float
    seed: Array
    family: Array


def score_null(fit: AdditiveFit, better: Better, rng: np.random.Generator, shuffles: int = 200) -> ScoreNull:
    """Shuffle scores between seeds within each group of prompts. Raises StatisticsError for fewer than 1 shuffle."""
    if shuffles < 1:
        raise StatisticsError(f"{shuffles} shuffles show nothing; ask for at least one.")
    known, direction = fit.known, sign(better)
    chance = direction * _shuffled_effects(fit, rng, shuffles)[:, known]
    observed = direction * fit.seed[known]
    best, worst = chance.max(axis=1), chance.min(axis=1)
    deviation = np.sqrt((chance**2).mean(axis=1))
    seed, family = np.full(len(known), np.nan), np.full(len(known), np.nan)
    seed[known] = _p_values(observed, chance.ravel())
    family[known] = _p_values(observed, best)
    differ = _p_values(np.sqrt((observed**2).mean(keepdims=True)), deviation)[0]
    return ScoreNull(fit.seed, direction * best, direction * worst, deviation, float(differ), seed, family)


def _p_values(observed: Array, chance: Array) -> Array:
    """Share of chance values (M,) that are at least as large as each of observed (N,), the observed one counted in."""
    tolerance = 1e-5 * np.abs(chance).max(initial=0.0)
    smaller = np.searchsorted(np.sort(chance), observed - tolerance, side="left")
    return np.asarray((len(chance) - smaller + 1) / (len(chance) + 1))


def _shuffled_effects(fit: AdditiveFit, rng: np.random.Generator, shuffles: int) -> Array:
    """Effects (B, S) of seeds after each shuffle, from sums that grow block by block of groups."""
    scores = fit.scores
    _, centred = centre_by_prompt(scores.values)
    sums, cells = scores.by_group(centred), scores.by_group(scores.present)
    total = np.zeros((shuffles, centred.shape[1]))
    size = min(max(len(sums) // BLOCKS, 1), LARGEST_BLOCK)
    for start in range(0, len(sums), size):
        block, order = slice(start, start + size), rng.permutation(centred.shape[1])
        total[:, order] += _turned(sums[block][:, order], cells[block][:, order], rng, shuffles)
    return np.asarray(total @ fit.inverse)


def _turned(sums: Array, cells: Array, rng: np.random.Generator, shuffles: int) -> Array:
    """Totals (B, S) of the sums (g, S) of a block of groups, each turned round among the seeds that have cells.

    Sums of unequally many cells are exchangeable once divided by the root of that number.
    """
    present = cells > 0
    root = np.sqrt(np.maximum(cells, 1))
    uneven = bool((cells != cells[:, :1]).any())
    unit = (sums / root if uneven else sums).astype(np.float32)
    packed, places, length = _packed(unit, present)
    turned = sliding_window_view(packed, sums.shape[1], axis=1)
    row, total = np.arange(len(sums)), np.empty((shuffles, sums.shape[1]))
    at_once = max(LARGEST_COPY // unit.size, 1)
    for start in range(0, shuffles, at_once):
        part = total[start : start + at_once]
        drawn = turned[row, rng.integers(0, length, (len(part), len(row)))]
        if uneven:
            drawn = np.take_along_axis(drawn, places[None], axis=2) * (root * present)
        drawn.sum(axis=1, out=part)
    return total


def _packed(unit: Rows, present: npt.NDArray[np.bool_]) -> tuple[Rows, Places, Places]:
    """Rows (g, 2 S) of each group's present values, repeated; each seed's place among them (g, S); their number (g,)."""
    length = np.maximum(present.sum(axis=1), 1)
    first = np.argsort(~present, axis=1, kind="stable")
    again = np.arange(2 * unit.shape[1]) % length[:, None]
    packed = np.take_along_axis(np.take_along_axis(unit, first, axis=1), again, axis=1)
    return packed, np.maximum(np.cumsum(present, axis=1) - 1, 0), length
