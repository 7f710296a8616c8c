"""Everything that is said of the seeds by one scalar measurement: effects, what they are worth, and what chance gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import Chance, Ranking
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit, centre_by_prompt
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.effects import Effects, for_all_seeds, seed_effects
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.halvings import Halvings, HeldOut, halvings, held_out
from seedscope.analysis.seeds.scores.outlying import broken, shuffled_alike
from seedscope.analysis.seeds.scores.rates import Rates, rates
from seedscope.analysis.seeds.scores.score_null import ScoreNull, score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError, sign
from seedscope.analysis.seeds.scores.shrinkage import Shrunk, posterior_draws, shrink, top_probability
from seedscope.analysis.seeds.scores.split import effects_of_parts
from seedscope.analysis.seeds.scores.variance import VarianceShares, prompts_needed, reliability, variance_shares
from seedscope.analysis.seeds.seed_row import SeedColumns, ranked_table
from seedscope.analysis.seeds.stability import Stability, stability

FEWEST_SHUFFLES = 1000


def shuffles_of_scores(of_pictures: int) -> int:
    """How often scores are shuffled where a study asks for so many shuffles of pictures; 0: not at all.

    Ten times as often, and a thousand times at least: it costs milliseconds, and tests of many seeds lie in the tails.
    """
    return max(10 * of_pictures, FEWEST_SHUFFLES) if of_pictures else 0


@dataclass(frozen=True, eq=False)
class Scalar:
    """One measurement of S seeds; arrays have one entry a seed, in the order of `seeds`.

    better: which values are good; None where neither is. rates: where the measurement is yes or no. median: of the median
    seed on these prompts, to which an effect adds up to a seed's value; sd: between pictures of one prompt. q: false
    discovery rate at which a seed is better than the median seed, and top: probability of being among the `k` best: None
    without a good direction, or (q) shuffles, or (top) enough seeds. null: of shuffled seeds; None where not asked for.
    halves: effects on halves of the prompts, and held: what the k best of a half are worth on the other; None for a single
    group of prompts. shares: the same; alike: those of the seeds that are not `far` (S,) off all others. parts: effects on two
    halves; stability: of the one ranking against the other; None where they cannot be compared. on: (P,) true for the first of
    these, among `scores`. measured: true for the prompts of the study that have a value at all, those of `scores`. missing:
    cells without a value.
    """

    name: str
    better: Better | None
    seeds: npt.NDArray[np.int64]
    scores: Scores
    median: float
    sd: float
    effects: Effects
    shrunk: Shrunk
    k: int
    top: Array | None
    q: Array | None
    null: ScoreNull | None
    halves: Halvings | None
    held: HeldOut | None
    rates: Rates | None
    shares: VarianceShares | None
    far: npt.NDArray[np.bool_]
    alike: VarianceShares | None
    on: npt.NDArray[np.bool_] | None
    parts: tuple[Effects, Effects] | None
    stability: Stability | None
    measured: npt.NDArray[np.bool_]
    missing: int

    @property
    def mean(self) -> float:
        """Of the average seed on these prompts."""
        return self.median + float(np.nanmean(self.effects.effect))

    @property
    def values(self) -> Array:
        """(S,) what the average prompt gives with the seed: for a complete grid the seed's mean, or its rate."""
        return self.median + self.effects.effect if self.rates is None else self.rates.rate

    def by_chance(self, effects: Array) -> tuple[float, float]:
        """95 % of what shuffled seeds have, as values, from their effects (B,), such as `null.best`; within 0..1 of a rate.

        Over the median seed, as effects are: where that has the best rate that there is, luck has none better.
        """
        low, high = (self.median + np.quantile(effects, [0.025, 0.975])).tolist()
        return (low, high) if self.rates is None else (min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0))

    @property
    def reliability(self) -> float | None:
        """Of the ranking of the seeds that are not far off all others: one that is would make any ranking reliable."""
        return None if self.alike is None else reliability(self.alike)

    @property
    def prompts_for_08(self) -> int | None:
        """How many prompts a reliability of 0.8 would take; None where these seeds do not vary."""
        return None if self.alike is None else prompts_needed(self.alike)


def scalar(
    grid: Grid,
    name: str,
    better: Better | None,
    *,
    is_rate: bool,
    ranking: npt.NDArray[np.bool_] | None,
    k: int,
    shuffles: int,
    rng: np.random.Generator,
) -> Scalar:
    """Judge all seeds by a grid of scores. `ranking` (P,) is true for the prompts to rank on; None: they are not split.

    Raises StatisticsError where the grid does not allow it: one seed, no values, seeds that share no prompt.
    """
    values = np.where(np.isfinite(grid.values), grid.values, np.nan)
    measured = np.asarray(~np.isnan(values).all(axis=1))
    if not measured.any():
        raise StatisticsError(f"None of {len(values)} prompts has a picture with a value.")
    scores = Scores.of(values[measured], grid.groups[measured])
    fit = additive_fit(scores)
    null = score_null(shuffled_alike(fit, rng, shuffles_of_scores(shuffles)), better or "higher") if shuffles else None
    effects = seed_effects(fit, null=null)
    far = broken(fit)
    shrunk = shrink(effects, null, far)
    k = min(k, int(fit.known.sum()))
    median = float(np.nanmean(fit.prompt) + np.nanmedian(fit.seed))
    on = None if ranking is None else ranking[measured]
    parts, halves = None if on is None else _parts(scores, on), halvings(fit)
    return Scalar(
        name=name,
        better=better,
        seeds=grid.seeds,
        scores=scores,
        median=median,
        sd=_within_prompts(fit, None if null is None else null.alike),
        effects=effects,
        shrunk=shrunk,
        k=k,
        top=None if better is None else _top(shrunk, k, better, rng),
        q=None if better is None or null is None else q_values(null.p),
        null=null,
        halves=halves,
        held=None if halves is None else held_out(halves, k, better or "higher"),
        rates=_rates(scores, median + effects.effect) if is_rate else None,
        shares=_shares(fit, effects),
        far=far,
        alike=_shares_of_others(fit, effects, far),
        on=on,
        parts=parts,
        stability=None if parts is None else _stability(*parts, k, better or "higher", rng),
        measured=measured,
        missing=int(np.isnan(scores.values).sum()),
    )


