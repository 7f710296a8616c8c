"""What the rounds of a race so far know of its end: how much the seed decides, and what is to be won with this budget.

How far seed effects spread is known from all seeds together, long before single seeds are; still, one round of few prompts
cannot rule out effects that the last rounds would show. Without any seed effect, of 1,024 seeds to 16 in six rounds and 15,360
pictures, the upper bound of the reliability at the final prompts is 0.82 to 0.89 after the first round (lambda = 74: 0.82 to
0.93), and 0.34 to 0.47 after the last one. So "too little" comes at once only where the last rounds add little, as where a
fifth of the seeds are wanted; no rule tells no effect from a small one by what is not there yet. Whether golden seeds are
golden, the confirmation says in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.race.effects_after import RaceEffects, effects_after
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.variance import Component, variance_shares
from seedscope.analysis.select.racing import Round
from seedscope.analysis.select.simulated_race import STUDIES, Outcome, simulated

ENOUGH = 0.3
"""Reliability at the final prompts below which a list is no use: most of what the best seeds show would be luck."""


@dataclass(frozen=True)
class FirstLook:
    """share: the seed's part of the variance of single scores, with its interval (`variance`, from the first round's grid);
    None where the prompts of that are of one group.
    noise_ratio: lambda, the variance of the rest over that of seed effects, from all cells; the median of what is likely, with
    its 95 % interval; infinite where seeds may not differ at all. reliability: of the ranking of those who stay to the end, at
    all their prompts; its expected value, and the value below which it lies with a probability of 95 %.
    race, uniform: what to expect of this race, and of a uniform sweep with as many pictures, averaged over what lambda may be.
    too_little: the upper bound of the reliability is below `ENOUGH`.
    """

    share: Component
    noise_ratio: float
    noise_ratio_lo: float
    noise_ratio_hi: float
    reliability: float
    reliability_hi: float
    race: Outcome
    uniform: Outcome
    too_little: bool


def first_look(
    scores: Array,
    schedule: Sequence[Round],
    golden: int,
    rng: np.random.Generator,
    groups: npt.ArrayLike | None = None,
    effects: RaceEffects | None = None,
) -> FirstLook:
    """Look at a race after its first round, or after a later one.

    scores: (P, S) float64, NaN where a seed was out or has no score; a row for each prompt drawn so far. schedule: all rounds
    of the race. groups: (P,) labels of the prompts, for the share's interval; None: each for itself. effects: those of
    `scores`, where they are known already.
    Raises StatisticsError where no seed can be compared with another.
    """
    effects = effects_after(scores) if effects is None else effects
    final = sum(block.prompts for block in schedule)
    ratios = rng.choice(effects.ratio, STUDIES, p=effects.weight)
    pictures, seeds = sum(block.pictures for block in schedule), schedule[0].seeds
    uniform = (Round(seeds, max(pictures // seeds, 1)),)
    upper = _reliability(effects.quantile(0.95), final)
    return FirstLook(
        share=_share(scores, groups),
        noise_ratio=_inverse(effects.quantile(0.5)),
        noise_ratio_lo=_inverse(effects.quantile(0.975)),
        noise_ratio_hi=_inverse(effects.quantile(0.025)),
        reliability=float((effects.weight * _reliability(effects.ratio, final)).sum()),
        reliability_hi=float(upper),
        race=simulated(schedule, golden, ratios, rng),
        uniform=simulated(uniform, golden, ratios, rng),
        too_little=bool(upper < ENOUGH),
    )


def _share(scores: Array, groups: npt.ArrayLike | None) -> Component:
    """The seed's share on the prompts of which no seed was out: those of the first round."""
    all_groups = np.arange(len(scores)) if groups is None else np.asarray(groups)
    present = (~np.isnan(scores)).sum(axis=1)
    first = present > 0.75 * present.max()
    fit = additive_fit(Scores.of(scores[first], all_groups[first]))
    try:
        return variance_shares(fit, seed_effects(fit)).seed
    except StatisticsError:
        return Component(float("nan"), None, None, None)


def _reliability(ratio: float | Array, prompts: int) -> float | Array:
    return prompts * ratio / (1.0 + prompts * ratio)


def _inverse(ratio: float) -> float:
    return 1.0 / ratio if ratio > 0 else float("inf")
