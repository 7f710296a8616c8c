"""The seeds table: one row a seed, from feature shards to distances with their uncertainty and their null."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from scipy.special import stdtr, stdtrit

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.base import Distance
from seedscope.analysis.seeds.distances.bootstrap import PairedBootstrap, paired_bootstrap
from seedscope.analysis.seeds.distances.feature_rows import Rows, SeedRows
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.null import ShuffleNull
from seedscope.analysis.seeds.distances.step_down import step_down_null
from seedscope.analysis.seeds.ranking import LEVEL, Chance, Ranking
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.scores import sign
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
    """Rank seeds by each of some distances to the reference, best first: measure -> ranking.

    `distances`: measure, which names the columns -> distance; `rng`: measure -> randomness of its own.

    Seeds are compared on the same prompts: one for which some seed has no picture is left out for all, and counted.
    Seeds are processed in blocks, so that memory does not grow with their number; the null needs all of them at once and
    is left out where they do not fit in 2 GiB, where all prompts are of one group, and where a distance is undefined; the
    ranking says which. Seeds far off all others take no part in the shuffles of the others (`step_down`).

    Of `SeedRow` a distance has the value with its error and interval (95 % over prompt groups, see `bootstrap`), the effect,
    p and q of "no better than the median seed" (against shuffled pictures, or by Student's t where there is no null), and
    `resampled`: the share of resamples of the prompts in which the seed is among the k best.

    Raises:
        CorruptShard: a shard is damaged.
    """
    seeds: list[int] = []
    states: dict[str, list[Jackknife]] = {measure: [] for measure in distances}
    reason = _no_null(shuffles, len(np.unique(rows.groups)))
    grid: list[Rows] | None = None if reason else []
    for seed, images in rows.by_seed():
        seeds.append(seed)
        for measure, distance in distances.items():
            states[measure].append(distance.of_seed(images, rows.groups))
        if grid is not None:
            grid.append(images)
            if len(grid) * images.nbytes > GRID_BYTES:
                grid, reason = None, f"all pictures' features take more than {GRID_BYTES / 2**30:g} GiB"
    whole = None if grid is None or len(grid) < 2 else np.stack(grid, axis=1)

    def ranking(measure: str, distance: Distance) -> Ranking:
        own, found = rng(measure), states[measure]
        boot = paired_bootstrap(found, own, resamples, LEVEL, distance.floor, distance.ceiling)
        undefined = [seed for seed, state in zip(seeds, found, strict=True) if state.estimate is None]
        null = None
        if whole is not None and not undefined:
            null = step_down_null(distance, whole, boot.distance.estimate, boot.far, own, shuffles, rows.groups)
        p = better_than_median(boot, distance.better) if null is None else null.seed
        return Ranking(
            measure=measure,
            images_a_seed=len(rows.prompts),
            prompts_left_out=rows.left_out,
            groups=boot.clusters,
            real_images=distance.real_images,
            dimensions=distance.dimensions,
            chance=None if null is None else _chance(null, shuffles),
            table=_rows_of(measure, seeds, found, boot, p, min(top, len(seeds)), distance.better),
            better=distance.better,
            caution=distance.caution(len(rows.prompts)),
            untested=None if null is not None else reason or _undefined(undefined, len(seeds)),
        )

    return {measure: ranking(measure, distance) for measure, distance in distances.items()}


def _no_null(shuffles: int, groups: int) -> str | None:
    """Why pictures are not shuffled, whatever the distance; None where they are."""
    return "no shuffles" if shuffles == 0 else "all prompts are of one group" if groups < 2 else None


def _undefined(without: list[int], seeds: int) -> str:
    if not without:
        return "there is one seed"
    some = f"{len(without)} of {seeds} seeds, {without[0]} the first," if len(without) < seeds else "the seeds"
    return f"the measure is undefined for {some}".rstrip(",")


def better_than_median(boot: PairedBootstrap, better: Better) -> Array:
    """One-sided p (S,) for "no better than the median seed", by Student's t over prompt groups; NaN where no error is known."""
    return np.asarray(stdtr(boot.clusters - 1, -boot.better_by(better)))


def _chance(null: ShuffleNull, shuffles: int) -> Chance:
    def span(values: Array) -> tuple[float, float]:
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)

    return Chance(shuffles, null.p_value, span(null.chance.best), span(null.chance.worst))


def _rows_of(
    measure: str,
    seeds: list[int],
    states: list[Jackknife],
    boot: PairedBootstrap,
    p: Array,
    top: int,
    better: Better,
) -> pa.Table:
    badness = -sign(better) * boot.distance.estimate
    order = np.argsort(np.where(np.isnan(badness), np.inf, badness), kind="stable")
    far = float(
        stdtrit(boot.clusters - 1, 1.0 - (1.0 - LEVEL) / (2 * len(seeds)))
    )  # for all seeds at once, by Bonferroni
    together = boot.reach(far)
    columns = SeedColumns(
        k=top,
        value=boot.distance.estimate,
        se=boot.distance.se,
        lo=boot.distance.lo,
        hi=boot.distance.hi,
        effect=boot.difference.estimate,
        effect_lo=boot.difference.lo,
        effect_hi=boot.difference.hi,
        together_lo=together[0],
        together_hi=together[1],
        p=p,
        q=q_values(p),
        resampled=boot.top_share(top, better),
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