def _within_prompts(fit: AdditiveFit, alike: npt.NDArray[np.bool_] | None) -> float:
    """Root mean square of scores less their prompt's mean over its seeds, over degrees of freedom; 0 where none is left.

    alike: (S,) the seeds to take; others lie far off, and would widen it. None: all.
    """
    values = fit.scores.values if alike is None else fit.scores.values[:, alike]
    present = ~np.isnan(values)
    _, centred = centre_by_prompt(values)
    freedom = int(present.sum() - present.any(axis=1).sum())
    return float(np.sqrt((centred**2).sum() / freedom)) if freedom else 0.0


def _rates(scores: Scores, expected: Array) -> Rates:
    """Of complete scores as they are; else as `expected` (S,) on the average prompt: a seed may have missed those that nearly
    always show the thing."""
    complete = bool(scores.present.all())
    return rates(scores.values, scores.member, expected=None if complete else np.clip(expected, 0.0, 1.0))


def _top(shrunk: Shrunk, k: int, better: Better, rng: np.random.Generator) -> Array | None:
    return (
        None
        if np.isnan(shrunk.effect).any()
        else top_probability(posterior_draws(shrunk, rng), k, better, shrunk.alike, shrunk.far)
    )


def _shares(fit: AdditiveFit, effects: Effects) -> VarianceShares | None:
    try:
        return variance_shares(fit, effects)
    except StatisticsError:
        return None


def _shares_of_others(fit: AdditiveFit, effects: Effects, far: npt.NDArray[np.bool_]) -> VarianceShares | None:
    if not far.any():
        return _shares(fit, effects)
    try:
        others = additive_fit(fit.scores.without(far))
    except StatisticsError:
        return None
    return _shares(others, seed_effects(others))


def _parts(scores: Scores, on: npt.NDArray[np.bool_]) -> tuple[Effects, Effects] | None:
    try:
        return effects_of_parts(scores, on)
    except StatisticsError:
        return None


def _stability(
    ranking: Effects, confirmation: Effects, k: int, better: Better, rng: np.random.Generator
) -> Stability | None:
    try:
        return stability(ranking.effect, confirmation.effect, k, better, rng)
    except StatisticsError:
        return None


def columns(found: Scalar) -> dict[str, pa.Array]:
    """What the seeds table says of a measurement, in the order of its seeds: column -> values, null where undefined."""
    return _seed_columns(found).named(found.name)


def _seed_columns(found: Scalar) -> SeedColumns:
    """By field.

    The value has an interval of its own where it is a rate; `q` and `probability` are there where a direction is good.
    """
    effects, shrunk, rate, null, held = found.effects, found.shrunk, found.rates, found.null, found.held
    together = (None, None) if null is None else for_all_seeds(effects, null)
    judged = None if found.better is None else null
    ranks = (None, None) if judged is None or found.better is None else judged.ranks(found.better)
    return SeedColumns(
        k=found.k,
        value=found.values,
        lo=None if rate is None else rate.lo,
        hi=None if rate is None else rate.hi,
        n=effects.n,
        effect=effects.effect,
        effect_lo=effects.lo,
        effect_hi=effects.hi,
        together_lo=together[0],
        together_hi=together[1],
        shrunk=shrunk.effect,
        shrunk_lo=shrunk.lo,
        shrunk_hi=shrunk.hi,
        p=None if judged is None else judged.p,
        q=found.q,
        rank_lo=ranks[0],
        rank_hi=ranks[1],
        chosen=None if found.better is None or held is None else held.chosen,
        probability=found.top,
    )


def rank_by(found: Scalar) -> Ranking:
    """The seeds by their effect on a measurement that has a good direction, best first; equal seeds share a rank.

    Raises ValueError where neither direction is good.
    """
    if found.better is None:
        raise ValueError(f"{found.name} has no direction that is good, so that seeds cannot be ranked by it")
    badness = -sign(found.better) * found.effects.effect
    order = np.argsort(badness, kind="stable")
    known = badness[~np.isnan(badness)]
    ranks = [None if np.isnan(value) else int((known < value).sum()) + 1 for value in badness[order]]
    return Ranking(
        measure=found.name,
        images_a_seed=int(found.effects.n.max()),
        prompts_left_out=0,
        groups=len(found.scores.groups),
        real_images=None,
        dimensions=None,
        chance=None if found.null is None else _chance(found, found.null),
        table=ranked_table(
            found.name, _seed_columns(found), seeds=found.seeds, n=found.effects.n, order=order, ranks=ranks
        ),
        better=found.better,
        rate=found.rates is not None,
        missing=found.missing,
    )


def _chance(found: Scalar, null: ScoreNull) -> Chance:
    return Chance(len(null.best), null.differ, found.by_chance(null.best), found.by_chance(null.worst))
