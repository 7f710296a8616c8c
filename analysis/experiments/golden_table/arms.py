"""Which seeds are compared: golden, worst and random ones, and on which prompts none of them was chosen.

Random ones are drawn from all seeds but the golden, broken ones too: whoever chooses no seed gets these as often as they are
there, and what golden seeds gain is against that. Where only broken ones are worse, `as_good` says so: most sets of random
seeds do as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.judging.golden_rules import choose
from seedscope.analysis.judging.judge import judge, real_pictures, refuse_unfinished, split
from seedscope.analysis.judging.measurement import quality
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.distances.frechet import frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.analysis.seeds.scores.scores import Scores, sign
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.prompts import Prompt

FEWEST_GROUPS, FEWEST_RANDOM = 4, 16


@dataclass(frozen=True)
class Arms:
    """Seeds to compare; the worst may be among the random ones. order: seeds from best to worst, as they were chosen.

    population: how many seeds the random ones were drawn from. chosen: a sentence on how.
    """

    golden: Sequence[int]
    worst: Sequence[int]
    random: Sequence[int]
    population: int
    order: Sequence[int]
    chosen: str

    @property
    def seeds(self) -> list[int]:
        """All of them, once each, in the order of their numbers."""
        return sorted({*self.golden, *self.worst, *self.random})


@dataclass(frozen=True)
class Halves:
    """Prompts of a run: those that seeds are chosen on, and those that are held out."""

    choosing: Sequence[Prompt]
    held_out: Sequence[Prompt]


def halves(run: Run, remedy: str) -> Halves:
    """The halves that the run's report knows too; a group of prompts is never torn.

    Args:
        remedy: what a person may do where there are too few groups.

    Raises:
        UserError: the run is not finished, or either half would have too few groups of prompts.
    """
    refuse_unfinished(run)
    prompts = run.wanted.prompts
    on = split(run, np.array([prompt.group for prompt in prompts]))
    first = [] if on is None else [prompt for prompt, here in zip(prompts, on, strict=True) if here]
    second = [] if on is None else [prompt for prompt, here in zip(prompts, on, strict=True) if not here]
    fewest = min(len({prompt.group for prompt in half}) for half in (first, second))
    if fewest < FEWEST_GROUPS:
        raise UserError(
            f"{run.study.name}: a half of its {len(prompts):,} prompts has {fewest} group(s), and what holds for fresh prompts "
            f"is told from {FEWEST_GROUPS} on. {remedy}"
        )
    return Halves(first, second)


def arms_of_half(run: Run, prompts: Sequence[Prompt], most: int | None) -> Arms:
    """The best and the worst seeds on some prompts of a run; random ones are all but the golden.

    Seeds go by what the study ranks by, each measure in standard deviations between seeds; by the rule `overlap` golden seeds
    are among the best by both. A Frechet distance is taken of these prompts' pictures alone.

    Args:
        most: golden seeds to choose; None: as many as the study's list may have.

    Raises:
        UserError: too few seeds, or the two top lists have none in common.
    """
    k = most or run.study.ranked.golden
    seeds = list(run.wanted.seeds)
    refuse_few_seeds(run, k, len(seeds))
    values = _values(run, {prompt.id for prompt in prompts})
    names = [name for _, name in run.study.ranked.named]
    by = run.study.ranked.by
    weights = by if isinstance(by, dict) else {}
    both = run.study.ranked.rule == "overlap"
    order, golden = by_values(seeds, values, weights, k, both=both)
    by_name = " and ".join(names)
    how = f"the {len(golden)} best of {len(seeds)} seeds by {by_name}"
    if both:
        how = f"the {len(golden)} seeds that are among the {k} best of {len(seeds)} by both {by_name}"
    if not golden:
        raise UserError(f"{run.study.name}: no seed is among the {k} best by both {by_name}. Name more with --best.")
    refuse_few_seeds(run, len(golden), len(order))
    others = sorted(set(order) - set(golden))
    chosen = f"Golden are {how} on the other {len(prompts):,} prompts of the run"
    return Arms(golden, worst_of(order, golden), others, len(others), order, chosen)


def by_values(
    seeds: Sequence[int], values: Mapping[str, Array], weights: Mapping[str, float], k: int, *, both: bool
) -> tuple[list[int], list[int]]:
    """Seeds with values from best to worst, by the weighted sum; and the k best, or those among the k best by each measure.

    Args:
        values: measure -> (S,), higher is better; NaN for a seed without one, which is left out.
        weights: measure -> its weight; 1 where it has none.
    """
    total = np.sum([weights.get(name, 1.0) * own for name, own in values.items()], axis=0)
    order = [seeds[place] for place in np.argsort(-total, kind="stable") if not np.isnan(total[place])]
    if not both:
        return order, order[:k]
    tops = [{seeds[place] for place in np.argsort(-own, kind="stable")[:k]} for own in values.values()]
    return order, [seed for seed in order if all(seed in top for top in tops)]


def worst_of(order: Sequence[int], golden: Sequence[int]) -> list[int]:
    """As many of the last seeds as are golden, none of them golden, and no more than half of the others: all of these are what
    the worst are compared with. order: from best to worst."""
    others = [seed for seed in order if seed not in golden]
    return others[len(others) - min(len(golden), len(others) // 2) :]


def random_of(order: Sequence[int], golden: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """So many seeds drawn from all but the golden, ascending: each is as likely as any other, however bad it is."""
    others = sorted(set(order) - set(golden))
    return sorted(int(seed) for seed in rng.choice(others, size=min(count, len(others)), replace=False))


def arms_of_run(run: Run, random: int, most: int | None, rng: np.random.Generator) -> Arms:
    """The golden seeds of a finished run by its study's rule, its worst, and some of the others, drawn at random.

    Args:
        most: take the so many best of the ranking in place of the golden ones.

    Raises:
        UserError: no seed is golden, or there are too few.
    """
    refuse_few_seeds(run, most or 1, len(run.wanted.seeds))
    judged = judge(run)
    order = [row.seed for row in judged.ranking.ranked]
    if most is None:
        choice = choose(run, judged)
        golden, how = list(choice.seeds), f"Golden are {len(choice.seeds)} seeds by the rule `{choice.rule}`"
        if not golden:
            raise UserError(
                f"{run.study.name}: no seed is golden, so that there is none to try on other prompts. {choice.sentence} "
                "`--best 4` takes the 4 best of the ranking all the same."
            )
    else:
        golden, how = order[:most], f"Golden are the {most} best of {len(order)} seeds by {judged.ranking.measure}"
    refuse_few_seeds(run, len(golden), len(order))
    drawn, population = random_of(order, golden, random, rng), len(set(order) - set(golden))
    return Arms(golden, worst_of(order, golden), drawn, population, order, f"{how} on the run's own prompts")


def refuse_few_seeds(run: Run, golden: int, seeds: int) -> None:
    """Raise UserError where so many golden seeds leave too few random ones."""
    if seeds - golden < FEWEST_RANDOM:
        raise UserError(
            f"{run.study.name}: {golden} golden of {seeds} seeds with a rank leave {seeds - golden} random "
            f"ones; at least {FEWEST_RANDOM} are needed. Add seeds, or choose fewer with --best."
        )


def _values(run: Run, prompts: set[str]) -> Mapping[str, Array]:
    """Feature that the study ranks by -> (S,) values of its seeds on some prompts: higher is better, mean 0 and variance 1 over
    seeds, NaN for one without a value."""
    references = real_pictures(run)
    seeds = {seed: place for place, seed in enumerate(run.wanted.seeds)}
    found = dict[str, Array]()
    for item in run.measures:
        name = item.feature.name
        if all(name != named for _, named in run.study.ranked.named):
            continue
        values = np.full(len(seeds), np.nan)
        if item.feature.needs_reference:
            rows = SeedRows.of(item.table, name, run.units, run.outside)
            here = np.array([prompt in prompts for prompt in rows.prompts])
            for seed, features in rows.by_seed():
                if seed in seeds and here.sum() > 1:
                    distance = frechet_distance_of_rows(features[here], references[name])
                    values[seeds[seed]] = np.nan if distance is None else -distance
        else:
            measurement = quality(item.feature)
            grid = read_grid(item.table, measurement.column, run.units).without(run.outside)
            grid = grid.only(np.isin(grid.prompts, list(prompts)) & np.isfinite(grid.values).any(axis=1))
            known = np.where(np.isfinite(grid.values), grid.values, np.nan)
            effect = additive_fit(Scores.of(known, grid.groups)).seed
            for seed, value in zip(grid.seeds.tolist(), effect, strict=True):
                if seed in seeds:
                    values[seeds[seed]] = sign(measurement.better or "higher") * value
        found[name] = _standardised(values)
    return found


def _standardised(values: Array) -> Array:
    spread = float(np.nanstd(values)) if not np.isnan(values).all() else 0.0
    return np.asarray((values - np.nanmean(values)) / spread if spread > 0 else values, dtype=np.float64)


def places(seeds: Sequence[int], among: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Where some seeds stand among others."""
    at = {int(seed): place for place, seed in enumerate(among)}
    return np.array([at[seed] for seed in seeds], np.intp)
