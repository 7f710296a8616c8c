"""The distances of a run: seeds by the Frechet distance to the reference pictures, and by what else its study names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.kept_rankings import kept
from seedscope.analysis.judging.measurement import distance_name
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.base import FRECHET, Distance, RealFeatures, UnfitReference, distance_class
from seedscope.analysis.seeds.distances.feature_rows import SeedRows, reference_rows
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.rank_seeds import rank_seeds
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.analysis.seeds.seed_row import columns_of
from seedscope.analysis.seeds.stability import RankCorrelation, rank_correlation
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.tables.columns import column

Rng = Callable[[str], np.random.Generator]
"""Randomness of its own for each measure."""


@dataclass(frozen=True)
class RankedByDistance:
    """The seeds by one distance, or another measure of all pictures of a seed, of one feature.

    distance: `frechet`, or as in the study's `ranking.distances`. agreement: with the ranking by the Frechet distance of the
    same feature, 1 where the same seeds are good; None for that distance itself.
    """

    feature: str
    distance: str
    ranking: Ranking
    agreement: RankCorrelation | None

    @property
    def seeds(self) -> list[int]:
        """Best first."""
        return [row.seed for row in self.ranking.rows]

    def columns(self) -> dict[str, pa.ChunkedArray]:
        """What the ranking's table says of the distance, best seed first."""
        return columns_of(self.ranking.table, self.ranking.measure)

    def sentence(self) -> str:
        """What the distance shows, in a line."""
        measure, agreement, chance = self.ranking.measure, self.agreement, self.ranking.chance
        facts = [counted_p(chance.p_value, chance.shuffles) if chance else self._untested()]
        if agreement is not None and agreement.rho is not None:
            interval = "" if agreement.lo is None else f" ({agreement.lo:.2f} to {agreement.hi:.2f})"
            facts.append(f"rank correlation with {self.feature} {agreement.rho:.2f}{interval}")
        return f"{measure}: {'; '.join(facts + ([self.ranking.caution] if self.ranking.caution else []))}."

    def _untested(self) -> str:
        return f"whether seeds differ was not tested ({self.ranking.why_untested})"


def ranked_by_distance(
    run: Run, references: Mapping[str, Reference], by: Collection[str], rng: Rng, without: Collection[int] = ()
) -> dict[str, RankedByDistance]:
    """The seeds by each distance: measure -> ranking. Without `ranking.distances` those of the features `by` alone, if any.

    The Frechet distance is called like its feature, another one `<feature>_<distance>`. `references`: feature -> real pictures.
    `without`: seeds that are not ranked.

    Raises:
        TooFewImages: fewer than two prompts have pictures of every seed.
        UserError: the reference pictures do not allow a distance.
        CorruptShard: a shard is damaged.
    """
    settings = run.study.ranked
    found: dict[str, RankedByDistance] = {}
    for item in run.measures:
        feature = item.feature
        if not feature.needs_reference or not (settings.distances or feature.name in by):
            continue
        make = partial(_rankings, run, item, references[feature.name], rng, without)
        rankings = kept(run, feature, without, make)
        plain = rankings[distance_name(feature.name, FRECHET)]
        for distance in (FRECHET, *settings.distances):
            ranking = rankings[distance_name(feature.name, distance)]
            agreement = None if ranking is plain else rank_correlation(_goodness(ranking), _goodness(plain))
            found[ranking.measure] = RankedByDistance(feature.name, distance, ranking, agreement)
    return found


def _rankings(run: Run, item: Measure, reference: Reference, rng: Rng, without: Collection[int]) -> dict[str, Ranking]:
    settings = run.study.ranked
    return rank_seeds(
        SeedRows.of(item.table, item.feature.name, run.units, without),
        _distances(run, item.feature, reference, rng),
        top=settings.golden,
        resamples=settings.bootstrap,
        shuffles=settings.shuffles,
        rng=rng,
    )


