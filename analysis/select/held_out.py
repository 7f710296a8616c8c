"""Chosen seeds against random ones, on prompts that took no part in choosing: what the choice is worth, and whether by luck.

Source: the null is that of a randomization test (Fisher 1935, "The Design of Experiments", section 21): if the choice says
nothing of these prompts, the chosen seeds are as good as any other set of as many of the seeds that were drawn together.
The error of the difference is that over groups of prompts (`effects`) and that of which seeds were drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.scores.additive import AdditiveFit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scores import StatisticsError, sign
from seedscope.analysis.select.comparison import Compared, Difference, difference

DRAWS = 4999
LEVEL = 0.025
"""Of p, one-sided: where a choice says nothing, 2.5 % of them pass."""


@dataclass(frozen=True)
class HeldOut:
    """random: mean score of the random seeds. chosen: the chosen less these. p: of a set of as many seeds at random being as
    good as the chosen one, counted over `draws`. seeds, prompts, groups: of random seeds, and of what they are compared on."""

    random: float
    chosen: Difference
    p: float
    draws: int
    seeds: int
    prompts: int
    groups: int

    @property
    def holds(self) -> bool:
        """Whether the choice is better than chance."""
        return self.p <= LEVEL

    @property
    def compared(self) -> Compared:
        """As reports show it."""
        return Compared(self.random, self.chosen, None, self.groups)


def against_random(
    fit: AdditiveFit, chosen: npt.NDArray[np.bool_], better: Better, rng: np.random.Generator, level: float = 0.95
) -> HeldOut:
    """Compare seeds (S,) with the others of a grid. Deterministic for the generator.

    Raises StatisticsError where either side has no seed with scores in two groups of prompts or more.
    """
    effects = seed_effects(fit, level)
    known = ~np.isnan(effects.se)
    ours, others = np.flatnonzero(chosen & known), np.flatnonzero(~chosen & known)
    if not len(ours) or not len(others):
        raise StatisticsError(
            f"{len(ours)} chosen and {len(others)} random seeds have scores on two groups of prompts or more: there is nothing "
            "to compare. More held-out prompts come with a larger budget."
        )
    share = effects.influence[:, ours].mean(axis=1) - effects.influence[:, others].mean(axis=1)
    between = effects.effect[others].var(ddof=1) - (effects.se[others] ** 2).mean() if len(others) > 1 else 0.0
    se = float(np.sqrt(share @ share + max(float(between), 0.0) / len(others)))
    gain = float(effects.effect[ours].mean() - effects.effect[others].mean())
    values = sign(better) * effects.effect[known]
    places = rng.permuted(np.tile(np.arange(len(values)), (DRAWS, 1)), axis=1)[:, : len(ours)]
    as_good = values[places].mean(axis=1) >= sign(better) * effects.effect[ours].mean() - 1e-12
    return HeldOut(
        random=float(np.nanmean(fit.scores.values[:, others])),
        chosen=difference(gain, se, float(effects.freedom[np.concatenate([ours, others])].min()), level),
        p=(1 + int(as_good.sum())) / (DRAWS + 1),
        draws=DRAWS,
        seeds=len(others),
        prompts=len(fit.scores.member),
        groups=len(fit.scores.groups),
    )
