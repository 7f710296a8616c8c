"""What a way gains by a distance to real pictures, of sets with one picture a prompt, as `golden_table.drawn_sets` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.experiments.golden_table.drawn_sets import Draw, DrawnSet, Seeds, any_of, best_by, drawn_sets
from seedscope.analysis.experiments.guidance_table.gains import GOLDEN, PLAIN, SIZES, Gain, best_name, between
from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.select.comparison import Difference, difference

_SAME = "same seeds, plain"


@dataclass(frozen=True, eq=False)
class Sets:
    """plain: features of the run; drawn: way -> those of its pictures. random, golden, seeds: those of plain pictures, of
    golden ones, if any, and those that ways draw. good: prompt id -> (S,) scores of the random seeds by which the best are
    chosen."""

    plain: SeedRows
    drawn: Mapping[str, SeedRows]
    random: Sequence[int]
    golden: Sequence[int]
    seeds: Sequence[int]
    good: Mapping[str, Array]


def set_gains(
    sets: Sets, prompts: set[str], reference: Reference, costs: Mapping[str, float | None], rng: np.random.Generator
) -> tuple[dict[str, Gain], int]:
    """Way -> what it gains, lower is better; and on how many prompts. costs: of the ways that draw.

    Raises:
        TooFewImages: fewer than three prompts have pictures of every seed.
    """
    here = prompts.intersection(sets.plain.prompts, *(rows.prompts for rows in sets.drawn.values()))
    draws: dict[str, Draw] = {PLAIN: any_of(sets.random, rng), _SAME: any_of(sets.seeds, rng)}
    if sets.golden:
        draws[GOLDEN] = any_of(sets.golden, rng)
    at_cost = {way: float(n) for n in SIZES if n <= len(sets.random) for way in (best_name(n),)}
    at_cost |= {way: cost for way, cost in costs.items() if cost is not None and between(cost)[1] <= len(sets.random)}
    draws |= {_best(way): _best_at(sets, cost, rng) for way, cost in at_cost.items()}
    own = drawn_sets(sets.plain, here, draws, reference).of
    plain = own[PLAIN]
    found = {PLAIN: Gain(plain.mean, Difference(0.0, None, None, None))}
    if sets.golden:
        found[GOLDEN] = Gain(own[GOLDEN].mean, own[GOLDEN].less(plain))
    for n in SIZES:
        if (best := own.get(_best(best_name(n)))) is not None:
            found[best_name(n)] = Gain(best.mean, best.less(plain))
    for way, rows in sets.drawn.items():
        guided = drawn_sets(rows, here, {way: any_of(sets.seeds, rng)}, reference).of[way]
        found[way] = Gain(guided.mean, guided.less(own[_SAME]), _equal(own, way, guided, own[_SAME]))
    return found, len(here)


def _best(way: str) -> str:
    return f"best at the cost of {way}"


def _best_at(sets: Sets, cost: float, rng: np.random.Generator) -> Draw:
    """The best of as many random seeds, for each prompt, as the cost is on average."""
    few, many, share = between(cost)
    seeds = np.array(sets.random, np.int64)
    of_few, of_many = (best_by(sets.good, seeds, n, rng) for n in (few, many))

    def draw(prompts: Sequence[str], draws: int) -> Seeds:
        more = rng.random((draws, len(prompts))) < share
        return np.where(more, of_many(prompts, draws), of_few(prompts, draws))

    return draw


def _equal(own: Mapping[str, DrawnSet], way: str, guided: DrawnSet, usual: DrawnSet) -> Difference | None:
    """What a way gains over its plain pictures, less what the best at its cost gains over theirs."""
    if (best := own.get(_best(way))) is None:
        return None
    mean = (guided.mean - usual.mean) - (best.mean - own[PLAIN].mean)
    apart = (guided.influence - usual.influence) - (best.influence - own[PLAIN].influence)
    return difference(mean, float(np.sqrt(apart @ apart)), len(apart) - 1, LEVEL)
