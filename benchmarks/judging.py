"""One measurement of a whole study judged: reading 23 million scores from a run's shards, looking for seeds that are copies of
others, and all that is said of the seeds.

    python benchmarks/judging.py --folder /tmp/scores            22,512 prompts x 1,024 seeds
    python benchmarks/judging.py --folder /tmp/scores --quick    600 prompts x 256 seeds, a minute at most

The shards are written as a run writes them, once: they stay in the folder, and where writing was stopped it goes on. Reading is
compared, on the first tenth of the shards, with what one would write: a loop over files, cells placed by their ids.
`--profile` tells where the statistics spend their time.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from effects import write_shards

from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.analysis.seeds.scores.same_scores import same_scores
from seedscope.analysis.seeds.scores.scalar import scalar
from seedscope.analysis.seeds.scores.split import split_prompts
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table

COLUMN, GOLDEN, SHUFFLES = "score", 32, 100
T = TypeVar("T")


class Took(NamedTuple):
    """Seconds on the clock, and of the CPU in all threads."""

    wall: float
    cpu: float


def timed(work: Callable[[], T]) -> tuple[T, Took]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Took(time.perf_counter() - wall, time.process_time() - cpu)


def loop(table: Table, units: Sequence[Unit]) -> npt.NDArray[np.float32]:
    """(P, S): the shards one after the other, checksums verified, the cells that are ok placed by their ids."""
    prompts = {prompt.id: i for i, prompt in enumerate(dict.fromkeys(each for unit in units for each in unit.prompts))}
    seeds = {seed: i for i, seed in enumerate(dict.fromkeys(seed for unit in units for seed in unit.seeds))}
    values = np.full((len(prompts), len(seeds)), np.nan, np.float32)
    for unit in units:
        columns = ["prompt_id", "seed", "status", COLUMN]
        with pq.ParquetFile(table.shard(unit.name), page_checksum_verification=True) as file:
            rows = file.read(columns)
        rows = rows.filter(pc.equal(rows["status"], "ok"))
        values[_found(rows["prompt_id"], prompts), _found(rows["seed"], seeds)] = rows[COLUMN].to_numpy()
    return values


def _found(column: pa.ChunkedArray, known: dict[str, int] | dict[int, int]) -> npt.NDArray[np.int64]:
    ids = column.combine_chunks().dictionary_encode()
    places: npt.NDArray[np.int64] = np.array([known[each] for each in ids.dictionary.to_pylist()])[
        ids.indices.to_numpy()
    ]
    return places


def judge(grid: Grid) -> None:
    """All that `seedscope seeds` says of the seeds by one measurement."""
    rng = np.random.default_rng(1)
    ranking = split_prompts(grid.groups, rng)
    scalar(grid, COLUMN, "higher", is_rate=False, ranking=ranking, k=GOLDEN, shuffles=SHUFFLES, rng=rng)


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"


def whole(table: Table, units: Sequence[Unit], rounds: int) -> Iterator[str]:
    """Reading, copies and statistics of everything; then copies by a rare event, of which every second seed is one."""
    after_reading = ""
    for _ in range(rounds):
        grid, read = timed(partial(read_grid, table, COLUMN, units))
        after_reading = after_reading or peak()
        _, apart = timed(partial(same_scores, [grid]))
        _, judged = timed(partial(judge, grid))
        parts = "".join(
            f"{name} {took.wall:6.1f} s, CPU {took.cpu:6.1f} s    "
            for name, took in (("reading", read), ("copies", apart), ("statistics", judged))
        )
        yield f"  {parts}together {read.wall + apart.wall + judged.wall:6.1f} s (wanted 30)"
    rare = replace(grid, values=(np.abs(grid.values) > 3.5).astype(np.float32))
    rare.values[:, 1::2] = rare.values[:, ::2]
    found, apart = timed(partial(same_scores, [rare]))
    yield f"  copies of a rare event, {len(found)} pairs of seeds the same: {apart.wall:.1f} s, CPU {apart.cpu:.1f} s"
    yield f"  peak memory {after_reading} after reading, {peak()} in all (wanted under 4)"


def against_a_loop(table: Table, units: Sequence[Unit], rounds: int) -> Iterator[str]:
    """Both read the same shards, turn and turn about."""
    pairs = []
    for _ in range(rounds):
        grid, ours = timed(partial(read_grid, table, COLUMN, units))
        values, theirs = timed(partial(loop, table, units))
        pairs.append((theirs.wall / ours.wall, theirs.cpu / ours.cpu))
        yield f"  {len(units):,} shards   seedscope {ours.wall:5.2f} s   loop {theirs.wall:5.2f} s"
    for name, ratios in zip(("ratio", "CPU seconds"), zip(*pairs, strict=True), strict=True):
        yield f"  {name:12s} {np.median(ratios):5.1f} x   ({min(ratios):.1f} to {max(ratios):.1f})"
    yield f"  same grid    {np.array_equal(grid.values, values, equal_nan=True)}"


def profile(grid: Grid, most: int = 20) -> None:
    """The functions that took longest by themselves."""
    with cProfile.Profile() as found:
        judge(grid)
    pstats.Stats(found).sort_stats("tottime").print_stats(most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where the shards are, or are written to: half a GB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--profile", action="store_true", help="where the statistics spend their time, in place of all else"
    )
    parser.add_argument("--quick", action="store_true", help="a small version, for a look")
    asked = parser.parse_args()
    prompts, seeds = (600, 256) if asked.quick else (22_512, 1024)
    table, units = write_shards(asked.folder / f"{prompts}x{seeds}", prompts, seeds)
    print(f"{prompts:,} prompts x {seeds:,} seeds, {prompts * seeds:,} scores in {len(units):,} shards", flush=True)
    if asked.profile:
        profile(read_grid(table, COLUMN, units))
        return
    for text in whole(table, units, asked.rounds):
        print(text, flush=True)
    for text in against_a_loop(table, units[: -(-len(units) // 10)], asked.rounds):
        print(text, flush=True)


if __name__ == "__main__":
    main()
