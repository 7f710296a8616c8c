"""The seeds table: one row a seed, from feature shards to Frechet distances with their uncertainty and their null."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedscope.analysis.seeds.bootstrap import PairedBootstrap, paired_bootstrap
from seedscope.analysis.seeds.frechet import Reference
from seedscope.analysis.seeds.jackknife import Jackknife, jackknife
from seedscope.analysis.seeds.moments import Moments, merge, moments
from seedscope.analysis.seeds.null import shuffle_null
from seedscope.analysis.seeds.ranking import LEVEL, Chance, Ranking
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.store import Table

GRID_BYTES = 2 * 2**30
Rows = npt.NDArray[np.float32]


class TooFewImages(UserError):
    """There are not enough pictures to say anything about a seed."""


def reference_of(features: Table, column: str, units: Sequence[Unit]) -> Reference:
    """The real pictures as a Gaussian, from their feature shards, one shard in memory at a time."""
    total: Moments | None = None
    for unit in units:
        rows = features.read(unit.name, ["status", column])
        part = moments(vectors(rows.filter(pc.equal(rows["status"], "ok"))[column]))
        total = part if total is None else merge(total, part)
    if total is None or total.n < 2:
        raise TooFewImages(f"reference: {0 if total is None else total.n} readable pictures; at least two are needed.")
    return Reference.of(total)


def rank_seeds(
    features: Table,
    column: str,
    units: Sequence[Unit],
    reference: Reference,
    *,
    top: int,
    resamples: int,
    shuffles: int,
    rng: np.random.Generator,
) -> Ranking:
    """Rank seeds by their Frechet distance to the reference, lowest first.

    Seeds are compared on the same prompts: one for which some seed has no picture is left out for all, and counted.
    Seeds are processed in blocks, so that memory does not grow with their number; the null needs all of them at once and
    is left out where they do not fit in 2 GiB.

    The table's columns: `seed` int64; `rank` int64 from 1; `n` int64 pictures; `<measure>` and `_se`, `_lo`, `_hi` (95 %
    over prompt groups, see `bootstrap`); `_vs_mean`, `_vs_mean_lo`, `_vs_mean_hi`: seed less the mean of all seeds;
    `_top<k>_share`: share of resamples of the prompts in which the seed is among the k best. float64, null where undefined.

    Raises:
        TooFewImages: fewer than two prompts have pictures of every seed.
        CorruptShard: a shard is damaged.
    """
    groups, left_out = _complete_prompts(features, units)
    if len(groups) < 2:
        raise TooFewImages(
            f"{len(groups)} prompts have a picture of every seed, {left_out} do not; a ranking needs at least two. "
            "`seedscope status` shows what is missing."
        )
    prompt_ids = list(groups)
    labels = np.array([groups[prompt] for prompt in prompt_ids])
    seeds: list[int] = []
    states: list[Jackknife] = []
    grid: list[Rows] | None = []
    for seed, rows in _by_seed(features, column, units, prompt_ids):
        seeds.append(seed)
        states.append(jackknife(rows, labels, reference))
        if grid is not None:
            grid.append(rows)
            grid = grid if len(grid) * rows.nbytes <= GRID_BYTES else None
    boot = paired_bootstrap(states, rng, resamples, LEVEL)
    return Ranking(
        measure=column,
        images_a_seed=len(prompt_ids),
        prompts_left_out=left_out,
        groups=boot.clusters,
        real_images=reference.n,
        dimensions=reference.dimensions,
        chance=_chance(grid, reference, rng, shuffles),
        table=_rows_of(column, seeds, states, boot, min(top, len(seeds))),
    )


def _chance(grid: list[Rows] | None, reference: Reference, rng: np.random.Generator, shuffles: int) -> Chance | None:
    """The null, or None where it was not asked for or is not to be had: one seed, or too many for memory."""
    if not shuffles or grid is None or len(grid) < 2 or not all(np.isfinite(rows).all() for rows in grid):
        return None
    null = shuffle_null(np.stack(grid, axis=1), reference, rng, shuffles)

    def span(values: npt.NDArray[np.float64]) -> tuple[float, float]:
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)

    return Chance(shuffles, null.p_value, span(null.chance.best), span(null.chance.worst))


def _rows_of(column: str, seeds: list[int], states: list[Jackknife], boot: PairedBootstrap, top: int) -> pa.Table:
    order = np.argsort(np.where(np.isnan(boot.distance.estimate), np.inf, boot.distance.estimate), kind="stable")
    columns: dict[str, npt.NDArray[Any]] = {
        "seed": np.array(seeds),
        "n": np.array([state.n for state in states]),
        column: boot.distance.estimate,
        f"{column}_se": boot.distance.se,
        f"{column}_lo": boot.distance.lo,
        f"{column}_hi": boot.distance.hi,
        f"{column}_vs_mean": boot.difference.estimate,
        f"{column}_vs_mean_lo": boot.difference.lo,
        f"{column}_vs_mean_hi": boot.difference.hi,
        f"{column}_top{top}_share": boot.top_probability(top),
    }
    arrays = {name: pa.array(values[order], from_pandas=True) for name, values in columns.items()}
    rank = pa.array([i if arrays[column][i - 1].is_valid else None for i in range(1, len(seeds) + 1)], pa.int64())
    return pa.table({"seed": arrays.pop("seed"), "rank": rank, **arrays})


def _complete_prompts(features: Table, units: Sequence[Unit]) -> tuple[dict[str, str], int]:
    """Prompt id -> group of the prompts that have a picture of every seed, in order; and how many have not."""
    groups = {prompt.id: prompt.group for unit in units for prompt in unit.prompts}
    seeds = {seed for unit in units for seed in unit.seeds}
    pictures: Counter[str] = Counter()
    for unit in units:
        rows = features.read(unit.name, ["prompt_id", "status"])
        pictures.update(rows.filter(pc.equal(rows["status"], "ok"))["prompt_id"].to_pylist())
    complete = {prompt: group for prompt, group in groups.items() if pictures[prompt] == len(seeds)}
    return complete, len(groups) - len(complete)


def _by_seed(features: Table, column: str, units: Sequence[Unit], prompt_ids: list[str]) -> Iterator[tuple[int, Rows]]:
    """Each seed with its features (P, D) in the order of `prompt_ids`, one block of seeds in memory at a time."""
    place = {prompt: i for i, prompt in enumerate(prompt_ids)}
    by_first_seed = sorted(units, key=lambda unit: (unit.seeds[0], unit.seeds))
    blocks = _joined([list(block) for _, block in groupby(by_first_seed, key=lambda unit: unit.seeds)])
    for block in blocks:
        seeds = sorted({seed for unit in block for seed in unit.seeds})
        found: dict[int, Rows] = {}
        for unit in block:
            table = features.read(unit.name, ["prompt_id", "seed", column])
            values = vectors(table[column])
            for row, (prompt, seed) in enumerate(
                zip(table["prompt_id"].to_pylist(), table["seed"].to_pylist(), strict=True)
            ):
                if prompt in place:
                    empty = np.full((len(place), values.shape[1]), np.nan, np.float32)
                    found.setdefault(seed, empty)[place[prompt]] = values[row]
        yield from ((seed, found[seed]) for seed in seeds)


def _joined(blocks: list[list[Unit]]) -> list[list[Unit]]:
    """Blocks of units by seeds, those that share a seed joined: a run that grew cuts its seeds in more than one way."""
    joined: list[tuple[set[int], list[Unit]]] = []
    for block in blocks:
        seeds, members = set(block[0].seeds), list(block)
        for other in [item for item in joined if item[0] & seeds]:
            joined.remove(other)
            seeds, members = seeds | other[0], other[1] + members
        joined.append((seeds, members))
    return [members for _, members in joined]


def vectors(column: pa.ChunkedArray) -> Rows:
    """A fixed-size list column as (n, D) float32; a null row becomes NaN."""
    values = column.combine_chunks()
    flat = values.fill_null([float("nan")] * values.type.list_size) if values.null_count else values
    return np.asarray(flat.flatten(), dtype=np.float32).reshape(len(values), values.type.list_size)
