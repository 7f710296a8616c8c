"""How many seeds were told, with an interval over groups of prompts, and what guessing gives.

Pictures of one prompt, and of prompts of one group, are told or not together, so that the interval is over groups: a
Student t interval of their means. Guessing tells one of S; the null is a classifier that learnt shuffled labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, stdtrit

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Accuracy:
    """A share of pictures whose seed was told, 0 to 1.

    lo, hi: 95 % interval over groups; NaN of one group. guess: what guessing gives. p: of as many or more by guessing.
    """

    share: float
    lo: float
    hi: float
    pictures: int
    groups: int
    guess: float
    p: float


def accuracy(told: Places, groups: Sequence[str]) -> Accuracy:
    """Of what seeds pictures were taken for.

    Args:
        told: (P, S), the place of the seed that each picture was taken for; the right one is the column's.
        groups: P, of each prompt.
    """
    hits = told == np.arange(told.shape[1])
    named = np.array(groups)
    sizes = np.array([np.count_nonzero(named == group) for group in np.unique(named)], float)
    means = np.array([hits[named == group].mean() for group in np.unique(named)])
    share, count, guess = float(hits.mean()), len(means), 1 / told.shape[1]
    lo = hi = float("nan")
    if count > 1:
        # The mean over pictures weighs groups by their size: its variance is that of the weighted deviations.
        weights = sizes / sizes.sum()
        error = float(np.sqrt(count / (count - 1) * np.sum((weights * (means - share)) ** 2)))
        reach = float(stdtrit(count - 1, 0.975)) * error
        lo, hi = max(0.0, share - reach), min(1.0, share + reach)
    right = int(hits.sum())
    p = float(bdtrc(right - 1, hits.size, guess)) if right else 1.0
    return Accuracy(share, lo, hi, hits.size, count, guess, p)


def confusion(chances: npt.NDArray[np.floating], places: Places) -> npt.NDArray[np.float64]:
    """(S, S), for each seed in a row the mean chance that the classifier gave each seed.

    Args:
        chances: (N, S), rows that add up to 1.
        places: N, the place of each picture's own seed.
    """
    seeds = chances.shape[1]
    sums = np.zeros((seeds, seeds))
    np.add.at(sums, places, chances)
    counts = np.bincount(places, minlength=seeds)
    return sums / np.maximum(counts, 1)[:, None]
