"""Statistics of scalar scores: seedscope at paper scale, and against a pandas + scipy script on a tenth of the prompts.

    python benchmarks/effects.py            22,512 prompts x 1,024 seeds, and both on 2,251 prompts
    python benchmarks/effects.py --quick    600 prompts x 256 seeds, and both on 500, a minute at most

At paper scale seedscope reads what a run leaves: a table of shards with receipts, which is written first. Against the script,
both start from one Parquet file with a row a picture. All end with the same answers: effects with errors and intervals, shares
of variance with intervals, q-values, what chance gives by 1,000 shuffles, probability of the top k, stability of two halves.
seedscope adds what the script leaves out: exact treatment of missing cells and of groups, and the confirmation.
The script does what a practised user of pandas would: one pivot, whole-array operations, 1,000 resamples of the prompts.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.analysis.seeds.scores.halvings import halvings, held_out
from seedscope.analysis.seeds.scores.outlying import shuffled_alike
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.shrinkage import posterior_draws, shrink, top_probability
from seedscope.analysis.seeds.scores.split import effects_of_parts, split_prompts
from seedscope.analysis.seeds.scores.variance import prompts_needed, reliability, variance_shares
from seedscope.analysis.seeds.stability import stability
from seedscope.analysis.select.confirmed import Evidence, confirmed
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

UNIT = UnitShape(prompts=256, seeds=64)
K, SHUFFLES, RESAMPLES = 32, 1000, 1000

Answer = dict[str, npt.NDArray[np.float64]]
Laps = dict[str, float]
Lap = Callable[[str], None]
T = TypeVar("T")


def made_up(prompts: int, seeds: int) -> Iterator[npt.NDArray[np.float32]]:
    """Blocks of prompts (256, S) of made-up scores; 2 % of the variance within a prompt is the seeds'."""
    rng = np.random.default_rng(20)
    seed = 0.14 * rng.standard_normal(seeds, dtype=np.float32)
    for start in range(0, prompts, UNIT.prompts):
        rows = min(UNIT.prompts, prompts - start)
        values = rng.standard_normal((rows, seeds), dtype=np.float32) + seed
        yield values + rng.standard_normal((rows, 1), dtype=np.float32)


def write_file(path: Path, prompts: int, seeds: int) -> None:
    """One file, a row a picture, prompt by prompt."""
    schema = pa.schema({"prompt": pa.int32(), "seed": pa.int32(), "score": pa.float32()})
    start = 0
    with pq.ParquetWriter(path, schema) as file:
        for values in made_up(prompts, seeds):
            rows = np.arange(start, start + len(values), dtype=np.int32)
            columns = [np.repeat(rows, seeds), np.tile(np.arange(seeds, dtype=np.int32), len(rows)), values.ravel()]
            file.write_table(pa.table(columns, schema=schema))
            start += len(values)


def write_shards(folder: Path, prompts: int, seeds: int) -> tuple[Table, list[Unit]]:
    """A feature's table as a run publishes it, and its units; those that are there already are left."""
    edition = Edition(tuple(prompt(f"prompt {i}") for i in range(prompts)), tuple(range(seeds)))
    units = plan([edition], UNIT)
    table = Table.of(
        folder, "made_up", "0" * 8, pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field("score", pa.float32())])
    )
    blocks, committed = made_up(prompts, seeds), table.committed()
    for unit in units:
        if unit.seeds[0] == 0:
            values = next(blocks)
        if unit.name in committed:
            continue
        score = values[:, unit.seeds[0] : unit.seeds[-1] + 1].T.ravel()
        ids, of_seed = zip(*((each.id, seed) for each, seed in unit.cells), strict=True)
        columns = [ids, of_seed, ["ok"] * len(unit), pa.nulls(len(unit), pa.string()), score]
        table.publish(unit, pa.table([pa.array(column) for column in columns], schema=table.schema), {})
    return table, units


def with_seedscope(path: Path, lap: Lap) -> Answer:
    rows = pq.read_table(path)
    prompt, seed = rows["prompt"].to_numpy(), rows["seed"].to_numpy()
    values = np.full((prompt.max() + 1, seed.max() + 1), np.nan, np.float32)
    values[prompt, seed] = rows["score"].to_numpy()
    del rows, prompt, seed
    return judged(Scores.of(values, np.arange(len(values))), lap)


def from_shards(shards: tuple[Table, list[Unit]], lap: Lap) -> Answer:
    table, units = shards
    grid = read_grid(table, "score", units)
    return judged(Scores.of(grid.values, grid.groups), lap)


def judged(scores: Scores, lap: Lap) -> Answer:
    rng = np.random.default_rng(1)
    lap("read")
    fit = additive_fit(scores)
    effects = seed_effects(fit)
    lap("effects")
    shares = variance_shares(fit, effects)
    assert reliability(shares) is not None and prompts_needed(shares) is not None
    lap("shares")
    shrunk = shrink(effects)
    top = top_probability(posterior_draws(shrunk, rng), K, "higher")
    lap("top k")
    null = score_null(shuffled_alike(fit, rng, SHUFFLES), "higher")
    lap("shuffles")
    halves = halvings(fit)
    assert halves is not None
    confirmed(Evidence(null, held_out(halves, K, "higher"), "higher"))
    lap("halvings, confirmed")
    del fit
    ranking = split_prompts(scores.groups[scores.member], rng)
    first, second = effects_of_parts(scores, ranking)
    held = stability(first.effect, second.effect, K, "higher", rng, RESAMPLES)
    lap("stability")
    share = np.array([shares.seed.share, shares.prompt.share, shares.rest.share], dtype=np.float64)
    rho = np.array([held.rank.rho], dtype=np.float64)
    return {
        "effect": effects.effect - effects.effect.mean(),
        "se": effects.se,
        "share": share,
        "chance": null.best,
        "rho": rho,
        "top": top,
    }


