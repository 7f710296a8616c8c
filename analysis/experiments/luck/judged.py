"""The luck of the seeds of a run, or of two runs side by side, by every score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.luck.measured import Model, Score, chosen, named
from seedscope.analysis.judging.measurement import Measurement
from seedscope.analysis.seeds.distances.feature_rows import SeedRows, TooFewImages
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.luck.influence import influences
from seedscope.analysis.seeds.luck.luck import Luck, luck, of_one, of_two
from seedscope.analysis.seeds.luck.redrawn import Redrawn, redrawn
from seedscope.analysis.seeds.luck.redrawn_distance import (
    drawn_cells,
    draws_for,
    features_of,
    most_seeds,
    redrawn_distances,
)
from seedscope.analysis.seeds.luck.spread import FEWEST, Spread, difference, spread
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.pipeline.errors import UserError

Tell = Callable[[str], None]
"""Is told what is looked at."""
Cells = Literal["common", "own"]
KINDS: tuple[Cells, ...] = ("common", "own")


@dataclass(frozen=True, eq=False)
class Asked:
    """n: seeds of a draw. difference: between two models, for which seeds are needed; None where none is given."""

    n: int
    difference: float | None


@dataclass(frozen=True, eq=False)
class Found:
    """models: one name or two. seeds, prompts: that count. lucks: by every score; silent: score -> why it tells nothing."""

    asked: Asked
    models: Sequence[str]
    seeds: int
    prompts: int
    lucks: Sequence[Luck]
    silent: Mapping[str, str]
    notes: Sequence[str]


@dataclass(frozen=True, eq=False)
class Vectors:
    """Feature vectors of a model, and what they are compared with."""

    rows: SeedRows
    reference: Reference


@dataclass(frozen=True, eq=False)
class Common:
    """seeds, prompts: that all models have, in the order of the first."""

    seeds: npt.NDArray[np.int64]
    prompts: npt.NDArray[np.str_]


def judged(models: Sequence[Model], only: Sequence[str], asked: Asked, tell: Tell) -> Found:
    """Judge one model, or two on what they have in common, by the scores of some names, or by all.

    Raises:
        UserError: too few seeds, nothing in common, or no score tells anything.
    """
    common, notes = _in_common(models)
    if len(common.seeds) < max(FEWEST, asked.n):
        raise UserError(
            f"{' and '.join(model.name for model in models)}: {len(common.seeds)} seeds{' in common' * (len(models) > 1)}; "
            f"the luck of draws of {asked.n} takes {max(FEWEST, asked.n)} or more, and to draw again twice {asked.n}. Name "
            "more `seeds` in the study and run it again, or fewer with --seeds."
        )
    scores, silent = _shared_scores(models, only)
    lucks = list[Luck]()
    for score in scores:
        tell(score.name)
        try:
            if score.measurement is None:
                lucks.append(_of_distance(models, score, common, asked))
            else:
                lucks.append(_of_mean(models, score, score.measurement, common, asked))
        except (StatisticsError, TooFewImages) as reason:
            silent[score.name] = str(reason)
    if not lucks:
        raise UserError("\n".join(f"{name}: {reason}" for name, reason in silent.items()))
    return Found(asked, [model.name for model in models], len(common.seeds), len(common.prompts), lucks, silent, notes)


def _shared_scores(models: Sequence[Model], only: Sequence[str]) -> tuple[list[Score], dict[str, str]]:
    """The scores of some names, or all, that mean the same in all models; and why others do not.

    Raises:
        UserError: one of the names, or every score, is not measured or not alike.
    """
    first = models[0]
    scores, silent = named(first.scores, only, first.name), dict[str, str]()
    for other in models[1:]:
        there = {score.name: score for score in other.scores}
        for score in scores:
            if score.name not in there:
                silent[score.name] = f"{other.name} does not measure it"
            elif score.made_by != there[score.name].made_by:
                silent[score.name] = (
                    f"{first.name} and {other.name} measured it with other weights, options, versions or reference pictures"
                )
    if (only and silent) or len(silent) == len(scores):
        name, reason = next(iter(silent.items()))
        raise UserError(f"{name}: {reason}. Measure one of the two again, or name other scores with --measure.")
    return [score for score in scores if score.name not in silent], silent


def counts(seeds: int, asked: int) -> list[int]:
    """Of how many seeds to tell: doubling, to half of those there are, and what was asked."""
    return sorted({asked, *(2**power for power in range(20) if 2**power <= max(seeds // 2, asked))})


def _in_common(models: Sequence[Model]) -> tuple[Common, list[str]]:
    """Seeds and prompts that all models have, in the order of the first, and what is left out."""
    first, notes = models[0], [note for model in models for note in model.notes]
    seeds, prompts = first.seeds.tolist(), [prompt.id for prompt in first.run.wanted.prompts]
    for other in models[1:]:
        there = {prompt.id for prompt in other.run.wanted.prompts}
        sizes = len(seeds), len(other.seeds), len(prompts), len(there)
        seeds = [seed for seed in seeds if seed in {*other.seeds.tolist()}]
        prompts = [prompt for prompt in prompts if prompt in there]
        if not prompts:
            raise UserError(
                f"{first.name} and {other.name} have no prompt in common, and scores on other prompts are other scores. Run "
                "both studies on the prompts of the benchmark."
            )
        if len(seeds) < FEWEST:
            raise UserError(
                f"{first.name} and {other.name} have {len(seeds)} seeds in common; paired differences take {FEWEST}. Run both "
                "studies with the same `seeds`, or name each run alone."
            )
        if {sizes[0], sizes[1]} != {len(seeds)} or {sizes[2], sizes[3]} != {len(prompts)}:
            notes.append(
                f"Compared on the {len(seeds):,} seeds and {len(prompts):,} prompts that both have, of {sizes[0]:,} and "
                f"{sizes[1]:,} seeds, {sizes[2]:,} and {sizes[3]:,} prompts."
            )
    return Common(np.array(seeds, np.int64), np.array(prompts)), notes


def _of_mean(models: Sequence[Model], score: Score, item: Measurement, common: Common, asked: Asked) -> Luck:
    """Of the mean of a measurement; of two models on the cells that both have."""
    values = [chosen(model.grid(item), common.seeds, common.prompts).values for model in models]
    missing = np.isnan(values).any(axis=0)
    spreads = [spread(Scores.of(np.where(missing, np.nan, each), common.prompts)) for each in values]
    sizes = counts(spreads[0].seeds, asked.n)

    def drawn(cells: Cells, n: int) -> tuple[Redrawn, ...]:
        return tuple(redrawn(each, n, np.random.default_rng(n), common=cells == "common") for each in spreads)

    drawable = [n for n in sizes if 2 * n <= spreads[0].seeds]
    some = [
        n for n in drawable if n <= asked.n
    ]  # prompt by prompt takes long, and tells less the more seeds a draw has
    found: dict[Cells, dict[int, tuple[Redrawn, ...]]] = {
        "common": {n: drawn("common", n) for n in drawable},
        "own": {n: drawn("own", n) for n in some},
    }
    return _luck(score, spreads, found, sizes, asked, None)


def _of_distance(models: Sequence[Model], score: Score, common: Common, asked: Asked) -> Luck:
    """Of the distance of all pictures; features of some seeds are held in memory, to draw from."""
    if 2 * asked.n > len(common.seeds):
        raise TooFewImages(
            f"distances of {asked.n} seeds are drawn from twice as many, and there are {len(common.seeds)}: name more `seeds` "
            "in the study and run it again, or fewer with --seeds."
        )
    read = [model.rows(score.feature, common.seeds) for model in models]
    kept = [prompt for prompt in common.prompts.tolist() if all(prompt in rows.prompts for rows, _ in read)]
    if len(kept) < 2:
        raise TooFewImages(f"{len(kept)} prompts have a picture of every seed; a distance takes two or more.")
    vectors = [Vectors(rows.only(kept), reference) for rows, reference in read]
    of_all = [influences(each.rows, each.reference) for each in vectors]
    spreads = [spread(Scores.of(each.of(common.seeds), kept)) for each in of_all]
    most = max(most_seeds(len(kept) * len(vectors), vectors[0].reference.dimensions), 2 * asked.n)
    some = np.sort(np.random.default_rng(0).permutation(common.seeds)[:most])
    features = [features_of(each.rows, some.tolist()) for each in vectors]
    freedom = {"common": len(some) - 1.0, "own": min(each.own.freedom for each in spreads)}

    def drawn(cells: Cells, n: int) -> tuple[Redrawn, ...]:
        count, rng = draws_for(n * len(kept), vectors[0].reference), np.random.default_rng(n)
        draws = drawn_cells(cells, len(kept), len(some), n, count, rng)
        return tuple(
            Redrawn(redrawn_distances(rows, draws, each.reference), n, len(some), freedom[cells])
            for rows, each in zip(features, vectors, strict=True)
        )

    sizes = counts(len(common.seeds), asked.n)
    found = {cells: {n: drawn(cells, n) for n in sizes if n <= asked.n} for cells in KINDS}
    distances = [each.distance for each in of_all]
    return _luck(score, spreads, found, sizes, asked, distances[0] - sum(distances[1:]))


def _luck(
    score: Score,
    spreads: Sequence[Spread],
    drawn: Mapping[Cells, Mapping[int, tuple[Redrawn, ...]]],
    sizes: Sequence[int],
    asked: Asked,
    distance: float | None,
) -> Luck:
    """Of one model, or of the difference of two."""
    if len(spreads) == 1:
        whole = spreads[0]
        common, own = ({n: each for n, (each,) in drawn[cells].items()} for cells in KINDS)
        kinds = of_one(whole, common, own)
    else:
        one, other = spreads
        whole = difference(one.fit.scores, other.fit.scores)
        common_of_two, own_of_two = ({n: (a, b) for n, (a, b) in drawn[cells].items()} for cells in KINDS)
        kinds = of_two(one, other, whole, common_of_two, own_of_two)
    return luck(
        score.name,
        whole,
        kinds,
        sizes,
        asked=asked.n,
        difference=asked.difference,
        distance=distance,
        unit=score.unit,
    )
