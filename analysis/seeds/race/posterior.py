"""How many of the best seeds a choice has, and how much of what they are worth, as far as is known.

Source: Berger, Deely (1988), "A Bayesian Approach to Ranking and Selection of Related Means with Alternatives to AOV
Methodology" (posterior draws of all effects together say how probable it is that a choice is right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.race.effects_after import RaceEffects


@dataclass(frozen=True)
class Posterior:
    """recall: expected share of the true best seeds that are chosen. gain: expected mean effect of the chosen over that of the
    true best; effects over the mean of all seeds; at most 1, and below 0 where the chosen are worse than the mean. recall_lo,
    gain_lo: what both exceed with a probability of 95 %."""

    recall: float
    gain: float
    recall_lo: float
    gain_lo: float


def posterior(
    effects: RaceEffects, chosen: npt.NDArray[np.bool_], k: int, rng: np.random.Generator, draws: int = 1000
) -> Posterior:
    """What is known of a choice (S,) bool of seeds beside the `k` best, higher effects being better.

    The scores that chose the seeds are in `effects`: choosing by them does not bias what is said. Fewer than k may be chosen.
    """
    drawn = effects.draws(rng, draws)
    least = np.partition(drawn, -k, axis=1)[:, -k, None]
    alike = drawn.max(axis=1) == drawn.min(axis=1)
    # Where no seed differs from another, any of them are the best.
    recall = np.where(alike, chosen.mean(), (drawn[:, chosen] >= least).sum(axis=1) / k)
    best = np.where(drawn >= least, drawn, 0.0).sum(axis=1) / (drawn >= least).sum(axis=1)
    mine = drawn[:, chosen].mean(axis=1) if chosen.any() else np.zeros(draws)
    of_all = drawn.mean(axis=1)
    mine, best = mine - of_all, best - of_all
    each = mine / np.where(best > 0, best, np.inf)
    gain = float(mine.mean() / best.mean()) if best.mean() > 0 else 0.0
    return Posterior(float(recall.mean()), gain, float(np.quantile(recall, 0.05)), float(np.quantile(each, 0.05)))