def with_pandas(path: Path, lap: Lap) -> Answer:
    rng = np.random.default_rng(1)
    grid = pd.read_parquet(path).pivot(index="prompt", columns="seed", values="score").astype("float64")
    lap("read")
    centred = grid.sub(grid.mean(axis=1), axis=0)
    effect, se = centred.mean(), centred.sem()
    stats.t.interval(0.95, len(grid) - 1, effect, se)
    p = stats.ttest_1samp(centred, 0.0, alternative="greater").pvalue
    q = stats.false_discovery_control(p)
    lap("effects")
    values = centred.to_numpy()
    cells, prompt_mean = grid.to_numpy(), grid.mean(axis=1).to_numpy()
    share = _anova(cells, prompt_mean)
    shares, tops = [], np.zeros(values.shape[1])
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(values), len(values))
        shares.append(_anova(cells[rows], prompt_mean[rows]))
        tops[np.argsort(-values[rows].mean(axis=0))[:K]] += 1 / RESAMPLES
    np.quantile(shares, [0.025, 0.975], axis=0)
    lap("shares, top k")
    best = np.array([rng.permuted(values, axis=1).mean(axis=0).max() for _ in range(SHUFFLES)])
    lap("shuffles")
    half = rng.permutation(len(values)) < len(values) // 2
    first, second = values[half].mean(axis=0), values[~half].mean(axis=0)
    rho = float(stats.spearmanr(first, second).statistic)
    len(set(np.argsort(-first)[:K]) & set(np.argsort(-second)[:K]))
    lap("stability")
    return {
        "effect": effect.to_numpy(),
        "se": se.to_numpy(),
        "share": share,
        "q": q,
        "chance": best,
        "rho": np.array([rho]),
        "top": tops,
    }


def _anova(cells: npt.NDArray[np.float64], prompt_mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shares of variance of seed, prompt and rest of a complete grid, from its mean squares."""
    prompts, seeds = cells.shape
    seed_mean = cells.mean(axis=0)
    rest = (cells - prompt_mean[:, None] - seed_mean + cells.mean()) ** 2
    error = rest.sum() / ((prompts - 1) * (seeds - 1))
    parts = np.array([seed_mean.var(ddof=1) - error / prompts, prompt_mean.var(ddof=1) - error / seeds, error])
    return np.asarray(parts / parts.sum())


def timed(work: Callable[[T, Lap], Answer], scores: T) -> tuple[Answer, Laps, float]:
    """The answers, wall seconds of each part, and CPU seconds of all threads."""
    laps: Laps = {}
    last, cpu = [time.perf_counter()], time.process_time()

    def lap(name: str) -> None:
        now = time.perf_counter()
        laps[name] = now - last[0]
        last[0] = now

    return work(scores, lap), laps, time.process_time() - cpu


def line(name: str, laps: Laps) -> str:
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in laps.items())
    return f"  {name:12s}{sum(laps.values()):8.1f} s   ({parts})"


def compared(folder: Path, prompts: int, seeds: int, rounds: int) -> Iterator[str]:
    """Both on the same scores, turn and turn about, and how far their answers are apart."""
    path = folder / "small.parquet"
    write_file(path, prompts, seeds)
    ratios, cpu_ratios = [], []
    yield f"{prompts:,} prompts x {seeds:,} seeds, {rounds} rounds"
    for _ in range(rounds):
        ours, our_laps, our_cpu = timed(with_seedscope, path)
        theirs, their_laps, their_cpu = timed(with_pandas, path)
        ratios.append(sum(their_laps.values()) / sum(our_laps.values()))
        cpu_ratios.append(their_cpu / our_cpu)
        yield line("seedscope", our_laps)
        yield line("pandas", their_laps)
    yield f"  ratio       {np.median(ratios):8.1f} x   ({min(ratios):.1f} to {max(ratios):.1f}; wanted 10)"
    yield f"  CPU seconds {np.median(cpu_ratios):8.1f} x   ({min(cpu_ratios):.1f} to {max(cpu_ratios):.1f})"
    apart = {name: float(np.abs(ours[name] - theirs[name]).max()) for name in ("effect", "se", "share")}
    yield "  largest difference   " + ", ".join(f"{name} {value:.1e}" for name, value in apart.items())
    yield f"  best by chance       {ours['chance'].mean():.4f} against {theirs['chance'].mean():.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small version, for a look")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts, seeds = (600, 256) if quick else (22_512, 1024)
        shards = write_shards(folder, prompts, seeds)
        print(f"{prompts:,} prompts x {seeds:,} seeds, {prompts * seeds:,} rows in {len(shards[1]):,} shards")
        print(line("seedscope", timed(from_shards, shards)[1]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  peak memory {peak:8.2f} GiB{'' if quick else ' (wanted under 4)'}", flush=True)
        small = (500, 256, 3) if quick else (2251, 1024, 3)
        for text in compared(folder, *small):
            print(text, flush=True)


if __name__ == "__main__":
    main()
