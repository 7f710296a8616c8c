"""The table `race.parquet`: a row for each seed of a sweep, those that went out early too."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.analysis.judging.race.scores import race_scores
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.race.effects_after import effects_after
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.tables.columns import column

RACE = pa.schema(
    [
        column("seed", pa.int64(), "The seed."),
        column("rounds", pa.int64(), "Rounds that it was in.", "rounds"),
        column("prompts", pa.int64(), "Prompts of which it has a score.", "prompts"),
        column(
            "effect", pa.float64(), "Its ranked measurement less that of the median seed, as expected on other prompts."
        ),
        column("lo", pa.float64(), "Lower end of the 95 % interval of its effect."),
        column("hi", pa.float64(), "Upper end of the 95 % interval of its effect."),
        column("chosen", pa.bool_(), "Whether the rounds chose it."),
    ]
)
"""One row a seed, the best first: rounds that it was in; prompts of which it has a score; its effect by the ranked measurement,
less that of the median seed, as it is expected on other prompts, with a 95 % interval (`effects_after`: a mixed model over all
cells, so that a seed that went out early is not judged by its bad luck alone); whether the rounds chose it. Prompts and effects
are of finished pictures, and of seeds that went out by early ones there are none; where the rounds end with those, of these."""


def _early_alone(run: DrawnRun, known: Collection[int]) -> pa.Table:
    """Rows of seeds that went out by early pictures, those that stayed longer first: of finished ones nothing is known."""
    rounds = [each.seeds for each in run.race.rounds if each.golden is None] if run.race is not None else []
    left = {seed: sum(seed in seeds for seeds in rounds) for seed in (rounds[0] if rounds else ()) if seed not in known}
    rows = [
        {"seed": seed, "rounds": stayed, "prompts": 0, "effect": None, "lo": None, "hi": None, "chosen": False}
        for seed, stayed in sorted(left.items(), key=lambda item: -item[1])
    ]
    return pa.Table.from_pylist(rows, RACE)


def write_race(run: DrawnRun) -> Path:
    """Write the table of a sweep whose rounds are drawn and measured; return its path.

    Raises:
        CorruptShard: a shard is damaged, or missing.
    """
    scores = race_scores(run)
    found, way = effects_after(scores.signed), sign(scores.better)
    rounds = [] if run.race is None else [each.seeds for each in run.race.rounds if each.golden is None]
    golden = () if run.race is None else run.race.golden or ()
    ends = np.sort(np.stack([way * found.lo, way * found.hi]), axis=0)
    order = np.argsort(-found.effect, kind="stable")
    columns = {
        "seed": scores.grid.seeds,
        "rounds": sum(
            (np.isin(scores.grid.seeds, seeds).astype(np.int64) for seeds in rounds), np.zeros(len(order), np.int64)
        ),
        "prompts": found.n,
        "effect": way * found.effect,
        "lo": ends[0],
        "hi": ends[1],
        "chosen": np.isin(scores.grid.seeds, golden),
    }
    table = pa.table({name: pa.array(values[order]) for name, values in columns.items()}, RACE)
    table = pa.concat_tables([table, _early_alone(run, scores.grid.seeds.tolist())])
    table = table.replace_schema_metadata({"measure": scores.measure, "better": scores.better})
    path = run.folder.path / "race.parquet"
    with replacing(path) as scratch:
        pq.write_table(table, scratch)
    return path
