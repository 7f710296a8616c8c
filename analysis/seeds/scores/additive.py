"""A grid of scores as prompt effect + seed effect + rest, by least squares: what every prompt has in common drops out.

Source: Scheffe (1959), "The Analysis of Variance", sections 4.1 and 4.4 (two-way layout, unequal numbers). For a complete
grid a seed's effect is the mean over prompts of its score less the prompt's mean; with missing cells that mean would
credit a seed for having missed the hard prompts or the good rivals, and least squares does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.ties import ROUNDING, tied


@dataclass(frozen=True, eq=False)
class AdditiveFit:
    """Least squares effects of a grid.

    seed: (S,) effects, which sum to 0 over the seeds that have a score; NaN for the others.
    prompt: (P,) score that the prompt would have with the average seed; NaN where no seed has a score.
    residual: (P, S) what is left, 0 where a cell is missing; sums to 0 over each prompt and over each seed.
    inverse: (S, S) from sums of prompt-centred scores over prompts to effects; 0 for seeds without a score.
    """

    scores: Scores
    seed: Array
    prompt: Array
    residual: Array
    inverse: Array

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(S,), true for seeds that have a score."""
        return ~np.isnan(self.seed)


def additive_fit(scores: Scores) -> AdditiveFit:
    """Fit prompts and seeds, exactly, with whatever cells there are. O(P S^2) only for prompts with a missing cell.

    Raises StatisticsError where fewer than two seeds have scores, or where seeds have no chain of common prompts.
    """
    means, centred = centre_by_prompt(scores.values)
    present = scores.present
    inverse = _inverse(present)
    largest = float(np.nanmax(np.abs(scores.values)))
    seed = tied(inverse @ centred.sum(axis=0), largest)
    # Equal scores differ by rounding once they are centred, and rounding over rounding would look like evidence.
    noise = ROUNDING * largest
    seed[np.abs(seed) < noise] = 0.0
    drawn = (present @ seed) / np.maximum(present.sum(axis=1), 1)
    centred -= present * (seed - drawn[:, None])
    centred[np.abs(centred) < noise] = 0.0
    return AdditiveFit(scores, np.where(present.any(axis=0), seed, np.nan), means - drawn, centred, inverse)


def centre_by_prompt(values: Array) -> tuple[Array, Array]:
    """Means (P,) over the seeds that are there, NaN where none is, and values (P, S) less them, 0 where missing."""
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    means = np.where(present, values, 0.0).sum(axis=1) / np.where(count, count, np.nan)
    centred = values - means[:, None]
    centred[~present] = 0.0
    return means, centred


def _inverse(present: npt.NDArray[np.bool_]) -> Array:
    """Pseudo-inverse (S, S) of the normal equations of the seeds after the prompts are eliminated."""
    known = np.flatnonzero(present.any(axis=0))
    cells = present[:, known]
    count, seeds = cells.sum(axis=1), len(known)
    if seeds < 2:
        raise StatisticsError(
            f"{seeds} of {present.shape[1]} seeds have any score; at least two are needed to compare."
        )
    if (count == seeds).all() and seeds == present.shape[1]:
        return (np.eye(seeds) - 1.0 / seeds) / len(present)
    complete = count == seeds
    partial = cells[~complete & (count > 0)] / np.sqrt(count[~complete & (count > 0), None])
    normal = np.diag(cells.sum(axis=0).astype(np.float64)) - complete.sum() / seeds - partial.T @ partial
    sets, _ = connected_components(np.abs(normal) > 1e-9, directed=False)
    if sets > 1:
        raise StatisticsError(
            f"The seeds fall into {sets} sets that share no prompt, so that their scores cannot be compared; "
            "generate the missing cells first."
        )
    inverse = np.zeros((present.shape[1], present.shape[1]))
    inverse[np.ix_(known, known)] = np.linalg.inv(normal + 1.0 / seeds) - 1.0 / seeds
    return inverse
