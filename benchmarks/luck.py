"""What `seedscope luck` claims, where the truth is known: simulated models, and other draws of their seeds.

    python benchmarks/luck.py            about 3 minutes of a core
    python benchmarks/luck.py --quick    a tenth of it

A model is P = 24 prompts, with variances s_seed of seeds and s_rest = 1 of the rest, effects of both normal or exponential (a
skewness of 2). Its luck is told from a run of S seeds; then models draw n fresh seeds:

    held         its score lies in the 95 % interval of another draw (wanted: 95 %, 2 more or less)
    false        two equal models differ by more than luck explains (wanted: 5 % at most, 1 more or less)
    found        two that differ by what is found in 80 % do so by more than luck explains (wanted: 80 %)
    needed       the same for a stated difference with as many seeds as are said to be needed

for seeds common to all prompts and for own ones; below for two models, whose seeds have half of their effects in common, with
the same seeds and with others; and for the Frechet distance of features with 16 dimensions, by draws and by variances.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.analysis.seeds.distances.witness import Witness
from seedscope.analysis.seeds.luck.estimate import Estimate, prediction
from seedscope.analysis.seeds.luck.redrawn import Redrawn
from seedscope.analysis.seeds.luck.redrawn_distance import drawn_cells, redrawn_distances
from seedscope.analysis.seeds.luck.spread import difference, spread
from seedscope.analysis.seeds.scores.scores import Scores

Array = npt.NDArray[np.float64]
PROMPTS, FRESH = 24, 16
RATIOS = {"0": 0.0, "1/74": 1 / 74, "1/15": 1 / 15, "1/2": 0.5}
SEEDS, DRAWS = (16, 64, 256), (1, 4, 16)
Effects = Callable[[np.random.Generator, tuple[int, ...], int], Array]


def normal(rng: np.random.Generator, shape: tuple[int, ...], of: int = 1) -> Array:
    """Means of `of` effects of variance 1."""
    return rng.standard_normal(shape) / np.sqrt(of)


def skewed(rng: np.random.Generator, shape: tuple[int, ...], of: int = 1) -> Array:
    """The same of exponential effects."""
    return rng.standard_gamma(of, shape) / of - 1.0


def scores(draw: Effects, rng: np.random.Generator, ratio: float, n: int, shape: tuple[int, ...], own: bool) -> Array:
    """Scores of fresh draws of n seeds, or of n a prompt."""
    rest = draw(rng, shape, PROMPTS * n)
    return np.sqrt(ratio) * draw(rng, shape, PROMPTS * n if own else n) + rest


def one_model(draw: Effects, ratio: float, seeds: int, studies: int, rng: np.random.Generator) -> None:
    """A line a number of seeds n."""
    hits = {(n, own): np.zeros(4) for n in DRAWS for own in (False, True)}
    for _ in range(studies):
        values = np.sqrt(ratio) * draw(rng, (seeds,), 1) + draw(rng, (PROMPTS, seeds), 1)
        told = spread(Scores.of(values, np.arange(PROMPTS)))
        for (n, own), counted in hits.items():
            estimate = told.of(common=not own)
            a, b = scores(draw, rng, ratio, n, (2, FRESH), own)
            counted += rates(estimate.times(2), n, a - b, np.abs(a - told.score) <= told.half(n, common=not own))
            wanted = np.sqrt(2 * (ratio + 1 / PROMPTS if not own else (ratio + 1) / PROMPTS) / n)
            counted[3] += needed(draw, estimate.times(2), wanted, ratio, own, rng)
    for n in DRAWS:
        told_of = [
            f"{held:6.1f} {false:5.1f} {found:5.1f} {enough:6.1f}"
            for held, false, found, enough in (100 * hits[n, own] / studies for own in (False, True))
        ]
        print(f"    {seeds:5} {n:3}  {'   '.join(told_of)}", flush=True)


def rates(apart: Estimate, n: int, differences: Array, held: npt.NDArray[np.bool_]) -> Array:
    """Shares of draws: held, false, found; a fourth is left to count."""
    bound, found = apart.by_luck(n), differences + apart.found(n)
    return np.array([held.mean(), (np.abs(differences) > bound).mean(), (found > bound).mean(), 0.0])


def needed(draw: Effects, apart: Estimate, wanted: float, ratio: float, own: bool, rng: np.random.Generator) -> float:
    """The share of draws in which `wanted` is found with as many seeds as are said to be needed."""
    n = apart.needed(wanted).n
    a, b = scores(draw, rng, ratio, n, (2, FRESH), own)
    return float((a - b + wanted > apart.by_luck(n)).mean())


def two_models(draw: Effects, ratio: float, seeds: int, studies: int, rng: np.random.Generator) -> None:
    """Models whose seeds' effects are half in common: the same seeds for both, and others."""
    hits, half = {(n, paired): np.zeros(4) for n in DRAWS for paired in (True, False)}, np.sqrt(ratio / 2)
    for _ in range(studies):
        both = half * draw(rng, (seeds,), 1)
        one, other = (
            Scores.of(both + half * draw(rng, (seeds,), 1) + draw(rng, (PROMPTS, seeds), 1), np.arange(PROMPTS))
            for _ in range(2)
        )
        apart = difference(one, other)
        alone = spread(one).common.plus(spread(other).common)
        for (n, paired), counted in hits.items():
            shared = half * draw(rng, (2, FRESH), n)
            shared[1] = shared[0] if paired else shared[1]
            a, b = shared + half * draw(rng, (2, FRESH), n) + draw(rng, (2, FRESH), PROMPTS * n)
            estimate = apart.common if paired else alone
            reach = prediction(estimate, n, apart.common, apart.seeds)
            counted += rates(estimate, n, a - b, np.abs(a - b - apart.score) <= reach)
    for n in DRAWS:
        told_of = ["{:6.1f} {:5.1f} {:5.1f}".format(*100 * hits[n, paired][:3] / studies) for paired in (True, False)]
        print(f"    {seeds:5} {n:3}  {'   '.join(told_of)}", flush=True)