def _distances(run: Run, feature: Feature, reference: Reference, rng: Rng) -> dict[str, Distance]:
    """Measure -> distance: the Frechet distance, then those of the study, in its order."""
    table = next(item.table for item in run.reference_measures if item.feature is feature)
    rows = cache(partial(reference_rows, table, feature.name, run.reference.units()))
    real = RealFeatures(reference, rows, lambda purpose: rng(f"{feature.name}_{purpose}"))
    distances: dict[str, Distance] = {}
    for name in (FRECHET, *run.study.ranked.distances):
        try:
            distances[distance_name(feature.name, name)] = distance_class(name)(real)
        except UnfitReference as error:
            raise UserError(f"ranking.distances, by {feature.name}: {error}.") from error
    return distances


def _goodness(ranking: Ranking) -> Array:
    """(S,) values in the order of the seeds' numbers, turned so that higher is better; NaN where undefined."""
    values = [row.value for row in sorted(ranking.rows, key=lambda row: row.seed)]
    return sign(ranking.better) * np.array(values, np.float64)


_COUNTS = {
    "seeds": "Seeds that are ranked.",
    "prompts": "Prompts of which each seed has a picture.",
    "prompts_left_out": "Prompts of which not every seed has one.",
    "groups": "Groups of prompts, over which errors are taken.",
    "images": "Pictures of a seed.",
    "real_images": "Reference pictures.",
    "dimensions": "Numbers of a picture's vector.",
}
_CHANCE = {
    "p": "p-value for seeds that do not differ at all, by shuffles.",
    "best_lo": "Lower end of what 95 % of shuffles have as the best seed's.",
    "best_hi": "Upper end of what 95 % of shuffles have as the best seed's.",
    "worst_lo": "Lower end of what 95 % of shuffles have as the worst seed's.",
    "worst_hi": "Upper end of what 95 % of shuffles have as the worst seed's.",
    "spearman": "Rank correlation with the seeds by the Frechet distance; 1 where the same are good.",
    "spearman_lo": "Lower end of its 95 % interval.",
    "spearman_hi": "Upper end of its 95 % interval.",
    "spearman_p": "p-value of that correlation.",
}
DISTANCES = pa.schema(
    [
        column("measure", pa.string(), "The distance, as the columns of seeds.parquet are called."),
        column("feature", pa.string(), "The feature whose vectors it compares."),
        column("distance", pa.string(), "Which distance it is."),
        column("better", pa.string(), "Which of its values are good: higher or lower."),
        *(column(name, pa.int64(), said) for name, said in _COUNTS.items()),
        *(column(name, pa.float64(), said) for name, said in _CHANCE.items()),
        column("caution", pa.string(), "Why its size says little, if it does."),
    ]
)
"""One row a feature and distance: which values are good, what it rests on (`images`: of each seed, one a prompt), what shuffled
seeds give (p, never below 1 / (shuffles + 1), the ranges of the best and of the worst), its ranking against the Frechet
distance's (1: the same seeds are good), and why its size says little, if it does."""


def distances_table(found: Iterable[RankedByDistance]) -> pa.Table:
    """The rows of distances.parquet."""
    return pa.Table.from_pylist([_row(item) for item in found], schema=DISTANCES)


def _row(item: RankedByDistance) -> dict[str, Any]:
    ranking = item.ranking
    row: dict[str, Any] = {
        "measure": ranking.measure,
        "feature": item.feature,
        "distance": item.distance,
        "better": ranking.better,
        "seeds": ranking.table.num_rows,
        "prompts": ranking.images_a_seed,
        "prompts_left_out": ranking.prompts_left_out,
        "groups": ranking.groups,
        "images": ranking.images_a_seed,
        "real_images": ranking.real_images,
        "dimensions": ranking.dimensions,
        "caution": ranking.caution,
    }
    if ranking.chance is not None:
        row["p"] = ranking.chance.p_value
        row["best_lo"], row["best_hi"] = ranking.chance.best
        row["worst_lo"], row["worst_hi"] = ranking.chance.worst
    if (agreement := item.agreement) is not None:
        row |= {"spearman": agreement.rho, "spearman_lo": agreement.lo}
        row |= {"spearman_hi": agreement.hi, "spearman_p": agreement.p}
    return row
