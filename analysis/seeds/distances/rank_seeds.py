"""The seeds table: one row a seed, from feature shards to distances with their uncertainty and their null."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.seeds.distances.base import Distance
from seedscope.analysis.seeds.distances.bootstrap import PairedBootstrap, paired_bootstrap
from seedscope.analysis.seeds.distances.feature_rows import Rows, SeedRows
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.ranking import LEVEL, Chance, Ranking
from seedscope.analysis.seeds.seed_row import SeedColumns, ranked_table

GRID_BYTES = 2 * 2**30


def rank_seeds(
    rows: SeedRows,
    distances: Mapping[str, Distance],
    *,
    top: int,
    resamples: int,
    shuffles: int,
    rng: Callable[[str], np.random.Generator],
) -> dict[str, Ranking]:
    """Rank seeds by each of some distances to the reference, lowest first: measure -> ranking.

    `distances`: measure, which names the columns -> distance; `rng`: measure -> randomness of its own.

    Seeds are compared on the same prompts: one for which some seed has no picture is left out for all, and counted.
    Seeds are processed in blocks, so that memory does not grow with their number; the null needs all of them at once and
    is left out where they do not fit in 2 GiB, where all prompts are of one group, and where a distance is undefined.

    Of `SeedRow` a distance has the value with its error and interval (95 % over prompt groups, see `bootstrap`), the effect,
    and `resampled`: the share of resamples of the prompts in which the seed is among the k best.

    Raises:
        CorruptShard: a shard is damaged.
    """
    seeds: list[int] = []
    states: dict[str, list[Jackknife]] = {measure: [] for measure in distances}
    shuffled = shuffles > 0 and len(np.unique(rows.groups)) > 1
    grid: list[Rows] | None = [] if shuffled else None
    for seed, images in rows.by_seed():
        seeds.append(seed)
        for measure, distance in distances.items():
            states[measure].append(distance.of_seed(images, rows.groups))
        if grid is not None:
            grid.append(images)
            grid = grid if len(grid) * images.nbytes <= GRID_BYTES else None
    whole = None if grid is None or len(grid) < 2 else np.stack(grid, axis=1)

    def ranking(measure: str, distance: Distance) -> Ranking:
        own, found = rng(measure), states[measure]
        boot = paired_bootstrap(found, own, resamples, LEVEL, distance.floor)
        defined = all(state.estimate is not None for state in found)
        return Ranking(
            measure=measure,
            images_a_seed=len(rows.prompts),
            prompts_left_out=rows.left_out,
            groups=boot.clusters,
            real_images=distance.real_images,
            dimensions=distance.dimensions,
            chance=_chance(whole if defined else None, distance, own, shuffles, rows.groups),
            table=_rows_of(measure, seeds, found, boot, min(top, len(seeds))),
            caution=distance.caution(len(rows.prompts)),
        )

    return {measure: ranking(measure, distance) for measure, distance in distances.items()}


def _chance(
    grid: Rows | None, distance: Distance, rng: np.random.Generator, shuffles: int, groups: npt.NDArray[np.str_]
) -> Chance | None:
    if grid is None:
        return None
    null = distance.null(grid, rng, shuffles, groups)

    def span(values: npt.NDArray[np.float64]) -> tuple[float, float]:
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)

    return Chance(shuffles, null.p_value, span(null.chance.best), span(null.chance.worst))


def _rows_of(measure: str, seeds: list[int], states: list[Jackknife], boot: PairedBootstrap, top: int) -> pa.Table:
    order = np.argsort(np.where(np.isnan(boot.distance.estimate), np.inf, boot.distance.estimate), kind="stable")
    columns = SeedColumns(
        k=top,
        value=boot.distance.estimate,
        se=boot.distance.se,
        lo=boot.distance.lo,
        hi=boot.distance.hi,
        effect=boot.difference.estimate,
        effect_lo=boot.difference.lo,
        effect_hi=boot.difference.hi,
        resampled=boot.top_share(top),
    )
    known = ~np.isnan(boot.distance.estimate[order])
    return ranked_table(
        measure,
        columns,
        seeds=np.array(seeds),
        n=np.array([state.n for state in states]),
        order=order,
        ranks=[place if there else None for place, there in enumerate(known, start=1)],
    )