def distances(draw: Effects, seeds: int, studies: int, rng: np.random.Generator, wide: int = 16) -> None:
    """The Frechet distance: whether fresh draws lie in the interval, by draws and by variances."""
    reference = Reference.of(moments(rng.standard_normal((4000, wide)) * np.linspace(0.5, 2, wide)))
    prompts = 1.5 * rng.standard_normal((PROMPTS, 1, wide))

    def features(count: int) -> Array:
        of_seed = np.sqrt(1 / 15) * draw(rng, (1, count, wide), 1)
        return 0.3 + prompts + of_seed + draw(rng, (PROMPTS, count, wide), 1)

    hits, count = {(n, cells): np.zeros(3) for n in (1, 4, 8) for cells in ("common", "own")}, 0
    for _ in range(studies):
        run = features(seeds)
        told = spread(Scores.of(influence(run, reference), np.arange(PROMPTS)))
        for (n, cells), counted in hits.items():
            common = cells == "common"
            drawn = Redrawn(
                redrawn_distances(run, drawn_cells(cells, PROMPTS, seeds, n, 100, rng), reference),
                n, seeds, seeds - 1.0 if common else told.own.freedom,
            )  # fmt: skip
            lo, hi = drawn.interval(1.0 if common else told.common.variance / told.own.variance)
            fresh = np.array([distance(features, reference, n, common) for _ in range(FRESH)])
            off = told.half(n, common=common)
            a, b = fresh[::2], fresh[1::2]
            counted += [
                ((lo <= fresh) & (fresh <= hi)).mean(),
                (np.abs(a - b) > drawn.twice().by_luck()).mean(),
                (np.abs(fresh - drawn.mean) <= off).mean(),
            ]
        count += 1
    for n in (1, 4, 8):
        told_of = ["{:6.1f} {:5.1f} {:12.1f}".format(*100 * hits[n, cells] / count) for cells in ("common", "own")]
        print(f"    {seeds:5} {n:3}  {'   '.join(told_of)}", flush=True)


def distance(features: Callable[[int], Array], reference: Reference, n: int, common: bool) -> float:
    """Of a fresh draw."""
    rows = features(n if common else PROMPTS * n)
    if not common:
        rows = np.stack([rows[place, place * n : (place + 1) * n] for place in range(PROMPTS)])
    found = frechet_distance_of_rows(rows.reshape(-1, reference.dimensions), reference)
    assert found is not None
    return found


def influence(run: Array, reference: Reference) -> Array:
    """Of each picture (P, S) on the distance of all."""
    rows = run.reshape(-1, reference.dimensions)
    everything = moments(rows)
    own = np.broadcast_to(everything.mean, rows.shape)
    return Witness.of(everything, reference).score(rows, own, len(rows)).reshape(run.shape[:2])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    studies, began = (100 if parser.parse_args().quick else 1000), time.process_time()
    rng, kinds = np.random.default_rng(0), {"normal": normal, "skewed": skewed}
    for name, draw in kinds.items():
        for word, ratio in RATIOS.items():
            print(f"{name} effects, s_seed / s_rest = {word}, %")
            print("    seeds   n    common: held false found needed    own: held false found needed")
            for seeds in SEEDS:
                one_model(draw, ratio, seeds, studies, rng)
    for name, draw in kinds.items():
        print(f"two models, {name} effects, s_seed / s_rest = 1/2, half of it in common, %")
        print("    seeds   n    same seeds: held false found   others: held false found")
        for seeds in SEEDS:
            two_models(draw, 0.5, seeds, studies, rng)
    for name, draw in kinds.items():
        print(f"Frechet distance, {name} effects, s_seed / s_rest = 1/15, %")
        print("    seeds   n    common: held false, by variances held   own: held false, by variances held")
        for seeds in (16, 64):
            distances(draw, seeds, max(studies // 20, 5), rng)
    print(f"{time.process_time() - began:.0f} s of a core")


if __name__ == "__main__":
    main()
