"""Which seeds bear a change of their noise, or of their size, and which are brittle under it.

What is compared is how far a seed's pictures go, for each prompt, on the scale on which they lie 1 apart from the other seeds'
pictures of the prompt, in the middle: a seed whose pictures are unlike all others goes far, and is not brittle for that.
Source: for the errors of means over groups of prompts, Liang, Zeger (1986), "Longitudinal data analysis using generalized
linear models"; for the comparison, `effects.py`, `score_null.py` and `discovery.py`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.effects import Effects, seed_effects
from seedscope.analysis.seeds.scores.outlying import shuffled_alike
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError

LEVEL = 0.95
RATE = 0.05
"""False discovery rate at which a seed is called stable or brittle."""
SHUFFLES = 2000
BAND = (0.05, 0.95)
"""The part of the other seeds' distances that sentences and plots give."""
Verdict = Literal["stable", "brittle", "as others"]


@dataclass(frozen=True, eq=False)
class Way:
    """Means over prompts (..., S) with their intervals; NaN where no prompt has both pictures, or a single group has."""

    mean: Array
    lo: Array
    hi: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Bearing:
    """How S seeds bear a change.

    area: (S,) mean distance, where other seeds are 1 apart. effects: (S,) areas over that of the median seed.
    stable, brittle: (S,) q-values of "is no more stable, or brittle, than the median seed". differ: p of "seeds do not differ
        at all".
    prompts, groups: how many were drawn.
    """

    area: Way
    effects: Effects
    stable: Array
    brittle: Array
    differ: float
    prompts: int
    groups: int

    @property
    def order(self) -> npt.NDArray[np.intp]:
        """(S,) the seeds by index, the most stable first."""
        return np.argsort(self.area.mean, kind="stable")

    def verdict(self, seed: int) -> Verdict:
        """Of the seed at an index."""
        if self.stable[seed] <= RATE:
            return "stable"
        return "brittle" if self.brittle[seed] <= RATE else "as others"


def bearing(areas: Array, groups: npt.ArrayLike, rng: np.random.Generator) -> Bearing:
    """Compare seeds by how far they go.

    Args:
        areas: (P, S) distances, NaN where a cell failed.
        groups: (P,) labels of the prompts' groups.

    Raises:
        StatisticsError: fewer than two seeds that have a distance.
    """
    scores = Scores.of(areas, groups)
    fit = additive_fit(scores)
    shuffle = shuffled_alike(fit, rng, SHUFFLES)
    nulls = [score_null(shuffle, better, LEVEL) for better in ("lower", "higher")]
    q = q_values(np.concatenate([null.p for null in nulls])).reshape(2, -1)
    return Bearing(
        area=means(areas, scores.member),
        effects=seed_effects(fit, LEVEL, nulls[0]),
        stable=q[0],
        brittle=q[1],
        differ=nulls[0].differ,
        prompts=areas.shape[0],
        groups=len(scores.groups),
    )


def refuse_too_few(prompts: int, seeds: int, least: int = 2) -> None:
    """Refuse what allows no comparison.

    Raises:
        StatisticsError: fewer than two prompts, or than so many seeds.
    """
    if prompts < 2 or seeds < least:
        raise StatisticsError(
            f"{prompts} prompt(s) x {seeds} seed(s): seeds are compared with each other over prompts; take at least "
            + ("two of each." if least == 2 else f"{least} seeds and two prompts.")
        )


def to_others(distances: Array) -> Array:
    """Distances (..., S, S) of pictures of one seed from those of another, NaN where both are the same seed."""
    return np.where(np.eye(distances.shape[-1], dtype=bool), np.nan, distances)


def apart(others: Array) -> Array:
    """(..., S) median distance of each seed's picture from those of the others, from (..., S, S) as of `to_others`.

    Raises:
        StatisticsError: of a prompt they do not differ.
    """
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of cells that failed: NaN
        found = np.asarray(np.nanmedian(others, axis=-1))
    if (found == 0).any():
        raise StatisticsError(
            "Of a prompt a seed's picture is the same as all others', so that nothing is far from it."
        )
    return found


def means(values: Array, member: npt.NDArray[np.intp]) -> Way:
    """Means (..., S) of values (..., P, S) over prompts, with Student's t intervals over groups of prompts."""
    there = ~np.isnan(values)
    count = there.sum(axis=-2)
    mean = np.where(there, values, 0).sum(axis=-2) / np.where(count, count, np.nan)
    off = np.where(there, values - mean[..., None, :], 0)
    sums = np.stack([off[..., member == group, :].sum(axis=-2) for group in range(member.max() + 1)])
    known = np.stack([there[..., member == group, :].any(axis=-2) for group in range(member.max() + 1)]).sum(axis=0)
    freedom = np.where(known > 1, known - 1, np.nan)
    error = np.sqrt((sums**2).sum(axis=0) * known / freedom) / count
    half = stdtrit(freedom, 0.5 + LEVEL / 2) * error
    return Way(mean, mean - half, mean + half)


def over_seeds(values: Array, member: npt.NDArray[np.intp]) -> Way:
    """As `means`, of the mean over seeds of (..., P, S)."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of prompts whose cells all failed: NaN
        of_prompts = np.nanmean(values, axis=-1, keepdims=True)
    way = means(of_prompts, member)
    return Way(way.mean[..., 0], way.lo[..., 0], way.hi[..., 0])
